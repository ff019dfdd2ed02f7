"""Differences between slices of a set: their intervals, and a permutation test of the largest gap.

Shapes: N rows of the set, K rows of a slice, G groups, R resamples.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .bootstrap import (
    Interval,
    count_groups,
    obstacle,
    percentiles,
    reach,
    reach_of_difference,
    resample,
)
from .statistic import Statistic

PERMUTATIONS = 1000


class Sliced(NamedTuple):
    """A statistic of a slice."""

    at: np.ndarray  # (K,) its rows in the set
    statistic: Statistic  # of these rows

    @property
    def value(self) -> float:
        """The statistic of every row counting once."""
        return float(self.statistic.of(np.ones(len(self.at))))

    def widened(self) -> Statistic:
        """The same as a statistic of the whole set."""
        parts = {name: self.at[rows] for name, rows in self.statistic.parts.items()}
        own = self.statistic.of
        return replace(self.statistic, of=lambda weights: own(weights[self.at]), parts=parts)


def is_nested(values: np.ndarray, groups: np.ndarray) -> bool:
    """True if no group (N,) has rows of two values (N,): sex is a property of a speaker."""
    pairs = {(group, value) for group, value in zip(groups.tolist(), values.tolist())}
    return len(pairs) == len({group for group, _ in pairs})


def difference(
    first: Sliced, other: Sliced, groups: np.ndarray, is_paired: bool
) -> tuple[Interval | None, str]:
    """95 % interval of first minus other, or why there is none.

    Args:
        groups: (N,) of the whole set.
        is_paired: one draw of groups serves both; else each slice draws its own groups, as the
            groups of one say nothing about the other.
    """
    both = (first, other)
    own_groups = [groups[one.at].tolist() for one in both]
    reasons = (obstacle(one.statistic, own) for one, own in zip(both, own_groups))
    if why := next(filter(None, reasons), ""):
        return None, why
    if is_paired:
        mine, theirs = resample([one.widened() for one in both], groups.tolist()).T
        deviates = reach(len({group for own in own_groups for group in own}))
    else:
        mine, theirs = (
            resample([one.statistic], own, seed)[:, 0]
            for seed, (one, own) in enumerate(zip(both, own_groups), start=1)
        )
        sizes = [count_groups(one.statistic, own) for one, own in zip(both, own_groups)]
        deviates = reach_of_difference((mine, theirs), sizes)
    around = percentiles(mine - theirs, deviates)
    return around, "" if around else "undefined in more than half of the resamples"


class Exchange:
    """Values exchanged at random, whole groups at a time.

    If each group has one value, values are dealt out to the groups again. Else each group's own
    values are exchanged among its parts, so that groups that are hard or easy in all stay so.

    Args:
        values: (N,) numbers.
        groups: (N,) numbers of rows that are not independent.
    """

    def __init__(self, values: np.ndarray, groups: np.ndarray):
        cells, member = np.unique(np.stack([groups, values]), axis=1, return_inverse=True)
        self.groups, self.values = cells  # of each part of a group
        self.member = member.ravel()  # (N,)
        self.is_nested = len(np.unique(self.groups)) == len(self.groups)
        self.generator = np.random.default_rng(0)

    def __call__(self) -> np.ndarray:
        """(N,) values."""
        if self.is_nested:
            return self.generator.permutation(self.values)[self.member]
        # parts are sorted by group: a random order within each
        shuffled = np.lexsort([self.generator.random(len(self.values)), self.groups])
        return self.values[shuffled][self.member]


def permutation_p(
    spread: Callable[[np.ndarray], float], values: np.ndarray, groups: Sequence[str] | np.ndarray
) -> float | None:
    """p of a spread between slices that is as large as the one seen, if the slices do not matter.

    The share of exchanges that give one, the one seen among them. Each takes the largest gap of
    all slices, so that it does not matter that the two slices were picked. None if more than half
    of the exchanges leave the spread undefined.

    Args:
        spread: largest minus smallest figure, of slice numbers (N,); NaN where undefined.
        values: (N,) slice numbers.
        groups: (N,) rows that are not independent.
    """
    member = np.unique(np.asarray(groups), return_inverse=True)[1]
    seen = spread(values) * (1 - 1e-9) - 1e-12  # equal spreads may differ in their last bits
    exchange = Exchange(values, member)
    drawn = [spread(exchange()) for _ in range(PERMUTATIONS)]
    defined = np.array([one for one in drawn if one == one])
    if len(defined) < PERMUTATIONS / 2:
        return None
    return float((1 + (defined >= seen).sum()) / (1 + len(defined)))
