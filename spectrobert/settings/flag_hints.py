"""The option that an unknown flag means: `--epochs 3` is `trainer.epochs=3`."""

import re
from collections.abc import Iterator, Sequence

from ..errors import UserError, unknown
from . import options

FIRST = ("trainer", "optim", "dataset", "init", "freeze", "logger", "model", "task")

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
    name = re.sub(r"\W", "_", flag.lstrip("-"))
    name = SYNONYMS.get(name, name)
    if f"--{name}" in known:
        return UserError(f"unknown flag {flag!r}: it is written --{name}")
    dataset = re.search(r"(?:^| )(?:--)?dataset[= ](\S+)", " ".join(arguments))
    for key in _keys(dataset[1] if dataset else ""):
        if key.rpartition(".")[2] == name:
            return UserError(f"unknown flag {flag!r}: write {key}=VALUE, without dashes")
    return unknown("flag", flag, known)


def _keys(dataset: str) -> Iterator[str]:
    """Every option, the likeliest meaning of a name without its group first.

    Args:
        dataset: the corpus of the command, whose options are among them; "" if none is named.
    """
    run = options.of_run("", dataset)
    yield from (name for name in run if name not in FIRST)
    for group in FIRST:
        yield from (f"{group}.{name}" for name in options.fields_of(run[group]) if name != "name")
