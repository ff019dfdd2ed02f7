"""Scores over seeds and groups of test items: intervals and paired tests, from predictions.csv.

Of several seeds, an interval covers the expected score of a newly trained model on new groups
(speakers, scenes). Two things make the mean over seeds miss it: which seeds were run, and which
groups are in the test set. The first error has the variance s^2 / K, s being the standard deviation
over seeds, known with K - 1 degrees of freedom. The second is common to all seeds: its variance is
the mean covariance of two seeds' scores when groups are resampled, known with G - 1 degrees of
freedom. The tail of their sum is taken as the mean of the two t distributions' tails, weighed by
the variances, as Cochran and Cox (Experimental Designs, 4.14) weigh the critical values; the two
variances cannot be taken as one with Satterthwaite's degrees of freedom, which for three seeds
covers 93 % or less. benchmarks/coverage.py measures it. Of one seed the first error cannot be seen:
interval and test are of the trained model, and leave out what another seed would give.

Shapes: K seeds, N items of a seed, G groups, R resamples.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import metrics
from ..metrics import Interval, Statistic

PERMUTATIONS = 10_000
MAX_EXACT = 13  # groups; 2 ** 13 patterns are fewer than PERMUTATIONS
CONFIDENCE = 0.95
BISECTIONS = 50
# metrics that label and prediction make up, and so can be had over folds and seeds together
COUNTED = {
    *("accuracy", "unweighted_accuracy", "weighted_f1"),
    *("macro_precision", "macro_recall", "macro_f1"),
}
ALIASES = {"row_accuracy": "accuracy"}
TOP_K = re.compile(r"top(\d+)_accuracy")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """Predictions for the test items of one seed, each item once."""

    ids: tuple[str, ...]
    groups: tuple[str, ...]  # data/resampling.py
    labels: tuple[str, ...]
    predictions: tuple[str, ...]
    ranks: tuple[int, ...]  # of the label among the classes; 1 is the most probable

    def take(self, chosen: Sequence[int]) -> Answers:
        """These items, in this order."""
        columns = (self.ids, self.groups, self.labels, self.predictions, self.ranks)
        return Answers(*(tuple(column[i] for i in chosen) for column in columns))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Comparison:
    """A row against the baseline, over the same items and seeds."""

    difference: float
    interval: Interval | None  # 95 %
    p: float | None  # two-sided
    n: int  # items of a seed that both have answered
    num_seeds: int


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


def is_counted(metric: str) -> bool:
    """False for a metric that needs more than labels, predictions and ranks, such as AUROC."""
    return ALIASES.get(metric, metric) in COUNTED or bool(TOP_K.fullmatch(metric))


def statistic(metric: str, *answers: Answers) -> Statistic:
    """A counted metric of these answers, one after the other."""
    labels, predictions = (
        [name for some in answers for name in getattr(some, column)]
        for column in ("labels", "predictions")
    )
    names = sorted({*labels, *predictions})
    number = {name: i for i, name in enumerate(names)}
    truth, predicted = (np.array([number[n] for n in some]) for some in (labels, predictions))
    ranks = np.array([rank for some in answers for rank in some.ranks])
    found = TOP_K.fullmatch(metric)
    top_k = [int(found[1])] if found else []
    return metrics.ranked(ranks - 1, predicted, truth, names, top_k)[ALIASES.get(metric, metric)]


def value(metric: str, answers: Answers) -> float:
    """The metric of these answers."""
    return statistic(metric, answers).of(np.ones(len(answers.ids)))


def obstacle(metric: str, seeds: Sequence[Answers]) -> str:
    """Reason why there is no interval; "" if there is one."""
    reasons = (metrics.obstacle(statistic(metric, a), a.groups) for a in seeds)
    return next(filter(None, reasons), "")


def interval(metric: str, seeds: Sequence[Answers]) -> Interval | None:
    """95 % interval of the score over new seeds and groups; of one seed, over new groups.

    None if the groups do not allow one, see `obstacle`.
    """
    found = [statistic(metric, answers) for answers in seeds]
    scores = np.array([s.of(np.ones(len(a.ids))) for s, a in zip(found, seeds)])
    around = _interval(scores, found, [answers.groups for answers in seeds])[0]
    return around and (max(0.0, around[0]), min(1.0, around[1]))


def compare(metric: str, row: Sequence[Answers], baseline: Sequence[Answers]) -> Comparison:
    """Row minus baseline, seed by seed, over the items that both have answered.

    p is of the hypothesis that the two are equal in expectation, over seeds and groups; of one
    seed, that of each group the two models' answers might as well be exchanged.
    """
    paired = [_paired(mine, other) for mine, other in zip(row, baseline)]
    found = [_difference(metric, *pair) for pair in paired]
    groups = [mine.groups for mine, _ in paired]
    scores = np.array([s.of(np.ones(len(some))) for s, some in zip(found, groups)])
    around, p = _interval(scores, found, groups)
    if len(paired) == 1:
        p = permutation_p(metric, *paired[0])
    n = len(paired[0][0].ids)
    return Comparison(float(scores.mean()), around, p, n, len(paired))


def permutation_p(metric: str, row: Answers, baseline: Answers) -> float:
    """Two-sided p of the difference when the answers of whole groups are exchanged at random.

    The share of exchanges that give a difference at least as large. Few groups give no small p: of
    four, none is below 1/8. Both have answered the same items, in one order.
    """
    both = statistic(metric, row, baseline)
    names, member = np.unique(np.asarray(row.groups), return_inverse=True)

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


def _interval(
    scores: Floats, found: Sequence[Statistic], groups: Sequence[Sequence[str]]
) -> tuple[Interval | None, float | None]:
    """Interval of the mean over seeds, and the p of its being 0; that of one seed has no p."""
    if any(metrics.obstacle(one, some) for one, some in zip(found, groups)):
        return None, None
    together = [name for some in groups for name in some]
    drawn = metrics.resample(_stacked(found, [len(some) for some in groups]), together)
    if len(found) == 1:
        return metrics.percentiles(drawn[:, 0]), None
    drawn = drawn[~np.isnan(drawn).any(axis=1)]
    if len(drawn) < metrics.MIN_KEPT * metrics.RESAMPLES:
        return None, None
    around = errors(scores, drawn, len(set(together)))
    mean, half = float(scores.mean()), float(around.half_width())
    p = float(around.tail(np.abs(mean))) if half else None
    return (mean - half, mean + half), p


def _stacked(found: Sequence[Statistic], sizes: Sequence[int]) -> list[Statistic]:
    """The seeds' statistics as statistics of all rows, so that one draw of groups serves all."""

    def shifted(one: Statistic, first: int, size: int) -> Statistic:
        parts = {name: at + first for name, at in one.parts.items()}
        here = slice(first, first + size)
        return Statistic(lambda weights: one.of(weights[here]), one.n, one.meaning, parts=parts)

    firsts = np.cumsum([0, *sizes]).tolist()
    return [shifted(one, first, size) for one, first, size in zip(found, firsts, sizes)]


def _difference(metric: str, row: Answers, baseline: Answers) -> Statistic:
    """Row minus baseline, of the same items in one order."""
    mine, other = statistic(metric, row), statistic(metric, baseline)
    return Statistic(
        lambda weights: mine.of(weights) - other.of(weights), mine.n, mine.meaning, parts=mine.parts
    )


def _paired(row: Answers, baseline: Answers) -> tuple[Answers, Answers]:
    """Both, of the items that both have answered, in the row's order."""
    place = {item: i for i, item in enumerate(baseline.ids)}
    mine = [i for i, item in enumerate(row.ids) if item in place]
    return row.take(mine), baseline.take([place[row.ids[i]] for i in mine])
