"""Ctrl-C: the log names what was saved and how to continue; the exit code is 130."""

import os
import signal
import sys

import pytest
from optuna.trial import TrialState
from rich.console import Console

from spectrobert.__main__ import main
from spectrobert.commands import train
from spectrobert.experiments import tuning
from spectrobert.run.folder import RESULTS
from spectrobert.tasks import Task

from ..helpers.runs import checkpoint, last_words, losses, start, trained, wait_for_step
from ..helpers.studies import search
from ..helpers.world import SMALL, data_dir, overrides, train_py
from .test_preemption import words


@pytest.fixture(autouse=True)
def listens():
    """Python's own reaction to Ctrl-C; a shell's background jobs are started without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt(*_: object, **__: object) -> None:
    signal.raise_signal(signal.SIGINT)


def test_during_epochs_the_state_is_written_and_the_run_continues(tmp_path):
    process = start(words(tmp_path, "stopped"), start_new_session=True)
    folder = tmp_path / "runs" / "stopped" / "seed0"
    wait_for_step(process, folder / "metrics.csv", 10)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the loader's worker too
    log = last_words(process)
    assert process.returncode == 130, log
    last = folder / "checkpoints" / "last.ckpt"
    step = checkpoint(folder)["global_step"]
    assert step > 10
    wanted = f"SIGINT: the state of step {step} is written; --resume continues from {last}"
    assert wanted in log.splitlines()
    assert log.splitlines()[-1] == "interrupted"
    assert "Traceback" not in log
    done = train_py(*words(tmp_path, "stopped"), "--resume")
    assert done.returncode == 0, done.stderr
    assert f"resuming from {last}" in done.stdout
    assert [step for step, _ in losses(folder)["train/loss"]] == list(range(24))


def test_twice_leaves_at_once(tmp_path):
    from spectrobert.run import preemption

    log: list[str] = []

    def run() -> None:
        with preemption.listening(log.append, tmp_path) as notice:
            notice.begin_training()
            interrupt()
            assert notice.is_given
            interrupt()
            pytest.fail("it went on")

    with pytest.raises(KeyboardInterrupt):
        run()
    assert log[0].startswith("SIGINT: this step ends")
    assert log[1].startswith("SIGINT: the step is not waited for; there is no checkpoint yet")


def test_during_preparation_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("spectrobert.run.fit.prepare", interrupt)
    assert train.main(overrides(tmp_path, "ser")) == 130
    out, err = capsys.readouterr()
    assert "SIGINT: outside training nothing is written; there is no checkpoint yet" in out
    assert err == "interrupted\n"
    assert not (tmp_path / "runs").exists()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("finished"), "ser", "trainer.epochs=1").path


def test_while_a_run_is_scored(finished, monkeypatch, capsys):
    monkeypatch.setattr(Task, "on_test_epoch_start", interrupt)
    (finished / RESULTS).rename(finished / "kept")
    try:
        again = overrides(finished.parents[2], "ser", "trainer.epochs=1", "resume=true")
        assert train.main(again) == 130
    finally:
        (finished / "kept").rename(finished / RESULTS)
    out, err = capsys.readouterr()
    last = finished / "checkpoints" / "last.ckpt"
    assert f"nothing is written; --resume continues from {last}" in out
    assert err == "interrupted\n"


def test_while_evaluate_scores(finished, monkeypatch, capsys):
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(Task, "on_test_epoch_start", interrupt)
    monkeypatch.setattr(sys, "argv", ["", "evaluate", str(finished)])
    assert main() == 130
    assert capsys.readouterr().err.endswith("interrupted\n")
    assert signal.getsignal(signal.SIGINT) == before  # Lightning would ignore all that follow


def test_a_table_waits_for_its_run_to_write_its_state(tmp_path):
    row = "rows:\n  - {name: one, overrides: [model=tiny, experiment_name=one]}\n"
    text = f"title: mine\ntask: ser\ndataset: demo\nmetrics: [accuracy]\n{row}"
    (tmp_path / "mine.yaml").write_text(text)
    more = ["trainer.epochs=50", "dataset.size=0.05", "trainer.log_every_n_steps=1", *SMALL]
    folders = ["--runs_dir", str(tmp_path / "runs"), "--data_dir", str(data_dir())]
    verb = ["-m", "spectrobert", "table", str(tmp_path / "mine.yaml"), *folders, *more]
    process = start(verb, start_new_session=True)
    folder = tmp_path / "runs" / "one" / "seed0"
    wait_for_step(process, folder / "metrics.csv", 10)
    os.killpg(process.pid, signal.SIGINT)
    log = last_words(process)
    assert process.returncode == 130, log
    assert (
        "SIGINT: " in log
    )  # on a slow machine it may come in a validation, which is not waited for
    assert "--resume continues from" in log
    assert log.splitlines()[-1] == "interrupted"
    assert "what has finished stays; the same command continues" in log
    assert (folder / "checkpoints" / "last.ckpt").exists()
    assert "Traceback" not in log


def test_a_search_queues_its_trial_again(tmp_path, monkeypatch):
    asked = search(tmp_path, "trainer.epochs=1")

    def leave(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tuning, "fit", leave)
    with pytest.raises(KeyboardInterrupt):
        tuning.work(asked, 1, 60, Console(quiet=True))
    monkeypatch.undo()
    study = tuning.work(asked, 1, 60, Console(quiet=True))
    assert [t.state for t in study.trials] == [TrialState.FAIL, TrialState.COMPLETE]
    assert study.trials[0].params == study.trials[1].params
    assert study.trials[1].user_attrs["folder"] == "trial0"
