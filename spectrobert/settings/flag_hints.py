"""The option that an unknown flag means: `--epochs 3` is `trainer.epochs=3`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError, unknown

# other frameworks' names -> ours
SYNONYMS = {
    "batch": "batch_size",
    "csv": "file",
    "gpu": "cuda",
    "gpus": "devices",
    "learning_rate": "lr",
    "max_epochs": "epochs",
    "num_epochs": "epochs",
    "manifest": "file",
    "n_epochs": "epochs",
    "name": "experiment_name",
    "output": "runs_dir",
    "output_dir": "runs_dir",
    "workers": "num_workers",
}


def unknown_flag(flag: str, known: Sequence[str], arguments: Sequence[str]) -> UserError:
    """The error for a flag that is none of `known`, with what to write in its place."""
    dataset = re.search(r"(?:^| )(?:--)?dataset[= ](\S+)", " ".join(arguments))
    meant = override_for(flag, dataset[1] if dataset else "", known)
    if meant.startswith("-"):
        return UserError(f"unknown flag {flag!r}: it is written {meant}")
    if meant:
        return UserError(f"unknown flag {flag!r}: write {meant}=VALUE, without dashes")
    return unknown("flag", flag, known)


def override_for(flag: str, dataset: str, flags: Iterable[str]) -> str:
    """Replacement for an unknown flag; "" if nothing has that name.

    Args:
        dataset: the corpus of the command, whose options are searched too; "" if none is named.
        flags: those that exist.
    """
    name = re.sub(r"\W", "_", flag.lstrip("-"))
    name = SYNONYMS.get(name, name)
    if f"--{name}" in flags:
        return f"--{name}"
    return next((key for key in _keys(dataset) if key.rpartition(".")[2] == name), "")


def _keys(dataset: str) -> Iterator[str]:
    """Every option, those first that a name without its group is most likely to mean.

    Not the model's: their class costs the import of torch.
    """
    for group, options in groups(dataset).items():
        names = [f.name for f in dataclasses.fields(options)]
        yield from (f"{group}.{name}" if group else name for name in names if name != "name")


def groups(dataset: str) -> dict[str, Any]:
    """Group -> its dataclass, "" for the options without a group; all but the model's and task's.

    Args:
        dataset: the corpus, with options of its own; "" if none is named.
    """
    from .. import config
    from ..corpora import MODULES
    from . import schemas

    is_known = bool(dataset) and all(name in MODULES for name in dataset.split("+"))
    corpus = schemas.dataset_class(dataset) if is_known else config.DatasetConfig
    return {
        "": config.Config,
        "trainer": config.TrainerConfig,
        "optim": config.OptimConfig,
        "dataset": corpus,
        "init": config.InitConfig,
        "freeze": config.FreezeConfig,
        "logger": config.LoggerConfig,
    }


def as_meant(word: str) -> str:
    """A flag or an override that is read as its writer meant it.

    The home folder stands in place of `~/`, which a shell leaves in `key=~/x`; a plain value with
    letters outside ASCII, such as a column's name, is quoted.
    """
    word = re.sub(r"(?<=[=\[,])~(?=/)", lambda _: str(Path.home()), word)
    key, has_value, value = word.partition("=")
    if not has_value or key.startswith("-"):
        return word  # flags are quoted as they become overrides
    if not value.isascii() and re.fullmatch(r"[\w./:@+% -]+", value):
        return f"{key}='{value}'"
    return word
