"""Comet offline: the archive holds what was logged; Lightning's own offline logger writes none."""

import io
import json
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile as sf

from spectrobert.errors import UserError
from spectrobert.run import card, curves, findings
from spectrobert.run.calibrating import calibrate
from spectrobert.run.comet.findings import figures
from spectrobert.run.comet.logger import IDENTITY, KEY
from spectrobert.run.folder import RunFolder

from ..helpers.runs import finish, kill_at, start
from ..helpers.world import configure, overrides, train_py


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv(KEY, raising=False)


class Archive:
    """An offline experiment, read from the only zip of this name in a run directory."""

    def __init__(self, run: RunFolder, pattern: str = "*.zip"):
        (path,) = run.comet.glob(pattern)
        with zipfile.ZipFile(path) as opened:
            self.files = {name: opened.read(name) for name in opened.namelist()}
        lines = self.files["messages.json"].decode().splitlines()
        self.messages = [json.loads(line) for line in lines]
        self.experiment = json.loads(self.files["experiment.json"])

    def payloads(self, kind: str) -> list[dict]:
        return [m["payload"] for m in self.messages if m["type"] == kind]

    def metrics(self) -> dict[str, dict[int, float]]:
        """Name -> step -> value."""
        values: dict[str, dict[int, float]] = {}
        for metric in (payload["metric"] for payload in self.payloads("metric_msg")):
            steps = values.setdefault(metric["metricName"], {})
            steps[metric["step"]] = float(metric["metricValue"])
        return values

    def assets(self, kind: str = "") -> dict[str, bytes]:
        """Name -> contents, of one kind or all."""
        uploads = [*self.payloads("file_upload"), *self.payloads("asset_upload")]
        return {
            u["additional_params"]["fileName"]: self.files[Path(u["file_path"]).name]
            for u in uploads
            if not kind or u["upload_type"] == kind
        }


class Finished(NamedTuple):
    """A run with Comet offline."""

    run: RunFolder
    results: dict
    archive: Archive


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Finished:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(KEY, raising=False)
        config = configure(
            tmp_path_factory.mktemp("comet"), "ser", "logger=comet", "trainer.epochs=1"
        )
        run, _, _ = finish(config)
    return Finished(run, run.read_results(), Archive(run))


def test_the_archive_holds_curves_and_parameters(finished):
    for metric in ("train/loss", "val/unweighted_accuracy"):
        written = dict(curves.curve(finished.run.metrics, metric))
        assert finished.archive.metrics()[metric] == pytest.approx(written)
    sent = [p["param"] for p in finished.archive.payloads("parameter_msg") if "param" in p]
    parameters = {param["paramName"]: param["paramValue"] for param in sent}
    assert float(parameters["optim|lr"]) == 0.001


def test_the_archive_holds_scores_and_facts(finished):
    results = finished.results
    logged = finished.archive.metrics()
    for name, value in results["test"]["metrics"].items():
        assert list(logged[f"test/{name}"].values()) == [pytest.approx(value)]
    others = {p["key"]: p["value"] for p in finished.archive.payloads("log_other")}
    assert card.facts(results).items() <= others.items()
    assert others["git_commit"] == results["git_commit"] != ""
    assert int(others["trainable_parameters"]) == results["freeze"]["trainable"]


def test_the_archive_holds_matrix_curves_and_embeddings(finished):
    scores, archive = finished.results["test"], finished.archive
    (matrix,) = archive.assets("confusion-matrix").values()
    assert json.loads(matrix)["matrix"] == scores["confusion_matrix"]
    roc = [json.loads(asset) for asset in archive.assets("curve").values()]
    rows = zip(scores["labels"], scores["confusion_matrix"])
    assert {curve["name"] for curve in roc} == {f"ROC {label}" for label, n in rows if sum(n)}
    for curve in roc:
        assert (curve["x"][0], curve["y"][0]) == (0, 0)
        assert (curve["x"][-1], curve["y"][-1]) == (1, 1)
    assets = archive.assets().items()
    vectors = next(body for name, body in assets if "vectors" in name or "tensor" in name)
    assert len(vectors.decode().strip().splitlines()) == scores["n"]


def test_the_archive_holds_files_and_sounds(finished):
    run, results, archive = finished
    assets = archive.assets()
    assert json.loads(assets["freeze.json"])["train"] == ["all"]
    assert json.loads(assets["results.json"]) == results
    for path in (run.predictions, run.card):
        assert assets[path.name] == path.read_bytes()
    sounds = archive.assets("audio")
    assert {name.split("-")[0] for name in sounds} <= {"right", "wrong"}
    assert 4 <= len(sounds) <= 8
    for body in sounds.values():
        wave, rate = sf.read(io.BytesIO(body))
        assert rate == 16000
        assert np.abs(wave).max() > 0


