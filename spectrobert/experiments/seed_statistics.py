"""Scores over seeds and groups of test items: intervals and paired tests, from predictions.csv.

Of several seeds, an interval covers the expected score of a newly trained model on new groups
(speakers, scenes). Two things make the mean over seeds miss it: which seeds were run, and which
groups are in the test set. The first error has the variance s^2 / K, s being the standard deviation
over seeds, known with K - 1 degrees of freedom. The second is common to all seeds: its variance is
the mean covariance of two seeds' scores when groups are resampled, known with G - 1 degrees of
freedom. The tail of their sum is taken as the mean of the two t distributions' tails, weighed by
the variances, as Cochran and Cox (Experimental Designs, 4.14) weigh the critical values; the two
variances cannot be taken as one with Satterthwaite's degrees of freedom, which for three seeds
covers 93 % or less. benchmarks/interval_coverage.py measures it. Of one seed the first error cannot
be seen: interval and test are of the trained model, and leave out what another seed would give.

Statistics and their resamples are those of runs (metrics/). Shapes: K seeds, N items of a seed,
G groups, R resamples.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .. import metrics
from ..metrics import CONFIDENCE, Interval, Statistic

POWER = 0.80
PERMUTATIONS = 10_000
MAX_EXACT = 13  # groups; 2 ** 13 patterns are fewer than PERMUTATIONS
BISECTIONS = 50
# metrics made of labels, predictions and ranks alone, and so known over folds and seeds together
COUNTED = re.compile(
    r"(?:row_)?accuracy|unweighted_accuracy|weighted_f1|macro_(?:precision|recall|f1)"
    r"|top(?P<k>\d+)_accuracy"
)
UNDEFINED = "undefined in more than half of the resamples"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """Predictions for the test items of one seed, each item once: arrays (N,)."""

    ids: NDArray[np.str_]
    groups: NDArray[np.str_]  # data/resampling.py
    labels: NDArray[np.str_]
    predictions: NDArray[np.str_]
    ranks: NDArray[np.int64]  # of the label among the classes; 1 is the most probable

    @classmethod
    def read(cls, rows: Sequence[Mapping[str, str]], metric: str) -> Answers | None:
        """Answers from rows of predictions.csv; None if they do not hold what the metric needs."""
        counted = COUNTED.fullmatch(metric)
        columns = {"label", "prediction"} | ({"rank"} if counted and counted["k"] else set())
        if not counted or not rows or any(not columns <= row.keys() for row in rows):
            return None
        ids, groups, labels, predictions = (
            np.array([row[name] for row in rows]) for name in ("id", "group", "label", "prediction")
        )
        # without ranks, of all but the first place it is only known that it is not the first
        ranks = [int(row.get("rank") or 1 + (row["label"] != row["prediction"])) for row in rows]
        return cls(ids, groups, labels, predictions, np.array(ranks))

    def take(self, chosen: Sequence[int]) -> Answers:
        """These items, in this order."""
        return Answers(*(column[list(chosen)] for column in vars(self).values()))


@dataclass(frozen=True)
class Comparison:
    """A row against the baseline, over the same items and seeds."""

    difference: float
    interval: Interval | None  # 95 %
    p: float | None  # two-sided
    num_seeds: int
    num_groups: int = 0  # of the items compared
    p_holm: float | None = None  # corrected for the other rows of a table

    @property
    def detectable(self) -> float | None:
        """The least difference that so many groups and seeds could have shown."""
        return detectable(self.interval, self.num_seeds, self.num_groups)


@dataclass(frozen=True)
class Errors:
    """Standard errors of a mean over K seeds and G groups; arrays for many means at once."""

    of_seeds: Floats
    of_groups: Floats
    num_seeds: int
    num_groups: int

    def tail(self, distance: Floats) -> Floats:
        """Probability that the mean misses its expectation by more than `distance`."""
        from scipy.special import stdtr

        variance = self.of_seeds**2 + self.of_groups**2
        with np.errstate(divide="ignore", invalid="ignore"):
            t = distance / np.sqrt(variance)
            share = self.of_seeds**2 / variance
        by_seeds, by_groups = (stdtr(n - 1, -t) for n in (self.num_seeds, self.num_groups))
        return 2 * (share * by_seeds + (1 - share) * by_groups)

    def half_width(self) -> Floats:
        """Half width of the 95 % interval: the distance with a tail of 5 %."""
        from scipy.special import stdtrit

        fewest = min(self.num_seeds, self.num_groups)
        high = np.hypot(self.of_seeds, self.of_groups) * stdtrit(fewest - 1, (1 + CONFIDENCE) / 2)
        low = np.zeros_like(high)
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            is_inside = self.tail(middle) > 1 - CONFIDENCE
            low, high = np.where(is_inside, middle, low), np.where(is_inside, high, middle)
        return high


def errors(scores: Floats, drawn: Floats, num_groups: int) -> Errors:
    """Standard errors from the seeds' scores (..., K) and their resamples (R, ..., K), K > 1."""
    num_seeds = scores.shape[-1]
    apart = drawn - drawn.mean(axis=0)
    own = (apart**2).sum(axis=-1)  # (R, ...)
    pairs = (apart.sum(axis=-1) ** 2 - own) / (num_seeds * (num_seeds - 1))
    # a resample of G groups varies less than G groups do, by (G - 1) / G
    common = pairs.sum(axis=0) / (len(drawn) - 1) * num_groups / (num_groups - 1)
    of_seeds = scores.std(axis=-1, ddof=1) / np.sqrt(num_seeds)
    return Errors(of_seeds, np.sqrt(np.maximum(common, 0)), num_seeds, num_groups)


