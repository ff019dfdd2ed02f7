"""Coverage of the 95 % interval over seeds and groups, and false positives of the paired test.

    python benchmarks/interval_coverage.py

Simulates tables: K seeds of a method whose expected accuracy is known, scored on 1000 test items in
groups of 1 to 8 rows. Each seed has an expected accuracy of its own, and each trained model errs on
items of its own; items are unequally hard, and alike within a group. A second method, equal in
expectation, is run with as many seeds on the same items. Both go through the estimator that tables
use (spectrobert/experiments/seed_statistics.py), and, for comparison, through a bootstrap over
groups alone with the seeds pooled. Exits with 1 if a figure is further from nominal than 2 points.

Shapes: M simulated tables, K seeds, N items, G groups, R resamples.
"""

import sys
import time
from functools import cache
from pathlib import Path

import numpy as np

if __name__ == "__main__":  # not this folder: it would hide libraries of the same names
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from spectrobert.experiments.seed_statistics import Errors, errors
from spectrobert.metrics.bootstrap import CONFIDENCE, group_counts

TABLES, AT_ONCE = 4000, 250
ITEMS, ACCURACY = 1000, 0.70
SEED_DEVIATIONS = (0.023, 0.073)  # of a seed's expected accuracy
SEEDS = (3, 5)
# Parts of the variance of how hard an answer is; the rest is each trained model's own
OF_GROUP, OF_ITEM = 0.1, 0.4
TOLERANCE = 0.02
BOUNDS = (0.025, 0.975)  # of groups alone: of some 220 groups, an expansion changes little


def group_sizes(generator: np.random.Generator) -> np.ndarray:
    """(G,) rows of each group, 1000 in all."""
    sizes: list[int] = []
    while (left := ITEMS - sum(sizes)) > 0:
        sizes.append(min(left, int(generator.integers(1, 9))))
    return np.array(sizes)


def hits(
    generator: np.random.Generator, hard: np.ndarray, num_seeds: int, deviation: float
) -> np.ndarray:
    """(M, K, N) True for right answers, of items (M, N) as hard as that."""
    from scipy.special import ndtri

    expected = ACCURACY + deviation * generator.standard_normal((len(hard), num_seeds))
    threshold = ndtri(np.clip(expected, 0.01, 0.99))[..., None]
    own = generator.standard_normal((len(hard), num_seeds, hard.shape[1]), dtype=np.float32)
    return hard[:, None] + np.sqrt(1 - OF_GROUP - OF_ITEM) * own < threshold


def difficulty(generator: np.random.Generator, sizes: np.ndarray, tables: int) -> np.ndarray:
    """(M, N), the part that all models share; standard normal with the models' own part."""
    of_group = generator.standard_normal((tables, len(sizes)), dtype=np.float32)
    of_item = generator.standard_normal((tables, sizes.sum()), dtype=np.float32)
    member = np.repeat(np.arange(len(sizes)), sizes)
    return np.sqrt(OF_GROUP) * of_group[:, member] + np.sqrt(OF_ITEM) * of_item


def by_group(right: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(M, K, N) -> (M, K, G) right answers of each group."""
    firsts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return np.add.reduceat(right, firsts, axis=-1, dtype=np.float64)


@cache
def draws(num_groups: int) -> np.ndarray:
    """(R, G) the resamples that any table of so many groups has."""
    return np.array(list(group_counts(num_groups)))


def resampled(sums: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(M, K, G) sums -> (R, M, K) accuracies, or differences of two."""
    counts = draws(len(sizes))
    drawn = counts @ sums.reshape(-1, len(sizes)).T / (counts @ sizes)[:, None]
    return drawn.reshape(len(counts), *sums.shape[:2])


def over_seeds_and_groups(sums: np.ndarray, sizes: np.ndarray) -> Errors:
    """The errors of M means over K seeds, as a table has them."""
    scores = sums.sum(axis=-1) / sizes.sum()
    return errors(scores, resampled(sums, sizes), len(sizes))


def misses(sums: np.ndarray, sizes: np.ndarray, expected: float) -> tuple[np.ndarray, np.ndarray]:
    """(M,) True if the expected value lies outside the interval: seeds and groups, groups alone.

    For a difference and 0 that is p < 0.05.
    """
    distance = np.abs(sums.sum(axis=-1).mean(axis=-1) / sizes.sum() - expected)
    tail = over_seeds_and_groups(sums, sizes).tail(distance)
    low, high = np.quantile(resampled(sums, sizes).mean(axis=-1), BOUNDS, axis=0)
    return tail < 1 - CONFIDENCE, (expected < low) | (expected > high)


def measure(num_seeds: int, deviation: float) -> np.ndarray:
    """Coverage and false positives over seeds and groups, then over groups alone: (2, 2)."""
    generator = np.random.default_rng([num_seeds, round(1000 * deviation)])
    shares = []
    for _ in range(TABLES // AT_ONCE):
        sizes = group_sizes(generator)
        hard = difficulty(generator, sizes, AT_ONCE)
        mine, other = (
            by_group(hits(generator, hard, num_seeds, deviation), sizes) for _ in range(2)
        )
        outside, differs = misses(mine, sizes, ACCURACY), misses(mine - other, sizes, 0.0)
        shares.append([(1 - o.mean(), d.mean()) for o, d in zip(outside, differs)])
    return np.mean(shares, axis=0)


def main() -> int:
    began, is_met = time.perf_counter(), True
    print(f"{TABLES} tables of {ITEMS} items each; standard error of a figure: 0.3 points")
    print(f"{'':24}{'seeds and groups':>28}{'groups alone':>28}")
    print(f"{'seed deviation':>14}{'seeds':>8}  " + f"{'coverage':>14}{'p < 0.05':>14}" * 2)
    for deviation in SEED_DEVIATIONS:
        for num_seeds in SEEDS:
            found = measure(num_seeds, deviation)
            cells = "".join(f"{100 * share:12.1f} %" for share in found.ravel())
            print(f"{100 * deviation:12.1f} %{num_seeds:8}  {cells}", flush=True)
            off = np.abs(found[0] - [CONFIDENCE, 1 - CONFIDENCE])
            is_met &= bool((off <= TOLERANCE).all())
    verdict = "met" if is_met else "missed"
    print(f"bar, nominal +- {100 * TOLERANCE:g} points: {verdict}")
    print(f"{time.perf_counter() - began:.0f} s")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
