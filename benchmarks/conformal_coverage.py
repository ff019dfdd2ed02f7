"""Coverage of conformal sets and of 95 % group intervals on simulated test sets.

    python benchmarks/conformal_coverage.py [--sets 500]

Rows of a speaker share a shift of their logits. Two promises are checked: that a set of classes
holds the truth in 80, 90 or 95 % of new rows, and that the interval of that share, resampled over
speakers, covers the share over all speakers.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

if __name__ == "__main__":  # not this folder: it would hide libraries of the same names
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from spectrobert import metrics
from spectrobert.metrics.statistic import mean

CLASSES, ROWS = 6, 40  # per speaker
SHIFT = 0.7  # deviation of a speaker's logits
WISHED = (0.8, 0.9, 0.95)
ALL = 4000  # speakers that stand for all


def drawn(generator: np.random.Generator, speakers: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits (N, C) of a model that is too sure, and the truth (N,)."""
    shifts = SHIFT * generator.standard_normal((speakers, 1, CLASSES))
    logits = 1.5 * generator.standard_normal((speakers, ROWS, CLASSES))
    true = (logits + shifts).reshape(-1, CLASSES)
    sums = metrics.softmax(true).cumsum(axis=1)
    truth = (generator.random((len(true), 1)) > sums).sum(axis=1).clip(max=CLASSES - 1)
    return 2.0 * logits.reshape(-1, CLASSES), truth


def held(probabilities: np.ndarray, truth: np.ndarray, least: float) -> np.ndarray:
    """(N,) 1 where the set holds the truth."""
    sets = metrics.conformal_sets(probabilities, least)
    return sets[np.arange(len(truth)), truth].astype(float)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=500)
    parser.add_argument("--speakers", type=int, default=20, help="of validation, and of test")
    options = parser.parse_args()
    names = [f"s{i}" for i in range(options.speakers) for _ in range(ROWS)]
    logits, truth = drawn(np.random.default_rng(1), ALL)
    whole = metrics.softmax(logits), truth
    print(f"{options.sets} data sets, {options.speakers} speakers of {ROWS} rows in each part")
    print("wished  sets hold the truth  intervals cover the share of all speakers")
    for wished in WISHED:
        shares, covered = [], 0
        for seed in range(options.sets):
            generator = np.random.default_rng([2, seed])
            logits, truth = drawn(generator, options.speakers)
            least = metrics.conformal_quantile(metrics.softmax(logits), truth, wished)
            logits, truth = drawn(generator, options.speakers)
            own = held(metrics.softmax(logits), truth, least)
            shares.append(own.mean())
            found, _ = metrics.intervals({"": mean(own, "share")}, names)
            expected = held(*whole, least).mean()
            covered += found[""][0] <= expected <= found[""][1]
        print(f"{wished:6.2f}  {np.mean(shares):19.3f}  {covered / options.sets:.3f}", flush=True)


if __name__ == "__main__":
    main()