def statistic(metric: str, *answers: Answers) -> Statistic:
    """A counted metric of these answers, one after the other."""
    labels, predictions, ranks = (
        np.concatenate([getattr(some, column) for some in answers])
        for column in ("labels", "predictions", "ranks")
    )
    names, numbers = np.unique(np.concatenate([labels, predictions]), return_inverse=True)
    truth, predicted = np.split(numbers, 2)
    counted = COUNTED.fullmatch(metric)
    top_k = [int(counted["k"])] if counted and counted["k"] else []
    ranked = metrics.ranked(ranks - 1, predicted, truth, names.tolist(), top_k)
    return ranked[metric.removeprefix("row_")]


def value(one: Statistic) -> float:
    """The statistic of all rows."""
    return one.of(np.ones(one.n))


def interval(metric: str, seeds: Sequence[Answers]) -> tuple[Interval | None, str]:
    """95 % interval of the score over new seeds and groups, of one seed over new groups.

    Or else None, and the reason why there is none.
    """
    around, _, why = _estimate([(statistic(metric, answers), answers) for answers in seeds])
    return around and (max(0.0, around[0]), min(1.0, around[1])), why


def compare(metric: str, row: Sequence[Answers], baseline: Sequence[Answers]) -> Comparison:
    """Row minus baseline, seed by seed, over the items that both have answered.

    p is of the hypothesis that the two are equal in expectation, over seeds and groups; of one
    seed, that of each group the two models' answers might as well be exchanged.
    """
    paired = [_paired(mine, other) for mine, other in zip(row, baseline)]
    differences = [(_difference(metric, mine, other), mine) for mine, other in paired]
    around, p, _ = _estimate(differences)
    num_groups = len({group for mine, _ in paired for group in mine.groups.tolist()})
    if len(paired) == 1:
        p = permutation_p(metric, *paired[0])
    difference = float(np.mean([value(one) for one, _ in differences]))
    return Comparison(difference, around, p, len(paired), num_groups)


def detectable(interval: Interval | None, num_seeds: int, num_groups: int) -> float | None:
    """The least true difference that a test at 5 % finds with 80 % power; None without an interval.

    Minimum detectable effect (Bloom 1995, Evaluation Review 19): (t(0.975) + t(0.80)) standard
    errors, both of the degrees of freedom of the standard error, that is of the interval: its half
    width is t(0.975) of them. Ours: of several seeds the fewer of seeds and groups, less one, are
    taken for the degrees of freedom of both parts.
    """
    if interval is None:
        return None
    free = num_groups - 1 if num_seeds == 1 else min(num_seeds, num_groups) - 1
    outer, inner = (metrics.t_quantile(share, free) for share in ((1 + CONFIDENCE) / 2, POWER))
    return (interval[1] - interval[0]) / 2 * (1 + inner / outer)


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """With Holm's p over those that have one, if they are more than one."""
    tested = [one.p for one in comparisons if one.p is not None]
    if len(tested) < 2:
        return list(comparisons)
    left = iter(metrics.holm(tested))
    return [one if one.p is None else replace(one, p_holm=next(left)) for one in comparisons]


