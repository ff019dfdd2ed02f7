"""A run that is killed and resumed ends as one left alone: same losses, weights, scores."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from spectrobert.run import curves
from spectrobert.run.folder import RunFolder

from ..helpers.world import ROOT, overrides, train_py

EPOCHS = 3
STEPS_PER_EPOCH = 8  # 120 clips, batches of 16


def start(arguments: list[str]) -> subprocess.Popen:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "train.py"), *arguments]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def kill_at(process: subprocess.Popen, metrics: Path, step: int) -> None:
    """SIGKILL as soon as this step has been logged."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert process.poll() is None, "the run ended before it could be killed"
        if metrics.exists() and any(s >= step for s, *_ in curves.read(metrics)):
            process.send_signal(signal.SIGKILL)
            process.wait()
            return
        time.sleep(0.005)
    raise AssertionError(f"step {step} was never logged")


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resume")

    def of(name: str, *more: str) -> list[str]:
        # dropout on, random crops, one worker: all that could go differently the second time
        return overrides(
            folder,
            "pre",
            f"experiment_name={name}",
            f"trainer.epochs={EPOCHS}",
            "trainer.checkpoint_minutes=0",
            "trainer.num_workers=1",
            "dataset.crop=random",
            "dataset.max_seconds=1.5",
            *more,
        )

    of.folder = folder / "runs"
    return of


@pytest.fixture(scope="module")
def whole(arguments):
    done = train_py(*arguments("whole"))
    assert done.returncode == 0, done.stderr
    return arguments.folder / "whole" / "seed0"


# in the middle of the first epoch, at the end of one, in the middle of a later one
@pytest.mark.parametrize("step", [3, STEPS_PER_EPOCH - 1, STEPS_PER_EPOCH, 2 * STEPS_PER_EPOCH + 5])
def test_killed_and_resumed_is_as_uninterrupted(arguments, whole, step):
    name = f"killed{step}"
    folder = arguments.folder / name / "seed0"
    kill_at(start(arguments(name)), folder / "metrics.csv", step)
    assert not (folder / "results.json").exists()
    done = train_py(*arguments(name), "--resume")
    assert done.returncode == 0, done.stderr

    losses = {m: curves.curve(whole / "metrics.csv", m) for m in ("train/loss", "val/loss")}
    assert len(losses["train/loss"]) == EPOCHS * STEPS_PER_EPOCH
    for metric, expected in losses.items():
        assert curves.curve(folder / "metrics.csv", metric) == expected
    states = [
        torch.load(f / "checkpoints" / "last.ckpt", weights_only=True) for f in (whole, folder)
    ]
    for key, value in states[0]["state_dict"].items():
        assert torch.equal(value, states[1]["state_dict"][key]), key
    metrics = [
        json.loads((f / "results.json").read_text())["test"]["metrics"] for f in (whole, folder)
    ]
    assert metrics[0] == metrics[1]


def test_no_step_is_logged_twice(arguments, whole):
    rows = [(s, m) for s, _, m, _ in curves.read(whole / "metrics.csv")]
    assert len(rows) == len(set(rows))


def test_a_finished_run_resumes_to_its_results(arguments, whole):
    done = train_py(*arguments("whole"), "--resume")
    assert done.returncode == 0
    assert "nothing to resume" in done.stdout


def test_resuming_with_other_settings_is_refused(arguments, whole):
    done = train_py(*arguments("whole"), "--resume", "optim.lr=0.5")
    assert done.returncode == 2
    assert "optim.lr=0.001 then, 0.5 now" in done.stderr


def test_without_resume_nothing_is_overwritten(arguments, whole):
    before = (whole / "results.json").read_text()
    done = train_py(*arguments("whole"))
    assert done.returncode == 2
    assert "--resume" in done.stderr
    assert (whole / "results.json").read_text() == before


def test_a_run_killed_before_its_first_checkpoint_begins_anew(arguments):
    folder = arguments.folder / "early" / "seed0"
    config_only = folder / "config.yaml"
    config_only.parent.mkdir(parents=True)
    from spectrobert.settings import composition

    RunFolder(folder).write_config(composition.compose(arguments("early")))
    done = train_py(*arguments("early"), "--resume", "trainer.epochs=1")
    assert done.returncode == 0, done.stderr
