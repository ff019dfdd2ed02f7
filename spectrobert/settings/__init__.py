"""Composing the configuration of a run: flags, overrides and their checks, schemas, sweeps."""

from typing import Any

from ..config import Config
from . import composition
from .literals import written


def compose(task: str, dataset: str, **options: Any) -> Config:
    """The configuration of a run, from Python: `compose("ser", "demo", **{"optim.lr": 1e-3})`.

    Args:
        task: a name of `config.TASKS`.
        dataset: a corpus, or several for pre-training: "librispeech+wavcaps".
        options: as on the command line, with values of Python: `model="tiny"`,
            `**{"freeze.train": ["head"], "trainer.epochs": 3}`.

    Raises UserError as the command line does.
    """
    named = {"task": task, "dataset": dataset} | options
    return composition.compose([f"{key}={written(value)}" for key, value in named.items()])
