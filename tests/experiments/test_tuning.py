"""Searches in the debug world: workers share a study, killed ones are repeated, bad ones pruned."""

import csv
import io
import sys
import time
from dataclasses import replace

import pytest
import yaml
from optuna.trial import TrialState
from rich.console import Console

from spectrobert.__main__ import main
from spectrobert.errors import UserError
from spectrobert.experiments import search_space, study_report, tuning
from spectrobert.experiments.heartbeat import beating, last_sign
from spectrobert.run import curves
from spectrobert.run.folder import RunFolder
from spectrobert.settings import composition

from ..helpers.studies import search, worker


def silent() -> Console:
    return Console(file=io.StringIO(), width=200)


def as_begun(asked: tuning.Search) -> tuning.Search:
    """The search with the overrides in its study.yaml, which a worker has put in its own order."""
    described = yaml.safe_load((asked.folder / "study.yaml").read_text())
    return replace(asked, overrides=tuple(described["overrides"]))


def test_a_study_finds_the_best_trial_and_writes_what_it_is(tmp_path):
    asked = search(tmp_path)
    study = tuning.work(asked, 3, 60, silent())
    printed = silent()
    study_report.write(study, asked, "val/unweighted_accuracy", printed)
    with (asked.folder / "trials.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["state"] for line in lines] == ["complete"] * 3
    values = [float(line["val/unweighted_accuracy"]) for line in lines]
    best = values.index(max(values))
    assert study.best_trial.number == best
    written = yaml.safe_load((asked.folder / "best.yaml").read_text())
    assert written["optim"]["lr"] == pytest.approx(float(lines[best]["optim.lr"]))
    assert written["trainer"]["batch_size"] == int(lines[best]["trainer.batch_size"])
    for number in range(3):
        run = asked.folder / f"trial{number}" / "seed0"
        results = RunFolder(run).read_results()
        assert "test" not in results  # a search must not see it
        assert results["val"]["split"] == "val"
        assert results["monitor"]["value"] == pytest.approx(values[number])
        assert (run / "model").exists() == (number == best)
    for name in ("history", "curves", "slices"):
        assert (asked.folder / f"{name}.png").stat().st_size > 5_000
    command = printed.file.getvalue().split("test it: ")[1].split()
    config = composition.compose(command[2:])
    assert config.optim.lr == pytest.approx(written["optim"]["lr"])


def test_a_space_of_lists_is_a_grid(tmp_path):
    space = "optim.lr: [1e-3, 1e-4]\ntrainer.batch_size: [8, 16]\n"
    asked = search(tmp_path, "trainer.epochs=1", space=space, startup=9)
    study = tuning.work(asked, 1, 60, silent())
    study = tuning.work(asked, 9, 60, silent())  # asked again, and for more than there are points
    points = [(t.params["optim.lr"], t.params["trainer.batch_size"]) for t in study.trials]
    assert points == [(1e-3, 8), (1e-3, 16), (1e-4, 8), (1e-4, 16)]


def test_asking_again_runs_only_what_is_missing(tmp_path):
    asked = search(tmp_path, "trainer.epochs=1")
    tuning.work(asked, 1, 60, silent())
    written = (asked.folder / "trial0" / "seed0" / "results.json").stat().st_mtime_ns
    study = tuning.work(asked, 2, 60, silent())
    assert len(study.trials) == 2
    assert (asked.folder / "trial0" / "seed0" / "results.json").stat().st_mtime_ns == written


def test_another_search_under_the_same_name_is_refused(tmp_path):
    tuning.work(search(tmp_path, "trainer.epochs=1"), 1, 60, silent())
    other = search(tmp_path, "trainer.epochs=1", space="optim.lr: [1e-3, 1e-4]\n")
    with pytest.raises(UserError, match="another study: space"):
        tuning.work(other, 2, 60, silent())


def test_a_killed_worker_is_noticed_and_its_trial_resumed(tmp_path):
    asked = search(tmp_path, "trainer.epochs=40", "trainer.checkpoint_minutes=0")
    killed = worker(asked, 1)
    run = RunFolder(asked.folder / "trial0" / "seed0")
    deadline = time.monotonic() + 600
    while not ((run.checkpoints / "last.ckpt").exists() and curves.read(run.metrics)):
        assert time.monotonic() < deadline  # a step's row is written after its checkpoint
        assert killed.poll() is None
        time.sleep(0.02)
    killed.kill()
    killed.communicate()
    first = run.metrics.read_text().splitlines()[1]
    path = asked.folder / "study.yaml"  # fewer epochs, only so that the rest of the test is short
    path.write_text(path.read_text().replace("trainer.epochs=40", "trainer.epochs=2"))
    time.sleep(0.3)
    study = tuning.work(as_begun(asked), 1, 0.2, silent())
    assert [t.state for t in study.trials] == [TrialState.FAIL, TrialState.COMPLETE]
    assert study.trials[0].params == study.trials[1].params
    assert study.trials[1].user_attrs["folder"] == "trial0"
    assert run.metrics.read_text().splitlines()[1] == first  # resumed, not begun again
    assert not (asked.folder / "trial1").exists()


def test_a_lagging_trial_is_pruned(tmp_path):
    asked = search(tmp_path, space="optim.lr: {low: 1e-4, high: 1e-3}\n", startup=1)
    study = tuning.join(asked)
    for number in range(3):  # three finished trials, far better after the second epoch
        trial = study.ask(asked.space)
        for epoch in range(2):
            trial.report(2.0 + number, epoch)
        study.tell(trial, 2.0)
    study = tuning.work(asked, 4, 60, silent())
    pruned = study.trials[-1]
    assert pruned.state == TrialState.PRUNED
    run = asked.folder / "trial3" / "seed0"
    assert (run / "metrics.csv").exists()
    assert not (run / "checkpoints").exists()


def test_failing_trials_end_the_search_with_the_reason(tmp_path, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise UserError("loss is nan at step 3")

    monkeypatch.setattr(tuning, "fit", fail)
    asked = search(tmp_path)
    with pytest.raises(UserError, match=r"3 trials in a row failed, the last one: loss is nan"):
        tuning.work(asked, 5, 60, silent())
    study = tuning.join(asked)
    assert [t.state for t in study.trials] == [TrialState.FAIL] * 3
    assert study.trials[0].user_attrs["fault"] == "loss is nan at step 3"


def test_two_workers_share_the_trials(tmp_path):
    asked = search(tmp_path, "trainer.epochs=1")
    workers = [worker(asked, 4) for _ in range(2)]
    printed = [one.communicate(timeout=240)[0] for one in workers]
    assert [one.returncode for one in workers] == [0, 0]
    begun = [sum(", trainer.batch_size=" in line for line in text.splitlines()) for text in printed]
    trials = tuning.join(as_begun(asked)).trials
    assert sum(begun) == len(trials)
    assert len(trials) in (4, 5)  # both may draw the last one at the same moment
    assert len({t.params["optim.lr"] for t in trials}) == len(trials)


@pytest.mark.parametrize("folder", ["../other", "/tmp", "", "trial0/../../other"])
def test_a_journal_names_no_folder_outside_its_study(tmp_path, folder):
    """An edited one could otherwise have weights of other runs deleted."""
    asked = search(tmp_path)
    other = tmp_path / "runs" / "other" / "seed0" / "model"
    other.mkdir(parents=True)
    study = tuning.join(asked)
    trial = study.ask(asked.space)
    trial.set_user_attr("folder", folder)
    with pytest.raises(UserError, match=r"journal\.log is damaged: folder"):
        tuning._tidy(asked, trial)
    with pytest.raises(UserError, match=r"journal\.log is damaged: folder"):
        tuning.run_trial(study, trial, asked, silent())
    assert other.exists()


def test_signs_of_life(tmp_path):
    assert last_sign(tmp_path, 0) is None
    with beating(tmp_path, 0, interval=0.05):
        time.sleep(0.4)
        assert last_sign(tmp_path, 0) < 0.3
    time.sleep(0.4)
    assert last_sign(tmp_path, 0) > 0.3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "options and their ranges expected"),
        ("optim.lr: 3", "optim.lr: a list of values or {low, high"),
        ("optim.lr: {low: 1}", "optim.lr: a list of values or {low, high"),
        ("optim.lr: {low: 2, high: 1}", "optim.lr: "),
        ("optim.lr: {low: 0, high: 1.0, log: true}", "optim.lr: "),
        ("a: [1", "is no YAML"),
    ],
)
def test_a_wrong_space_is_one_line(tmp_path, text, message):
    path = tmp_path / "space.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message.replace("{", r"\{")) as refusal:
        search_space.read(str(path))
    assert "\n" not in str(refusal.value)


def test_the_space_in_conf_composes_at_its_ends():
    space = search_space.read("default")
    for params in search_space.ends(space):
        chosen = [f"{key}={value}" for key, value in params.items()]
        config = composition.compose(["task=ser", "dataset=ravdess", "model=tiny", *chosen])
        assert config.optim.lr == params["optim.lr"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--trials", "2", "--space", "nothing"], "unknown search space 'nothing'"),
        (["--trials", "2", "optim.lr=1"], "optim.lr is set on the command line and searched"),
        (["--trials", "2", "trainer.oops=1"], "unknown key 'trainer.oops'"),
        (["--trials", "0"], "--trials"),
        ([], "--trials"),
    ],
)
def test_wrong_words_are_one_line(tmp_path, words, message, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["", "tune", "--task", "ser", "--dataset", "demo", *words])
    assert main() == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count("\n") == 1
    assert not (tmp_path / "runs").exists()
