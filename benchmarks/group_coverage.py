"""Coverage of 95 % intervals over groups: of a score, and of paired and unpaired differences.

    python benchmarks/group_coverage.py

Simulates test sets of 3 to 50 speakers of 20 clips each, who differ in how often they are answered
rightly. A second model errs at a rate of its own on the same speakers: the difference is paired. A
second slice, of as many other speakers, gives an unpaired one. Each interval is cut twice from the
same resamples: plain percentiles, and those of spectrobert/metrics/bootstrap.py, which runs, tables
and `score` use. Exits with 1 if one of the latter, of 10 speakers or more, is further from 95 %
than 2 points; of fewer, intervals call themselves too narrow.

Shapes: M simulated sets, G groups, R resamples.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import NormalDist

import numpy as np

if __name__ == "__main__":  # not this folder: it would hide libraries of the same names
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from spectrobert.metrics.bootstrap import (
    CONFIDENCE,
    group_counts,
    percentiles,
    reach,
    reach_of_difference,
)
from spectrobert.metrics.measured import FEW_GROUPS

SETS = 4000
CLIPS = 20  # of a speaker
MODELS = {0.7: 0.08, 0.9: 0.05}  # accuracy -> its deviation between speakers
OF_MODEL = 0.5  # share of that deviation that two models do not have in common
GROUPS = (3, 4, 5, 6, 8, 12, 20, 24, 50)
TOLERANCE = 0.02
PLAIN = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
KINDS = ("score", "paired difference", "difference of slices")


def answered(generator: np.random.Generator, groups: int, accuracy: float) -> np.ndarray:
    """(2, G, M) right answers of two models for the same speakers, equal in expectation."""
    deviation = MODELS[accuracy]
    common, own = np.sqrt(1 - OF_MODEL), np.sqrt(OF_MODEL)
    shifts = common * generator.standard_normal((1, groups, SETS))
    shifts = shifts + own * generator.standard_normal((2, groups, SETS))
    return generator.binomial(CLIPS, np.clip(accuracy + deviation * shifts, 0, 1))


def resampled(right: np.ndarray, seed: int = 0) -> np.ndarray:
    """(G, M) right answers -> (R, M) accuracies."""
    counts = np.array(list(group_counts(len(right), seed)))
    return counts @ right / (CLIPS * len(right))


def share(drawn: np.ndarray, expected: float, deviates: Callable[[int], float]) -> float:
    """Share of the intervals of resamples (R, M) that hold the value expected."""
    around = (percentiles(drawn[:, i], deviates(i)) for i in range(SETS))
    return float(np.mean([low <= expected <= high for low, high in filter(None, around)]))


def measure(groups: int, accuracy: float) -> np.ndarray:
    """(3, 2) coverage of each kind: by plain percentiles, and as runs have it."""
    generator = np.random.default_rng([groups, round(100 * accuracy)])
    right, theirs = answered(generator, groups, accuracy)
    others = answered(generator, groups, accuracy)[0]
    expected = answered(generator, 1000, accuracy)[0].mean() / CLIPS  # of a clipped normal
    own = resampled(right)
    apart = resampled(right, 1), resampled(others, 2)

    def unpaired(i: int) -> float:
        return reach_of_difference([side[:, i] for side in apart], (groups, groups))

    def paired(_: int) -> float:
        return reach(groups)

    cases = (
        (own, expected, paired),
        (own - resampled(theirs), 0.0, paired),
        (apart[0] - apart[1], 0.0, unpaired),
    )
    return np.array([[share(d, e, lambda _: PLAIN), share(d, e, f)] for d, e, f in cases])


def main() -> int:
    """Print the coverages. Returns the exit code."""
    began, worst = time.perf_counter(), 0.0
    print(f"{SETS} sets a line, {CLIPS} clips a speaker; standard error of a figure: 0.35 points")
    print("| accuracy % | speakers | " + " | ".join(f"{k}: plain | expanded" for k in KINDS) + " |")
    print("|---:|---:|" + "---:|---:|" * len(KINDS))
    for accuracy in MODELS:
        for groups in GROUPS:
            found = measure(groups, accuracy)
            cells = " | ".join(f"{100 * one:.1f}" for one in found.ravel())
            print(f"| {100 * accuracy:.0f} | {groups} | {cells} |", flush=True)
            if groups >= FEW_GROUPS:
                worst = max(worst, float(np.abs(found[:, 1] - CONFIDENCE).max()))
    verdict = "met" if worst <= TOLERANCE else "MISSED"
    print(f"bar, from {FEW_GROUPS} speakers on: 95 +- {100 * TOLERANCE:g} %: {verdict}", end="")
    print(f" (furthest: {100 * worst:.1f}); {time.perf_counter() - began:.0f} s")
    return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
