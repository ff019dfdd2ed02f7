"""Refusals before torch is imported: a missing file, a directory in use, a folder to write.

torch and transformers take seconds; nothing here imports them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path

from .. import corpora
from ..config import Config, MixtureConfig
from ..errors import UserError
from . import locks, preemption, runs, saved_folder


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
    folder = runs.run_folder(config)
    with nullcontext() if is_helper else locks.hold(folder):
        if not is_helper:
            runs.require_free(config)  # once more: the lock may have been waited for
        if folder.exists() and not os.access(folder, os.W_OK):
            raise UserError(f"cannot write {folder}; see runs_dir")
        yield


def require(config: Config) -> None:
    """Raise UserError for what can be seen to be missing without reading any data."""
    try:
        runs.require_free(config)
    except OSError as error:
        raise UserError(f"cannot write {runs.run_folder(config)}: {error.strerror}") from error
    if config.init.checkpoint:
        saved_folder.require_model(config.init.checkpoint)
    if config.logger.name == "tensorboard" and find_spec("tensorboard") is None:
        raise UserError(
            "logger=tensorboard: the package tensorboard is not installed (pip install tensorboard)"
        )
    require_corpora(config)


def require_corpora(config: Config) -> None:
    """Raise UserError if the folder, the label files or the columns of a corpus are missing."""
    options = config.dataset
    is_mixture = isinstance(options, MixtureConfig)
    for name in options.parts if is_mixture else [options.name]:
        part = getattr(options, name) if is_mixture else options
        if part.prepared:
            continue
        root = Path(part.root) if part.root else Path(config.data_dir) / name
        corpora.require(name, root, config.task.name)
        found = corpora.corpus(name)
        if found.files:  # the first row tells whether a table of the user's own has the columns
            own = {option: getattr(part, option) for option in found.options()}
            next(iter(found.load(root, config.task.name, **own)), None)