def test_a_killed_run_continues_the_same_experiment_with_all_of_its_curve(tmp_path):
    more = ("logger=comet", "trainer.epochs=6", "trainer.checkpoint_minutes=0")
    words = overrides(tmp_path, "ser", *more)
    run = RunFolder(tmp_path / "runs" / "demo_ser" / "seed0")
    kill_at(start(words), run.metrics, 10)
    key = (run.comet / IDENTITY).read_text()
    done = train_py(*words, "--resume")
    assert done.returncode == 0, done.stderr
    archive = Archive(run, f"{key}-*.zip")  # not the empty one of the killed process
    assert archive.experiment["offline_id"] == key
    assert archive.experiment["resume_strategy"] == "get_or_create"
    written = dict(curves.curve(run.metrics, "train/loss"))
    assert archive.metrics()["train/loss"] == pytest.approx(written)


class Refuse(BaseHTTPRequestHandler):
    """Comet's answer to a key that it does not know."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(401)
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def test_a_key_that_comet_refuses_does_not_stop_the_run(tmp_path, monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuse)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(KEY, "not-a-key")
    monkeypatch.setenv("COMET_URL_OVERRIDE", f"http://127.0.0.1:{server.server_port}/clientlib/")
    config = configure(tmp_path, "ser", "logger=comet", "trainer.epochs=1", "trainer.max_steps=2")
    try:
        run, results, printed = finish(config)
    finally:
        server.shutdown()
    assert results["steps_run"] == 2
    assert "Comet does not accept this run" in printed
    assert Archive(run).metrics().keys() & {"train/loss", "test/loss"}


def test_online_without_a_key_is_refused(tmp_path):
    config = configure(tmp_path, "ser", "logger=comet", "logger.mode=online", "trainer.epochs=1")
    with pytest.raises(UserError, match="COMET_API_KEY is not set"):
        finish(config)
    assert not (tmp_path / "runs").exists()


def test_what_is_found_after_the_run_goes_into_its_experiment(finished, capfd):
    run = finished.run
    before = set(run.comet.glob("*.zip"))
    found = calibrate(run.path)
    (written,) = set(run.comet.glob("*.zip")) - before
    archive = Archive(run, written.name)
    assert archive.experiment["offline_id"] == (run.comet / IDENTITY).read_text()
    assert archive.experiment["resume_strategy"] == "get_or_create"
    values = {name: value for name, of in archive.metrics().items() for value in of.values()}
    assert values["calibration/temperature"] == pytest.approx(found["temperature"])
    ece = found["test"]["metrics"]["ece_after"]
    assert values["calibration/test/metrics/ece_after"] == pytest.approx(ece)
    assets = archive.assets()
    assert assets["calibration.json"] == run.calibration.read_bytes()
    assert assets["card.md"] == run.card.read_bytes()
    assert b"### Calibration" in assets["card.md"]
    assert "Comet: calibration.json is in an archive" in capfd.readouterr().err


@pytest.mark.parametrize("fault", ["no package", "no key"])
def test_what_cannot_be_sent_is_one_line(finished, monkeypatch, tmp_path, capfd, fault):
    run = RunFolder(tmp_path / "run")
    run.comet.mkdir(parents=True)
    (run.comet / IDENTITY).write_text("0" * 32)
    mode = "online" if fault == "no key" else "offline"
    config = finished.run.config.read_text().replace("mode: auto", f"mode: {mode}")
    run.config.write_text(config)
    run.spoken.write_text('{"answers": {}}')
    if fault == "no package":
        monkeypatch.setitem(sys.modules, "comet_ml", None)
    findings.keep(run, run.spoken)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("Comet: spoken.json is not sent: ")
    assert ("COMET_API_KEY is not set" in lines[0]) is (fault == "no key")
    assert not list(run.comet.glob("*.zip"))


def test_findings_of_a_run_without_comet_stay_at_home(tmp_path, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "comet_ml", None)
    findings.keep(RunFolder(tmp_path), tmp_path / "spoken.json")
    assert capfd.readouterr().err == ""


def test_figures_by_their_paths():
    found = {
        "run": "runs/a",
        "n": 24,
        "sure": True,
        "threshold": None,
        "curve": [[0.1, 0.2], [0.3, 0.4]],
        "plain": {"name": "as it is", "score": [0.5, [0.4, 0.6], ""], "lost": None},
        "cards": [{"name": "sex", "slices": [{"value": "male", "n": 12}], "p": float("nan")}],
    }
    assert figures(found, "slices/test") == {
        "slices/test/n": 24,
        "slices/test/plain/score": 0.5,
        "slices/test/cards/sex/slices/male/n": 12,
    }
