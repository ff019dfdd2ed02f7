"""95 % intervals by the expanded percentile bootstrap, whole groups of rows at a time.

Resamples of G groups vary less than G groups do, by (G - 1) / G, and a normal quantile takes this
variance for known. Both make plain percentiles of few groups too narrow. Expanded ones (Hesterberg
2015, What Teachers Should Know About the Bootstrap, American Statistician 69) are cut at
Phi(-+ sqrt(G / (G - 1)) t), t being the 97.5 % quantile of Student's t with G - 1 degrees of
freedom: the interval of a mean is then about the t interval. Of 5 groups or
fewer that is about the range of the resamples, and of fewer than 10 still too narrow
(benchmarks/group_coverage.py).

A mean over classes is a mean over the same classes in every resample: one that loses a class is
passed over. A class whose rows are all of one group does not vary between resamples, so a statistic
that needs it has no interval; nor has one of which more than half of the resamples lose a class.

Shapes: N rows, G groups, R resamples, S statistics.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist

import numpy as np

from .statistic import Statistic
from .student import t_quantile

RESAMPLES = 1000
CONFIDENCE = 0.95
METHOD = "95 % expanded percentile bootstrap"  # in words
MIN_KEPT = 0.5  # share of the resamples that hold all classes

Interval = tuple[float, float]


def group_counts(num_groups: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Counts of each group, (G,), in each of the R resamples."""
    generator = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        chosen = generator.integers(num_groups, size=num_groups)
        yield np.bincount(chosen, minlength=num_groups).astype(np.float64)


def resample(statistics: Sequence[Statistic], groups: Sequence[str], seed: int = 0) -> np.ndarray:
    """Each statistic in each resample, (R, S), all from the same draws of groups.

    Rows of one group (speaker, recording) are not independent, so whole groups are drawn; a row of
    its own group is drawn alone. NaN if a resample loses one of the statistic's parts.
    """
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    # by identity: statistics of one set share their parts
    holders = {id(at): np.unique(member[at]) for s in statistics for at in s.parts.values()}
    needs = [[id(at) for at in s.parts.values()] for s in statistics]
    drawn = np.full((RESAMPLES, len(statistics)), np.nan)
    for row, counts in zip(drawn, group_counts(len(names), seed)):
        lost = {part for part, of_groups in holders.items() if not counts[of_groups].any()}
        weights = counts[member]
        for i, statistic in enumerate(statistics):
            if lost.isdisjoint(needs[i]):
                row[i] = statistic.of(weights)
    return drawn


def obstacle(statistic: Statistic, groups: Sequence[str]) -> str:
    """Reason why these groups give the statistic no interval; "" if they do."""
    if len(set(groups)) < 2:
        return "one group"
    if not statistic.has_interval:
        return "too many classes to resample"
    names = np.asarray(groups)
    alone = [name for name, at in statistic.parts.items() if len(set(names[at].tolist())) < 2]
    return f"{alone[0]} in one group only" if alone else ""


def count_groups(statistic: Statistic, groups: Sequence[str]) -> int:
    """Number of the groups whose rows the statistic is taken over, of those of the rows (N,)."""
    if not statistic.parts:
        return len(set(groups))
    return len({groups[row] for at in statistic.parts.values() for row in at.tolist()})


def reach(groups: int) -> float:
    """Normal deviates from the middle of the resamples to either end of the interval.

    Args:
        groups: their number, 2 or more.
    """
    return math.sqrt(groups / (groups - 1)) * t_quantile((1 + CONFIDENCE) / 2, groups - 1)


def reach_of_difference(drawn: Sequence[np.ndarray], groups: Sequence[int]) -> float:
    """The same of a difference whose two sides draw groups of their own.

    As Welch's t interval: each side's variance is that of its resamples (R,), corrected for its
    number of groups, and the degrees of freedom are Satterthwaite's, rounded down.
    """
    seen = np.array([np.nanvar(side) for side in drawn])
    free = np.array(groups) - 1
    true = seen * (free + 1) / free
    if not seen.sum():
        return reach(min(groups))
    common = int(true.sum() ** 2 / (true**2 / free).sum())
    return math.sqrt(true.sum() / seen.sum()) * t_quantile((1 + CONFIDENCE) / 2, common)


def percentiles(drawn: np.ndarray, deviates: float) -> Interval | None:
    """The interval of one statistic from its resamples, (R,); None if too many are undefined.

    Args:
        deviates: what `reach` gives.
    """
    defined = drawn[~np.isnan(drawn)]
    if len(defined) < MIN_KEPT * len(drawn):
        return None
    outside = NormalDist().cdf(-deviates)
    low, high = np.quantile(defined, (outside, 1 - outside))
    return float(low), float(high)


def intervals(
    statistics: Mapping[str, Statistic], groups: Sequence[str], seed: int = 0
) -> tuple[dict[str, Interval], dict[str, str]]:
    """The interval of each statistic, or else why it has none, both by name."""
    why = {name: reason for name, s in statistics.items() if (reason := obstacle(s, groups))}
    left = {name: statistic for name, statistic in statistics.items() if name not in why}
    found = {}
    for name, drawn in zip(left, resample(list(left.values()), groups, seed).T):
        if (interval := percentiles(drawn, reach(count_groups(left[name], groups)))) is None:
            why[name] = "undefined in more than half of the resamples"
        else:
            found[name] = interval
    return found, why
