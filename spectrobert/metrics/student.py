"""Quantiles of Student's t by closed forms, so that `score` needs no scipy."""

import math
from functools import cache

import numpy as np

BISECTIONS = 60


@cache
def t_quantile(share: float, free: int) -> float:
    """The value that t of `free` degrees of freedom, 1 or more, stays below with this probability.

    Args:
        share: the probability, from 0.5 on and below 1.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        is_below = _within(middle, free) < 2 * share - 1
        low, high = (middle, high) if is_below else (low, middle)
    return math.sqrt(free) * math.tan(low)


def _within(angle: float, free: int) -> float:
    """Probability that |t| is at most sqrt(free) tan(angle).

    Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.3 and 26.7.4: a series of
    free // 2 terms, each the one before it times a fraction and the squared cosine.
    """
    is_odd, cosine = free % 2, math.cos(angle)
    steps = 2.0 * np.arange(1, free // 2)
    fractions = (steps - 1 + is_odd) / (steps + is_odd)
    terms = np.cumprod(np.concatenate([[cosine**is_odd], cosine**2 * fractions]))
    series = math.sin(angle) * float(terms[: free // 2].sum())
    return 2 / math.pi * (angle + series) if is_odd else series
