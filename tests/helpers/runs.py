"""Whole runs: in this process, or in one of their own that a test watches and signals."""

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import torch
from rich.console import Console

from spectrobert.config import Config
from spectrobert.run import curves
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder

from .world import ROOT, configure


def silent(width: int = 200) -> Console:
    """A console whose file holds what was printed."""
    return Console(file=io.StringIO(), width=width)


def trained(folder: Path, task: str, *more: str, **options: bool) -> RunFolder:
    """A finished run of the debug world."""
    config = configure(folder, task, *more, **options)
    fit(config, silent())
    return RunFolder.of(config)


def finish(config: Config) -> tuple[RunFolder, dict, str]:
    """The directory of a run, its results, and all that it printed, on one line."""
    console = silent(300)
    results = fit(config, console)
    return RunFolder.of(config), results, " ".join(console.file.getvalue().split())


def start(words: list[str], **more) -> subprocess.Popen:
    """`python train.py ...`, or another script that `words` begin with, left to itself."""
    script = [] if words[0].startswith("-") else [str(ROOT / "train.py")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    command = [sys.executable, *script, *words]
    return subprocess.Popen(command, env=environment, **(output | more))


def wait_for_step(process: subprocess.Popen, metrics: Path, step: int) -> None:
    """Return as soon as this step has been logged."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the run ended too early: {process.communicate()[0]}"
        if metrics.exists() and any(s >= step for s, *_ in curves.read(metrics)):
            return
        time.sleep(0.005)
    raise AssertionError(f"step {step} was never logged")


def kill_at(process: subprocess.Popen, metrics: Path, step: int) -> None:
    """SIGKILL as soon as this step has been logged."""
    wait_for_step(process, metrics, step)
    process.kill()
    process.wait()  # what it has started may hold its output open


def last_words(process: subprocess.Popen) -> str:
    """Everything that a process has printed, once it has ended."""
    try:
        return process.communicate(timeout=200)[0]
    finally:
        process.kill()


def losses(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Curves of a run directory."""
    path = RunFolder(folder).metrics
    return {name: curves.curve(path, name) for name in ("train/loss", "val/loss")}


def checkpoint(folder: Path, name: str = "last") -> dict:
    """The contents of a checkpoint of a run directory."""
    path = RunFolder(folder).checkpoints / f"{name}.ckpt"
    return torch.load(path, map_location="cpu", weights_only=True)
