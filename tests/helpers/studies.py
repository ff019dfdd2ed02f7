"""Searches in the debug world, here or by workers in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

from spectrobert.experiments import search_space, tuning

from .world import ROOT, overrides

SPACE = "optim.lr: {low: 1e-4, high: 1e-2, log: true}\ntrainer.batch_size: [8, 16]\n"
SEARCHED = ("optim.lr", "trainer.batch_size")


def search(tmp_path: Path, *more: str, space: str = SPACE, startup: int = 2) -> tuning.Search:
    """A search for the debug world's values of `space`, in runs/study."""
    path = tmp_path / "space.yaml"
    path.write_text(space)
    words = overrides(tmp_path, "ser", "trainer.epochs=2", *more)
    chosen = tuple(word for word in words if not word.startswith(SEARCHED))
    folder = tmp_path / "runs" / "study"
    return tuning.Search(folder, chosen, search_space.read(str(path)), 0, startup)


def worker(asked: tuning.Search, trials: int, **more) -> subprocess.Popen[str]:
    """A process that works on the search."""
    runs_dir = asked.folder.parent
    command = [sys.executable, "-m", "spectrobert", "tune", "--trials", str(trials)]
    command += ["--study", asked.name, "--runs_dir", str(runs_dir)]
    command += ["--space", str(runs_dir.parent / "space.yaml")]
    command += [word for word in asked.overrides if not word.startswith("runs_dir=")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, **more)
