"""The run directory: what it holds, and how it is read back (DESIGN section 4).

runs/<experiment_name>/seed<k>[/fold<f>]/
    config.yaml  split.csv  skipped.csv  tokenizer/  checkpoints/{best,last,previous}.ckpt
    metrics.csv  model/  predictions.csv  card.md  results.json        (when finished)
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from ..config import Config, to_dict
from ..errors import UserError
from ..files import read_json, read_table, read_yaml, write_table, write_whole
from ..settings import paths
from ..settings.schemas import from_dict
from . import checkpoints

RESULTS = "results.json"
# What a resumed run may change: it alters no number
FREE_ON_RESUME = {
    "resume",
    "recorded",
    "runs_dir",
    "data_dir",
    "trainer.epochs",
    "trainer.num_workers",
    "trainer.progress",
    "trainer.progress_minutes",
    "trainer.checkpoint_minutes",
    "trainer.threads",
    "trainer.prefix_cache",
    "trainer.cache_gb",
    "logger.mode",
}
PACKAGES = (
    "torch",
    "pytorch-lightning",
    "transformers",
    "datasets",
    "torchmetrics",
    "soundfile",
    "soxr",
)


def run_folder(config: Config) -> Path:
    """`runs/<experiment>/seed<k>`, with `/fold<f>` where the corpus has folds."""
    folder = Path(config.runs_dir) / config.experiment_name / f"seed{config.seed}"
    fold = getattr(config.dataset, "fold", None)
    return folder / f"fold{fold}" if fold is not None else folder


def claim(config: Config, tell: Callable[[str], None]) -> Path | None:
    """Decide whether the run directory may be used, before any work.

    Returns the checkpoint to resume from, or None to begin. One that cannot be read is named by
    `tell`, and the one before it is taken.

    Raises UserError as `require_free` does, or if none of the checkpoints can be read.
    """
    require_free(config)
    folder = run_folder(config)
    if not config.resume or not (folder / "config.yaml").exists() or (folder / RESULTS).exists():
        return None
    checkpoint, faults = checkpoints.newest(folder / "checkpoints")
    for fault in faults:
        tell(fault)
    if checkpoint:
        tell(f"resuming from {checkpoint}")
    return checkpoint


def require_free(config: Config) -> None:
    """Raise UserError if the directory holds another run, or one of other settings is resumed.

    Checkpoints are not read.
    """
    folder = run_folder(config)
    if not (folder / "config.yaml").exists():
        return
    if config.resume:
        differences = _differences(read_config(folder), config)
        if differences:
            raise UserError(
                f"--resume: {folder} was begun with other settings: {'; '.join(differences[:4])}"
            )
    elif (folder / RESULTS).exists() or checkpoints.exist(folder / "checkpoints"):
        raise UserError(
            f"{folder} holds a run already; continue it with --resume, or choose another"
            " --experiment_name or --seed"
        )


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = list(value) if isinstance(value, tuple) else value
    return flat


def _differences(old: Config, new: Config) -> list[str]:
    for config in (old, new):  # of an older version, or not begun yet: paths as they were given
        paths.make_absolute(config)
    before, now = _flat(to_dict(old)), _flat(to_dict(new))
    return [
        f"{key}={before.get(key)} then, {now.get(key)} now"
        for key in sorted(before.keys() | now.keys())
        if key not in FREE_ON_RESUME and before.get(key) != now.get(key)
    ]


def read_config(folder: Path) -> Config:
    """The configuration of a run. Raises UserError if there is none, or it is damaged."""
    path = folder / "config.yaml"
    if not os.path.isfile(path):
        raise UserError(f"{folder} is not a run directory: it has no config.yaml")
    try:
        return from_dict(read_yaml(path))
    except UserError as error:
        raise UserError(str(error) if str(path) in str(error) else f"{path}: {error}") from error


def read_results(folder: Path) -> dict[str, Any]:
    """results.json of a finished run. Raises UserError where there is none."""
    path = folder / RESULTS
    if not os.path.isfile(path):
        state = (
            "has not finished"
            if os.path.isfile(folder / "config.yaml")
            else "is not a run directory"
        )
        raise UserError(f"{folder} {state}: no {RESULTS} in it")
    return read_json(path)


def read_scores(folder: Path) -> dict[str, Any]:
    """Scores of a finished run: of test, or of val if it has no test split or is of a search."""
    results = read_results(folder)
    return results["test"] if "test" in results else results["val"]


def read_predictions(folder: Path) -> list[dict[str, str]]:
    """predictions.csv of a finished run, a row each."""
    return read_table(folder / "predictions.csv")


def write_skipped(folder: Path, rows: Iterable[Sequence[str]]) -> None:
    """skipped.csv: (id, recording, fault) of every row that is left out or cut."""
    write_table(folder / "skipped.csv", ("id", "recording", "fault"), rows)


def add_skipped(folder: Path, rows: Iterable[Sequence[str]]) -> None:
    """More rows of skipped.csv, each once."""
    written = [tuple(row.values()) for row in read_table(folder / "skipped.csv")]
    write_skipped(folder, dict.fromkeys([*written, *map(tuple, rows)]))


def write_config(folder: Path, config: Config) -> None:
    """config.yaml"""
    values = to_dict(config) | {"resume": False, "recorded": False}
    write_whole(
        folder / "config.yaml", yaml.safe_dump(json.loads(json.dumps(values)), sort_keys=False)
    )


def versions() -> dict[str, str]:
    """Installed versions of what decides the numbers."""
    return {name: importlib.metadata.version(name) for name in PACKAGES}


def git_commit() -> str:
    """Commit of the code, with "+changes" where the tree differs from it; "" outside a checkout."""
    here = Path(__file__).parent

    def ask(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(here), *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        return ask("rev-parse", "HEAD") + ("+changes" if ask("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""
