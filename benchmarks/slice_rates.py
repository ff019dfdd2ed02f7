"""Rates at which the test of slices finds a planted gap between sexes, and one that is not there.

    python benchmarks/slice_rates.py

Simulates test sets: 24 speakers, 12 of each sex, 20 clips each; speakers differ in how
often they are answered rightly. The gap between the sexes is 0, 5, 10 or 15 points. Each
goes through the interval and the permutation test that `evaluate --slices sex` uses
(spectrobert/metrics/slices.py), and, for comparison, through a test that takes all clips as
independent. Exits with 1 if false alarms are further from 5 %, or the interval's coverage from
95 %, than 2 points: coverage is, as a bootstrap of 12 speakers is too narrow (docs/trust.md).

Shapes: N clips.
"""

import sys
import time
from pathlib import Path

import numpy as np

if __name__ == "__main__":  # not this folder: it would hide libraries of the same names
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from spectrobert.metrics import slices as compared
from spectrobert.metrics.slices import Sliced
from spectrobert.metrics.statistic import mean

SETS = 300
SPEAKERS, CLIPS = 24, 20
ACCURACY, DEVIATION = 0.70, 0.08  # mean of the speakers, and how much they differ
GAPS = (0.0, 0.05, 0.10, 0.15)
LEVEL = 0.05
TOLERANCES = (0.02, 0.02)  # of false alarms, and of coverage


def simulated(generator: np.random.Generator, gap: float) -> tuple[np.ndarray, ...]:
    """(N,) speakers, sexes, and True for right answers."""
    speaker = np.repeat(np.arange(SPEAKERS), CLIPS)
    sex = speaker % 2
    own = ACCURACY + DEVIATION * generator.standard_normal(SPEAKERS)
    rate = np.clip(own[speaker] + gap * (0.5 - sex), 0, 1)
    return speaker, sex, generator.random(len(speaker)) < rate


def judged(generator: np.random.Generator, gap: float) -> tuple[bool, bool, bool]:
    """If a set's gap is found, if its interval holds the true one, if clips alone find it."""
    speaker, sex, is_right = simulated(generator, gap)
    places = [np.flatnonzero(sex == one) for one in (0, 1)]
    women, men = (Sliced(at, mean(is_right[at], "accuracy")) for at in places)
    around, _ = compared.difference(women, men, speaker.astype(str), is_paired=False)

    def spread(numbers: np.ndarray) -> float:
        return abs(is_right[numbers == 0].mean() - is_right[numbers == 1].mean())

    p = compared.permutation_p(spread, sex, speaker)
    shares = (women.value, men.value)
    error = np.sqrt(sum(share * (1 - share) / len(at) for share, at in zip(shares, places)))
    holds = around is not None and around[0] <= gap <= around[1]
    return p is not None and p <= LEVEL, holds, abs(shares[0] - shares[1]) > 1.96 * error


def main() -> int:
    """Print the rates. Returns the exit code."""
    began, is_met = time.perf_counter(), True
    print("| gap, points | found, % | interval holds it, % | clips as independent: found, % |")
    print("|---:|---:|---:|---:|")
    for gap in GAPS:
        generator = np.random.default_rng(int(100 * gap))
        rates = np.mean([judged(generator, gap) for _ in range(SETS)], axis=0)
        print(f"| {100 * gap:.0f} | " + " | ".join(f"{100 * rate:.1f}" for rate in rates) + " |")
        is_met &= abs(rates[1] - 0.95) <= TOLERANCES[1]
        is_met &= gap > 0 or abs(rates[0] - LEVEL) <= TOLERANCES[0]
    print(
        f"{SETS} sets a line, {time.perf_counter() - began:.0f} s; {'met' if is_met else 'MISSED'}"
    )
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
