"""A number over a set, as a function of how often each row counts.

The value is that of every row counting once; a bootstrap resample is another choice of weights.
One function serves both, so that an interval can never be that of another metric.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Statistic:
    """One metric of one set."""

    of: Callable[[np.ndarray], float]  # (N,) weights, 0 or more -> value; NaN where undefined
    n: int  # size of what it is taken over
    meaning: str  # definition and averaging, for the evaluation card
    unit: str = "rows"  # what `n` counts
    label: str = ""  # its class or target, if it has one
    has_interval: bool = True  # False: a resample does not stand for the set
    # name -> row numbers of each class it needs: without one of them it is another metric
    parts: Mapping[str, np.ndarray] = field(default_factory=dict)


def mean(
    rows: np.ndarray, meaning: str, at: np.ndarray | None = None, unit: str = "rows"
) -> Statistic:
    """Mean of `rows` (K,), which are the rows `at` (K,) of the set, by default all of them."""
    rows = np.asarray(rows, dtype=np.float64)

    def of(weights: np.ndarray) -> float:
        chosen = weights if at is None else weights[at]
        return ratio(float(rows @ chosen), float(chosen.sum()))

    parts = {} if at is None else {f"all its {unit}": at}
    return Statistic(of, len(rows), meaning, unit, parts=parts)


def by_class(numbers: np.ndarray, names: Mapping[int, str]) -> dict[str, np.ndarray]:
    """(N,) class numbers -> name -> the rows of each class that occurs, for `Statistic.parts`."""
    return {name: at for i, name in names.items() if len(at := np.flatnonzero(numbers == i))}


def ratio(part: float, whole: float) -> float:
    """Quotient, NaN if `whole` is 0."""
    return part / whole if whole else math.nan


def values(statistics: Mapping[str, Statistic], size: int) -> dict[str, float]:
    """Each statistic over a set of `size` rows; one that the set leaves undefined is left out."""
    once = np.ones(size)
    found = {name: float(statistic.of(once)) for name, statistic in statistics.items()}
    return {name: value for name, value in found.items() if not math.isnan(value)}
