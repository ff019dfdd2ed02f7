"""The debug world: a tiny model on the demo corpus, through the same doors that a user takes."""

import os
import subprocess
import sys
from pathlib import Path

from spectrobert.commands import train
from spectrobert.config import Config
from spectrobert.settings import composition

SER = ("--task", "ser", "--dataset", "demo")
ROOT = Path(__file__).parents[2]
SMALL = (
    "model.hidden_size=32",
    "model.num_hidden_layers=2",
    "model.num_attention_heads=2",
    "model.intermediate_size=64",
    "model.conv_dim=16",
)
QUICK = (
    "dataset.size=0.05",
    "trainer.num_workers=0",
    "trainer.batch_size=16",
    "trainer.log_every_n_steps=1",
    "trainer.threads=1",
    "optim.lr=1e-3",
)


def overrides(tmp_path: Path, task: str, *more: str, from_checkpoint: bool = False) -> list[str]:
    """Overrides of a run in the debug world; `more` is last and wins."""
    model = () if from_checkpoint else ("model=tiny", *SMALL)
    folders = (f"runs_dir={tmp_path / 'runs'}", f"data_dir={data_dir()}")
    return [f"task={task}", "dataset=demo", *model, *QUICK, *folders, *more]


def configure(tmp_path: Path, task: str, *more: str, from_checkpoint: bool = False) -> Config:
    """The composed configuration."""
    return composition.compose(overrides(tmp_path, task, *more, from_checkpoint=from_checkpoint))


def composed(*words: str) -> Config:
    """The configuration that `train.py` would hand to a run."""
    seen: list[Config] = []
    assert train.main(words, seen.append) == 0
    (config,) = seen
    return config


def data_dir() -> Path:
    """The demo corpus is written once per session of the test run, and once per user in between."""
    return Path(os.environ["SPECTROBERT_CACHE"]).parent / "data"


def train_py(*arguments: str, **more) -> subprocess.CompletedProcess[str]:
    """`python train.py ...` as a user calls it."""
    return _call([sys.executable, str(ROOT / "train.py"), *arguments], **more)


def verb(*arguments: str, **more) -> subprocess.CompletedProcess[str]:
    """`python -m spectrobert ...` as a user calls it."""
    return _call([sys.executable, "-m", "spectrobert", *arguments], **more)


def _call(command: list[str], **more) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=600, env=environment, **more
    )
