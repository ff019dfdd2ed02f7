"""Intervals and paired tests of scores that are means over test items, resampled by group.

Shapes: N items of the test split; seeds are stacked, so that an item may occur once a seed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import metrics

PERMUTATIONS = 10_000
MAX_EXACT = 13  # groups; 2 ** 13 patterns are fewer than PERMUTATIONS

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """What was predicted of the test items, each item once."""

    ids: tuple[str, ...]
    groups: tuple[str, ...]  # speaker, scene: what is not independent
    labels: tuple[str, ...]
    hits: Floats  # (N,) 1 where the answer counts as right


@dataclass(frozen=True)
class Comparison:
    """A row against the baseline, over the same items and seeds."""

    difference: float
    interval: tuple[float, float]  # 95 %, paired bootstrap over groups
    p: float  # two-sided, permutation by group
    n: int  # items of a seed that both have answered


def over_items(labels: NDArray, hits: Floats) -> float:
    """Share of items that are right."""
    return float(hits.mean())


def over_classes(labels: NDArray, hits: Floats) -> float:
    """Mean over the classes of the share of their items that are right."""
    return float(np.mean([hits[labels == c].mean() for c in np.unique(labels)]))


def item_weights(labels: NDArray) -> Floats:
    """(N,) weights with which `over_items` is a sum."""
    return np.full(len(labels), 1 / len(labels))


def class_weights(labels: NDArray) -> Floats:
    """(N,) weights with which `over_classes` is a sum."""
    _, members, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return 1 / (len(counts) * counts[members])


Statistic = Callable[[NDArray, Floats], float]
# metric -> its statistic, and the same as weights
STATISTICS: dict[str, tuple[Statistic, Callable[[NDArray], Floats]]] = {
    "accuracy": (over_items, item_weights),
    "row_accuracy": (over_items, item_weights),
    "unweighted_accuracy": (over_classes, class_weights),
    "top_accuracy": (over_items, item_weights),
}


def kind(metric: str) -> str:
    """Key of STATISTICS; "" for a metric that is no mean over items, such as AUROC."""
    name = "top_accuracy" if re.fullmatch(r"top\d+_accuracy", metric) else metric
    return name if name in STATISTICS else ""


def value(metric: str, answers: Answers) -> float:
    """The metric of these answers."""
    return STATISTICS[kind(metric)][0](np.array(answers.labels), answers.hits)


def interval(metric: str, seeds: Sequence[Answers]) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over seeds; a group is drawn with all its seeds."""
    labels, hits, groups = _stacked(seeds)
    return metrics.bootstrap_interval(STATISTICS[kind(metric)][0], labels, hits, groups)


def compare(metric: str, row: Sequence[Answers], baseline: Sequence[Answers]) -> Comparison:
    """Row minus baseline, seed by seed, over the items that both have answered.

    The p value is of the hypothesis that, of each group, the two sets of answers might as well be
    exchanged: the share of exchanges that give a difference at least as large. Few groups give no
    small p: of four, none is below 1/8.
    """
    statistic, weights = STATISTICS[kind(metric)]
    paired = [_paired(mine, other) for mine, other in zip(row, baseline)]
    labels, differences, groups = _stacked(paired)
    return Comparison(
        difference=statistic(labels, differences),
        interval=metrics.bootstrap_interval(statistic, labels, differences, groups),
        p=permutation_p(weights(labels) * differences, groups),
        n=len(paired[0].ids),
    )


def permutation_p(parts: Floats, groups: Sequence[str]) -> float:
    """Two-sided p of a sum of parts, (N,), under random signs of whole groups."""
    names, members = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.bincount(members, weights=parts)  # (groups,)
    seen = abs(sums.sum()) * (1 - 1e-9)  # equal sums may differ in their last bit
    if len(names) <= MAX_EXACT:
        patterns = np.arange(2 ** len(names))
        signs = 1 - 2 * ((patterns[:, None] >> np.arange(len(names))) & 1)  # (patterns, groups)
        return float(np.mean(np.abs(signs @ sums) >= seen))
    generator = np.random.default_rng(0)
    larger = 0
    for _ in range(10):  # in parts, so that thousands of groups need little memory
        signs = generator.choice([-1, 1], size=(PERMUTATIONS // 10, len(names)))
        larger += int(np.sum(np.abs(signs @ sums) >= seen))
    return (1 + larger) / (1 + PERMUTATIONS)


def _paired(row: Answers, baseline: Answers) -> Answers:
    """The items of both, with hits of the row minus hits of the baseline."""
    place = {item: i for i, item in enumerate(baseline.ids)}
    mine = [i for i, item in enumerate(row.ids) if item in place]
    theirs = [place[row.ids[i]] for i in mine]
    return Answers(
        ids=tuple(row.ids[i] for i in mine),
        groups=tuple(row.groups[i] for i in mine),
        labels=tuple(row.labels[i] for i in mine),
        hits=row.hits[mine] - baseline.hits[theirs],
    )


def _stacked(seeds: Sequence[Answers]) -> tuple[NDArray, Floats, list[str]]:
    labels = np.concatenate([np.array(s.labels) for s in seeds])
    hits = np.concatenate([s.hits for s in seeds])
    return np.unique(labels, return_inverse=True)[1], hits, [g for s in seeds for g in s.groups]
