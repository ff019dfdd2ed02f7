"""The slices of one column, each against the others."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ... import metrics
from ...metrics import Statistic
from ...metrics import slices as compared
from ...metrics.slices import Sliced
from ...metrics.statistic import mean
from ..conditions import Value
from .scored import Scored

MIN_CLASS_ROWS = 10  # of a class in each slice, for its recall to be compared
RECALL = "recall_"


class Between(NamedTuple):
    """The difference of a figure between two slices."""

    what: str  # metric, class or target
    high: str  # the slice of the better or larger figure
    low: str
    difference: Value


def measured(one: Sliced, groups: np.ndarray) -> Value:
    """The value with its interval over groups (N,) of the whole set."""
    found, why = metrics.intervals({"": one.statistic}, groups[one.at].tolist())
    return Value(one.value, found.get(""), why.get("", ""))


class Comparison:
    """The slices that are judged.

    Args:
        parts: value -> its rows (K,).
        groups: (N,) to resample.
    """

    def __init__(self, scored: Scored, parts: dict[str, np.ndarray], groups: np.ndarray):
        self.scored = scored
        self.parts = parts
        self.groups = groups
        self.found = {value: scored.statistics(at) for value, at in parts.items()}
        self.rows = np.sort(np.concatenate(list(parts.values())))  # (J,) of all slices
        numbers = np.zeros(len(groups), dtype=np.int64)
        for place, at in enumerate(parts.values()):
            numbers[at] = place
        self.numbers = numbers[self.rows]
        self.is_paired = not compared.is_nested(self.numbers, groups[self.rows])

    def gap(self) -> Between:
        """Best minus worst."""
        metric = self.scored.metric
        figures = {v: Sliced(self.parts[v], own[metric]) for v, own in self.found.items()}
        return self._between(metric, figures, self.scored.is_higher_better)

    def p(self) -> float | None:
        """The permutation test of the gap."""
        whole = self.scored.statistics(self.rows)[self.scored.metric]
        places = range(len(self.parts))
        is_shared = all(_holds(whole, self.numbers == place) for place in places)

        def value(chosen: np.ndarray) -> float:
            if is_shared:  # the same statistic with other weights; NaN if a class is lost
                weights = chosen.astype(np.float64)
                return float(whole.of(weights)) if _holds(whole, chosen) else float("nan")
            at = self.rows[chosen]
            return Sliced(at, self.scored.statistics(at)[self.scored.metric]).value

        def spread(numbers: np.ndarray) -> float:
            return float(np.ptp([value(numbers == place) for place in places]))

        return compared.permutation_p(spread, self.numbers, self.groups[self.rows])

    def opportunities(self) -> dict[str, Any]:
        """Recall of each class by slice, and the largest difference (equal opportunity)."""
        found = self.found.items()
        recalls = {
            name.removeprefix(RECALL): {v: Sliced(self.parts[v], own[name]) for v, own in found}
            for name in next(iter(self.found.values()))
            if name.startswith(RECALL) and all(_is_enough(own.get(name)) for _, own in found)
        }
        widest = self._widest(recalls)
        shown = {n: {v: one.value for v, one in of.items()} for n, of in recalls.items()}
        return {"opportunity": widest, "recalls": shown} if widest else {}

    def mean_shifts(self) -> dict[str, Any]:
        """Prediction minus truth of each target by slice, and the largest difference."""
        shifts = {}
        for place, target in enumerate(self.scored.targets):
            error = self.scored.outputs[:, place] - self.scored.truth[:, place]
            words = f"mean of prediction minus truth of {target}"
            shifts[target] = {v: Sliced(at, mean(error[at], words)) for v, at in self.parts.items()}
        widest = self._widest(shifts)
        shown = {
            target: {value: measured(one, self.groups) for value, one in of.items()}
            for target, of in shifts.items()
        }
        return {"shift": widest, "shifts": shown} if widest else {}

    def _widest(self, figures: dict[str, dict[str, Sliced]]) -> Between | None:
        """The figure whose largest and smallest slices differ most."""
        if not figures:
            return None
        widths = {n: np.ptp([one.value for one in of.values()]) for n, of in figures.items()}
        name = max(widths, key=widths.__getitem__)
        return self._between(name, figures[name])

    def _between(self, what: str, of_slice: dict[str, Sliced], is_higher: bool = True) -> Between:
        """The first slice against the last one, the better or larger figure first."""
        order = sorted(of_slice, key=lambda value: of_slice[value].value, reverse=is_higher)
        first, last = order[0], order[-1]
        larger, smaller = (
            of_slice[name] for name in ((first, last) if is_higher else (last, first))
        )
        around, why = compared.difference(larger, smaller, self.groups, self.is_paired)
        return Between(what, first, last, Value(larger.value - smaller.value, around, why))


def _holds(statistic: Statistic, chosen: np.ndarray) -> bool:
    """True if the rows (J,) hold all classes that the statistic needs."""
    return bool(chosen.any()) and all(chosen[at].any() for at in statistic.parts.values())


def _is_enough(recall: Statistic | None) -> bool:
    return recall is not None and recall.n >= MIN_CLASS_ROWS