def permutation_p(metric: str, row: Answers, baseline: Answers) -> float:
    """Two-sided p of the difference when the answers of whole groups are exchanged at random.

    The share of exchanges that give a difference at least as large. Few groups give no small p: of
    four, none is below 1/8. Both have answered the same items, in one order.
    """
    both = statistic(metric, row, baseline)
    names, member = np.unique(row.groups, return_inverse=True)

    def difference(exchanged: Floats) -> float:
        theirs = exchanged[member]
        mine = 1 - theirs
        return both.of(np.concatenate([mine, theirs])) - both.of(np.concatenate([theirs, mine]))

    # equal differences may differ in their last bits
    seen = abs(difference(np.zeros(len(names)))) * (1 - 1e-9) - 1e-12
    if len(names) <= MAX_EXACT:
        patterns = (np.arange(2 ** len(names))[:, None] >> np.arange(len(names))) & 1
        return float(np.mean([abs(difference(p.astype(float))) >= seen for p in patterns]))
    generator = np.random.default_rng(0)
    drawn = (generator.integers(2, size=len(names)).astype(float) for _ in range(PERMUTATIONS))
    larger = sum(abs(difference(pattern)) >= seen for pattern in drawn)
    return (1 + larger) / (1 + PERMUTATIONS)


def _estimate(
    seeds: Sequence[tuple[Statistic, Answers]],
) -> tuple[Interval | None, float | None, str]:
    """Interval of the mean over seeds, the p of its being 0, and why there is no interval.

    The interval of one seed is that of its results.json, and has no p.
    """
    if len(seeds) == 1:
        only, answers = seeds[0]
        intervals, reasons = metrics.intervals({"": only}, answers.groups.tolist())
        return intervals.get(""), None, reasons.get("", "")
    obstacles = (metrics.obstacle(one, answers.groups.tolist()) for one, answers in seeds)
    if why := next(filter(None, obstacles), ""):
        return None, None, why
    groups = np.concatenate([answers.groups for _, answers in seeds]).tolist()
    drawn = metrics.resample(_stacked([one for one, _ in seeds]), groups)
    drawn = drawn[~np.isnan(drawn).any(axis=1)]
    if len(drawn) < metrics.MIN_KEPT * metrics.RESAMPLES:
        return None, None, UNDEFINED
    scores = np.array([value(one) for one, _ in seeds])
    around = errors(scores, drawn, len(set(groups)))
    mean, half = float(scores.mean()), float(around.half_width())
    p = float(around.tail(np.abs(mean))) if half else None
    return (mean - half, mean + half), p, ""


def _stacked(seeds: Sequence[Statistic]) -> list[Statistic]:
    """The seeds' statistics as statistics of all rows, so that one draw of groups serves all."""

    def shifted(one: Statistic, first: int) -> Statistic:
        parts = {name: at + first for name, at in one.parts.items()}
        here = slice(first, first + one.n)
        return replace(one, of=lambda weights: one.of(weights[here]), parts=parts)

    firsts = np.cumsum([0, *(one.n for one in seeds)]).tolist()
    return [shifted(one, first) for one, first in zip(seeds, firsts)]


def _difference(metric: str, row: Answers, baseline: Answers) -> Statistic:
    """Row minus baseline, of the same items in one order."""
    mine, other = statistic(metric, row), statistic(metric, baseline)
    return replace(mine, of=lambda weights: mine.of(weights) - other.of(weights))


def _paired(row: Answers, baseline: Answers) -> tuple[Answers, Answers]:
    """Both, of the items that both have answered, in the row's order."""
    place = {item: i for i, item in enumerate(baseline.ids.tolist())}
    mine = [i for i, item in enumerate(row.ids.tolist()) if item in place]
    return row.take(mine), baseline.take([place[row.ids[i]] for i in mine])
