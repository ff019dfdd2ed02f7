"""A trial of a study by inner cross-validation: each part of the training speakers validates once.

The test split is no input of these runs (data/validation.py). One epoch is chosen for all parts, by
the mean of their curves: it is what a run on all training speakers can then be trained for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..config import Config
from ..errors import UserError


class InnerScore(NamedTuple):
    """The monitored metric of one trial at the epoch that is best for all parts together."""

    epoch: int  # from 1
    values: tuple[float, ...]  # by part

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))

    @property
    def deviation(self) -> float:
        """Standard deviation over the parts."""
        return float(np.std(self.values, ddof=1))


def require(config: Config) -> None:
    """Raise UserError for options that inner cross-validation, or the run after it, cannot have."""
    dataset, optim = config.dataset, config.optim
    for name in ("val_share", "val_speakers", "inner_folds"):
        if value := getattr(dataset, name):
            raise UserError(f"dataset.{name}={value}: --inner_folds chooses the validation split")
    if optim.schedule == "plateau":
        raise UserError(
            "optim.schedule=plateau with --inner_folds: the run on all training speakers has no"
            " validation that it could watch"
        )
    if not config.task.monitor.startswith("val/"):
        raise UserError(
            f"task.monitor={config.task.monitor} with --inner_folds: a metric of validation is"
            " needed (val/...)"
        )


def is_cut_short(config: Config) -> bool:
    """True if a run that ends after fewer epochs is the same run up to there.

    The rate of all other schedules, and the mean of weights, depend on how many steps there are.
    """
    optim = config.optim
    return optim.schedule == "constant" and optim.warmup_share == 0 and optim.average != "swa"


def choose(curves: Sequence[Mapping[int, float]], mode: str, is_any_epoch: bool) -> InnerScore:
    """The epoch with the best mean over the parts, the earliest of equals.

    Args:
        curves: per part, epoch (from 0) -> value; only epochs that all parts have count.
        mode: "max" | "min".
        is_any_epoch: False takes the last one.

    Raises UserError if no epoch has been measured in all parts.
    """
    common = sorted(set.intersection(*(set(curve) for curve in curves)))
    if not common:
        raise UserError("no epoch was measured in all inner folds: more steps are needed")
    means = np.array([[curve[epoch] for curve in curves] for epoch in common]).mean(axis=1)
    best = int(means.argmax() if mode == "max" else means.argmin()) if is_any_epoch else -1
    epoch = common[best]
    return InnerScore(epoch + 1, tuple(curve[epoch] for curve in curves))


def final_overrides(config: Config, epoch: int) -> list[str]:
    """Overrides of the run on all training speakers that follows."""
    own = ["dataset.val_share=0", f"trainer.epochs={epoch}"]
    return [*own, *(["trainer.patience=0"] if config.trainer.patience else [])]
