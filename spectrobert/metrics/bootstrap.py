"""95 % intervals by the percentile bootstrap, whole groups of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from .statistic import Statistic

RESAMPLES = 1000
BOUNDS = (0.025, 0.975)


def resamples(groups: Sequence[str], seed: int = 0) -> Iterator[np.ndarray]:
    """How often each row counts, (N,), in each resample.

    Rows of one group (speaker, recording) are not independent, so whole groups are drawn; a row of
    its own group is drawn alone.
    """
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    generator = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        chosen = generator.integers(len(names), size=len(names))
        yield np.bincount(chosen, minlength=len(names))[member]


def intervals(
    statistics: Mapping[str, Statistic], groups: Sequence[str], seed: int = 0
) -> dict[str, tuple[float, float]]:
    """The interval of each statistic that has one, all from the same resamples.

    Resamples that leave a statistic undefined are passed over. Of one group alone nothing can be
    said: then there are none.
    """
    if len(set(groups)) < 2:
        return {}
    statistics = {name: s for name, s in statistics.items() if s.has_interval}
    drawn = np.array(
        [
            [statistic.of(weights) for statistic in statistics.values()]
            for weights in (w.astype(np.float64) for w in resamples(groups, seed))
        ]
    )  # (resamples, statistics)
    found = {}
    for name, column in zip(statistics, drawn.T):
        defined = column[~np.isnan(column)]
        if len(defined):
            low, high = np.quantile(defined, BOUNDS)
            found[name] = (float(low), float(high))
    return found


def bootstrap_interval(
    statistic: Callable[[np.ndarray, np.ndarray], float],
    labels: np.ndarray,
    predictions: np.ndarray,
    groups: Sequence[str],
    seed: int = 0,
) -> tuple[float, float]:
    """The interval of any statistic of labels and predictions, (N,) both; see `resamples`."""
    found = []
    for counts in resamples(groups, seed):
        index = np.repeat(np.arange(len(labels)), counts)
        found.append(statistic(labels[index], predictions[index]))
    low, high = np.quantile(found, BOUNDS)
    return float(low), float(high)
