"""Refusals before torch is imported: a missing file, a directory in use, a folder to write.

torch and transformers take seconds; nothing here imports them.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .. import corpora
from ..config import Config, to_dict
from ..errors import UserError, require_extra
from ..settings import paths
from . import checkpoints, locks, preemption, saved_folder
from .folder import RunFolder

# Options that a resumed run may change: they alter no number
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
    "trainer.memory_gb",
    "logger.mode",
}


@contextmanager
def admitted(config: Config) -> Iterator[None]:
    """Hold the lock of the run directory after all cheap checks have passed.

    The other processes of a run on several devices, which its first one starts, take no lock.

    Raises UserError for a corpus or checkpoint that is not there, a logger that is not installed,
    and a run directory that cannot be written, is in use, or holds another run.
    """
    is_helper = config.trainer.processes > 1 and locks.is_helper()
    config.resume = config.resume or preemption.is_restart()
    require(config)
    folder = RunFolder.of(config).path
    with nullcontext() if is_helper else locks.hold(folder):
        if not is_helper:
            require_free(config)  # once more: the lock may have been waited for
        if folder.exists() and not os.access(folder, os.W_OK):
            raise UserError(f"cannot write {folder}; see runs_dir")
        yield


def require(config: Config) -> None:
    """Raise UserError for what can be seen to be missing without reading any data."""
    try:
        require_free(config)
    except OSError as error:
        raise UserError(f"cannot write {RunFolder.of(config)}: {error.strerror}") from error
    if config.init.checkpoint:
        saved_folder.require_model(config.init.checkpoint)
    if getattr(config.task, "units", ""):
        require_units(config.task.units)
    if config.classic.is_on:
        require_extra("classic", f"classic.features={config.classic.features}")
    if config.logger.name == "comet":
        require_extra("comet", "logger=comet")
    if config.logger.name == "tensorboard" and find_spec("tensorboard") is None:
        raise UserError(
            "logger=tensorboard: the package tensorboard is not installed (pip install tensorboard)"
        )
    require_corpora(config)


def require_units(folder: str) -> None:
    """Raise UserError if a folder of units is missing."""
    if not os.path.isfile(os.path.join(folder, "units.json")):
        raise UserError(
            f"task.units={folder} is no folder of units; `python -m spectrobert units --dataset"
            " <corpus>` writes one"
        )


def require_corpora(config: Config) -> None:
    """Raise UserError if the folder, the label files or the columns of a corpus are missing."""
    for name, part in config.dataset.parts.items():
        if part.prepared:
            continue
        root = Path(part.root) if part.root else Path(config.data_dir) / name
        corpus = corpora.corpus(name)
        own = {option: getattr(part, option) for option in corpus.options()}
        task = corpora.parsing_task(name, config.task.reading, own)
        corpora.require(name, root, task)
        if corpus.files:  # the first row shows if a table of the user's own has the columns
            next(iter(corpus.load(root, task, **own)), None)


def require_free(config: Config) -> None:
    """Raise UserError if the directory holds another run, or one of other settings is resumed.

    Checkpoints are not read.
    """
    folder = RunFolder.of(config)
    if not folder.is_begun:
        return
    if config.resume:
        differences = _differences(folder.read_config(), config)
        if differences:
            raise UserError(
                f"--resume: {folder} was begun with other settings: {'; '.join(differences[:4])}"
            )
    elif folder.is_finished or checkpoints.exist(folder.checkpoints):
        raise UserError(
            f"{folder} holds a run already; continue it with --resume, or choose another"
            " --experiment_name or --seed"
        )


def claim(config: Config, log: Callable[[str], None]) -> Path | None:
    """Decide if the run directory may be used, before any work.

    Returns the checkpoint to resume from, or None to begin. One that cannot be read is logged, and
    the one before it is taken.

    Raises UserError as `require_free` does, or if none of the checkpoints can be read.
    """
    require_free(config)
    folder = RunFolder.of(config)
    if not config.resume or not folder.is_begun or folder.is_finished:
        return None
    checkpoint, faults = checkpoints.newest(folder.checkpoints)
    for fault in faults:
        log(fault)
    if checkpoint:
        log(f"resuming from {checkpoint}")
    return checkpoint


def _differences(old: Config, new: Config) -> list[str]:
    for config in (old, new):  # of an older version, or not begun yet: paths as they were given
        paths.make_absolute(config)
    before, now = _flat(to_dict(old)), _flat(to_dict(new))
    return [
        f"{key}={before.get(key)} then, {now.get(key)} now"
        for key in sorted(before.keys() | now.keys())
        if key not in FREE_ON_RESUME and before.get(key) != now.get(key)
    ]


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested options by their dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = list(value) if isinstance(value, tuple) else value
    return flat
