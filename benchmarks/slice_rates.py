"""Rates at which the test of slices finds a planted gap between sexes, and one that is not there.

    python benchmarks/slice_rates.py

Simulates test sets: 24 speakers, 12 of each sex, 20 clips each; speakers differ in how
often they are answered rightly. The gap between the sexes is 0, 5, 10 or 15 points. Each
goes through the interval and the permutation test that `evaluate --slices sex` uses
(spectrobert/metrics/slices.py), and, for comparison, through a test that takes all clips as
independent. Exits with 1 if false alarms are further from 5 %, or the interval's coverage, over all
sets, from 95 %, than 2 points. There are so many sets that 2 points are about three standard errors
of either: a test that is as good as it says misses the bar once in 400 calls.

Shapes: G speakers.
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

SPEAKERS, CLIPS = 24, 20
ACCURACY, DEVIATION = 0.70, 0.08  # mean of the speakers, and how much they differ
SETS = {0.0: 1000, 0.05: 400, 0.10: 400, 0.15: 400}  # gap -> simulated sets
LEVEL = 0.05
TOLERANCE = 0.02


def simulated(generator: np.random.Generator, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """(G,) sexes, and shares of right answers."""
    sex = np.arange(SPEAKERS) % 2
    own = ACCURACY + DEVIATION * generator.standard_normal(SPEAKERS)
    rate = np.clip(own + gap * (0.5 - sex), 0, 1)
    return sex, generator.binomial(CLIPS, rate) / CLIPS


def judged(generator: np.random.Generator, gap: float) -> tuple[bool, bool, bool]:
    """If a set's gap is found, if its interval holds the true one, if clips alone find it."""
    sex, rights = simulated(generator, gap)
    speakers = np.arange(SPEAKERS)
    # of as many clips each, speakers stand for their clips
    women, men = (Sliced(at, mean(rights[at], "")) for at in (speakers[::2], speakers[1::2]))
    around, _ = compared.difference(women, men, speakers.astype(str), is_paired=False)

    def spread(numbers: np.ndarray) -> float:
        return abs(rights[numbers == 0].mean() - rights[numbers == 1].mean())

    p = compared.permutation_p(spread, sex, speakers)
    shares = np.array([women.value, men.value])
    error = np.sqrt((shares * (1 - shares)).sum() / (CLIPS * SPEAKERS / 2))
    holds = around is not None and around[0] <= gap <= around[1]
    return p is not None and p <= LEVEL, holds, np.ptp(shares) > 1.96 * error


def with_error(rates: np.ndarray) -> str:
    """Share of (M,) sets in per cent, and its standard error."""
    share = rates.mean()
    error = np.sqrt(share * (1 - share) / len(rates))
    return f"{100 * share:.1f} ± {100 * error:.1f}"


def main() -> int:
    """Print the rates. Returns the exit code."""
    began, found = time.perf_counter(), {}
    print(
        "| gap, points | sets | found, % | interval holds it, % | clips as independent: found, % |"
    )
    print("|---:|---:|---:|---:|---:|")
    for gap, sets in SETS.items():
        generator = np.random.default_rng(round(100 * gap))
        found[gap] = np.array([judged(generator, gap) for _ in range(sets)])
        cells = " | ".join(map(with_error, found[gap].T))
        print(f"| {100 * gap:.0f} | {sets} | {cells} |", flush=True)
    alarms, holds = found[0.0][:, 0], np.concatenate([own[:, 1] for own in found.values()])
    off = (abs(alarms.mean() - LEVEL), abs(holds.mean() - (1 - LEVEL)))
    verdict = "met" if max(off) <= TOLERANCE else "MISSED"
    print(f"interval holds the gap in {with_error(holds)} % of all {len(holds)} sets")
    print(f"bar, 5 and 95 % within 2 points: {verdict}; {time.perf_counter() - began:.0f} s")
    return 0 if verdict == "met" else 1


if __name__ == "__main__":
    sys.exit(main())
