"""Comet offline: the archive holds what was logged; Lightning's own offline logger writes none."""

from __future__ import annotations

import http.server
import io
import json
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from rich.console import Console

from spectrobert.errors import UserError
from spectrobert.run import curves
from spectrobert.run.comet.logger import IDENTITY, KEY
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder

from ..helpers.runs import kill_at, start
from ..helpers.world import configure, overrides, train_py


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv(KEY, raising=False)


class Archive:
    """An offline experiment, as its zip tells it."""

    def __init__(self, path: Path):
        with zipfile.ZipFile(path) as opened:
            self.files = {name: opened.read(name) for name in opened.namelist()}
        lines = self.files["messages.json"].decode().splitlines()
        self.messages = [json.loads(line) for line in lines]
        self.experiment = json.loads(self.files["experiment.json"])

    def payloads(self, kind: str) -> list[dict]:
        return [m["payload"] for m in self.messages if m["type"] == kind]

    def metrics(self) -> dict[str, dict[int, float]]:
        found: dict[str, dict[int, float]] = {}
        for payload in self.payloads("metric_msg"):
            metric = payload["metric"]
            steps = found.setdefault(metric["metricName"], {})
            steps[metric["step"]] = float(metric["metricValue"])
        return found

    def assets(self, kind: str = "") -> dict[str, bytes]:
        """Of one kind, by name."""
        uploads = [*self.payloads("file_upload"), *self.payloads("asset_upload")]
        return {
            u["additional_params"]["fileName"]: self.files[Path(u["file_path"]).name]
            for u in uploads
            if not kind or u["upload_type"] == kind
        }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run with Comet offline: its folder and its archive."""
    folder = tmp_path_factory.mktemp("comet")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(KEY, raising=False)
        config = configure(folder, "ser", "logger=comet", "trainer.epochs=1")
        fit(config, Console(file=io.StringIO()))
    (path,) = RunFolder.of(config).comet.glob("*.zip")
    return RunFolder.of(config).path, Archive(path)


def test_the_archive_holds_curves_and_parameters(finished):
    folder, archive = finished
    for metric in ("train/loss", "val/unweighted_accuracy"):
        written = dict(curves.curve(folder / "metrics.csv", metric))
        assert archive.metrics()[metric] == pytest.approx(written)
    payloads = archive.payloads("parameter_msg")
    parameters = {
        p["param"]["paramName"]: p["param"]["paramValue"] for p in payloads if "param" in p
    }
    assert float(parameters["optim|lr"]) == 0.001


def test_the_archive_holds_scores_and_the_commit(finished):
    folder, archive = finished
    results = json.loads((folder / "results.json").read_text())
    logged = {name: list(steps.values()) for name, steps in archive.metrics().items()}
    for name, value in results["test"]["metrics"].items():
        assert logged[f"test/{name}"] == [pytest.approx(value)]
    others = {p["key"]: p["value"] for p in archive.payloads("log_other")}
    assert others["git_commit"] == results["git_commit"] != ""
    assert int(others["trainable_parameters"]) == results["freeze"]["trainable"]


def test_the_archive_holds_matrix_curves_embeddings_sounds_and_files(finished):
    folder, archive = finished
    results = json.loads((folder / "results.json").read_text())
    (matrix,) = archive.assets("confusion-matrix").values()
    assert json.loads(matrix)["matrix"] == results["test"]["confusion_matrix"]
    roc = {json.loads(a)["name"]: json.loads(a) for a in archive.assets("curve").values()}
    present = [
        n for n, r in zip(results["test"]["labels"], results["test"]["confusion_matrix"]) if sum(r)
    ]
    assert set(roc) == {f"ROC {label}" for label in present}
    for curve in roc.values():
        assert (curve["x"][0], curve["y"][0]) == (0, 0)
        assert (curve["x"][-1], curve["y"][-1]) == (1, 1)
    assets = archive.assets()
    vectors = next(body for name, body in assets.items() if "vectors" in name or "tensor" in name)
    assert len(vectors.decode().strip().splitlines()) == results["test"]["n"]
    assert json.loads(assets["freeze.json"])["train"] == ["all"]
    assert json.loads(assets["results.json"]) == results
    assert assets["predictions.csv"] == (folder / "predictions.csv").read_bytes()
    sounds = archive.assets("audio")
    assert {name.split("-")[0] for name in sounds} <= {"right", "wrong"}
    assert 4 <= len(sounds) <= 8
    for body in sounds.values():
        wave, rate = sf.read(io.BytesIO(body))
        assert rate == 16000
        assert np.abs(wave).max() > 0


def test_a_killed_run_goes_on_in_the_same_experiment_with_all_of_its_curve(tmp_path):
    arguments = overrides(
        tmp_path, "ser", "logger=comet", "trainer.epochs=6", "trainer.checkpoint_minutes=0"
    )
    folder = tmp_path / "runs" / "demo_ser" / "seed0"
    kill_at(start(arguments), folder / "metrics.csv", 10)
    key = (folder / "comet" / IDENTITY).read_text()
    done = train_py(*arguments, "--resume")
    assert done.returncode == 0, done.stderr
    (path,) = (folder / "comet").glob(f"{key}-*.zip")  # beside the empty one of the killed process
    archive = Archive(path)
    assert archive.experiment["offline_id"] == key
    assert archive.experiment["resume_strategy"] == "get_or_create"
    written = dict(curves.curve(folder / "metrics.csv", "train/loss"))
    assert archive.metrics()["train/loss"] == pytest.approx(written)


def test_a_key_that_comet_refuses_does_not_stop_the_run(tmp_path, monkeypatch):
    class Refuse(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(401)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuse)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(KEY, "not-a-key")
    monkeypatch.setenv("COMET_URL_OVERRIDE", f"http://127.0.0.1:{server.server_port}/clientlib/")
    config = configure(tmp_path, "ser", "logger=comet", "trainer.epochs=1", "trainer.max_steps=2")
    said = io.StringIO()
    try:
        results = fit(config, Console(file=said, width=200))
    finally:
        server.shutdown()
    assert results["steps_run"] == 2
    assert "Comet does not accept this run" in said.getvalue()
    (path,) = RunFolder.of(config).comet.glob("*.zip")
    assert "train/loss" in Archive(path).metrics() or "test/loss" in Archive(path).metrics()


def test_online_without_a_key_is_refused(tmp_path):
    config = configure(tmp_path, "ser", "logger=comet", "logger.mode=online", "trainer.epochs=1")
    with pytest.raises(UserError, match="COMET_API_KEY is not set"):
        fit(config, Console(file=io.StringIO()))
    assert not (tmp_path / "runs").exists()
