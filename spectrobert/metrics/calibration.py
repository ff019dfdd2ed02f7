"""Probabilities that can be believed: temperature, reliability, abstention, conformal sets.

Shapes: N rows, C classes.
"""

from __future__ import annotations

import math

import numpy as np

from .statistic import Statistic

BINS = 10  # of a reliability curve
SEARCHED = (-3.0, 3.0)  # logarithms of the temperatures that are tried


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """(N, C) probabilities."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    apart = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(apart / apart.sum(axis=1, keepdims=True))


def log_loss(logits: np.ndarray, truth: np.ndarray, temperature: float = 1.0) -> float:
    """Mean negative logarithm of the probability of the truth (N,)."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    highest = scaled.max(axis=1)
    total = highest + np.log(np.exp(scaled - highest[:, None]).sum(axis=1))
    return float(np.mean(total - scaled[np.arange(len(truth)), truth]))


def temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The number that logits are divided by for the least `log_loss` (Guo et al. 2017)."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log: log_loss(logits, truth, math.exp(log)), bounds=SEARCHED, method="bounded"
    )
    return math.exp(float(found.x))


def reliability(sure: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean probability and share of right answers in each bin that is not empty, and their ECE.

    The expected calibration error weighs each bin's distance by its share of the (N,) answers.
    """
    number = _bins(sure)
    used = np.unique(number)
    centres = np.array([sure[number == b].mean() for b in used])
    shares = np.array([right[number == b].mean() for b in used])
    weights = np.array([np.mean(number == b) for b in used])
    return centres, shares, float(np.sum(weights * np.abs(centres - shares)))


def expected_error(sure: np.ndarray, right: np.ndarray) -> Statistic:
    """The ECE of `reliability` as a statistic."""
    number, apart = _bins(sure), np.asarray(sure) - np.asarray(right)

    def of(weights: np.ndarray) -> float:
        sums = np.bincount(number, weights * apart, BINS)
        return float(np.abs(sums).sum() / weights.sum())

    meaning = f"expected calibration error over {BINS} bins of equal width"
    return Statistic(of, len(number), meaning)


def _bins(sure: np.ndarray) -> np.ndarray:
    return np.minimum((np.asarray(sure) * BINS).astype(int), BINS - 1)


def risk_coverage(sure: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Coverages and risks if the surest (1 .. N) are answered, (N,) both, and their mean risk.

    Rows of equal probability are answered together: each has the risk of all of them.
    """
    order = np.argsort(-np.asarray(sure), kind="stable")
    wrong = np.cumsum(1.0 - np.asarray(right, dtype=float)[order])
    counts = np.arange(1, len(order) + 1)
    last = np.searchsorted(-np.asarray(sure)[order], -np.asarray(sure)[order], side="right")
    risks = wrong[last - 1] / last
    return counts / len(order), risks, float(risks.mean())


def least_confidence(sure: np.ndarray, right: np.ndarray, accuracy: float) -> float | None:
    """The lowest probability from which on such a share of the answers is right; None without one.

    Of all thresholds that reach the accuracy, that of the most answers.
    """
    _, risks, _ = risk_coverage(sure, right)
    fit = np.flatnonzero(1.0 - risks >= accuracy)
    if not len(fit):
        return None
    return float(np.sort(np.asarray(sure))[::-1][fit[-1]])


def conformal_quantile(probabilities: np.ndarray, truth: np.ndarray, coverage: float) -> float:
    """The least probability of a class that is kept, for sets that hold the truth so often.

    Split conformal prediction by the probability of the truth (Sadinle et al. 2019): of N rows the
    ceil((N + 1) coverage)-th highest score of non-conformity; 0, all classes, if N is too small.
    """
    own = np.sort(1.0 - probabilities[np.arange(len(truth)), truth])
    place = math.ceil((len(own) + 1) * coverage)
    return 0.0 if place > len(own) else float(1.0 - own[place - 1])


def conformal_sets(probabilities: np.ndarray, least: float) -> np.ndarray:
    """(N, C) True at the classes that are kept; at the most probable one if none is."""
    kept = probabilities >= least
    kept[np.arange(len(kept)), probabilities.argmax(axis=1)] = True
    return kept
