"""Counts of right and wrong by class, and the area under the ROC curve, of weighted rows."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Counts:
    """By class, (C,): how often it was right, how often true, how often predicted."""

    right: np.ndarray
    true: np.ndarray
    predicted: np.ndarray

    def precision(self) -> np.ndarray:
        """(C,), 0 for a class that was never predicted."""
        return _divided(self.right, self.predicted)

    def recall(self) -> np.ndarray:
        """(C,), 0 for a class that never occurs."""
        return _divided(self.right, self.true)

    def f1(self) -> np.ndarray:
        """(C,), 0 for a class that is never right."""
        return _divided(2 * self.right, self.true + self.predicted)

    def weighted_f1(self) -> float:
        """Mean F1, each class counting by how often it is true."""
        return float(self.f1() @ self.true / self.true.sum())


def count(truth: np.ndarray, predicted: np.ndarray, classes: int, weights: np.ndarray) -> Counts:
    """Counts over rows (N,) of class numbers; row i counts `weights[i]` times."""
    is_right = truth == predicted
    return Counts(
        np.bincount(truth[is_right], weights[is_right], classes),
        np.bincount(truth, weights, classes),
        np.bincount(predicted, weights, classes),
    )


def _divided(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def auroc(is_positive: np.ndarray, scores: np.ndarray) -> Callable[[np.ndarray], float]:
    """The share of (positive, negative) pairs in the right order, a tie being half right.

    (N,) truth and scores -> a function of the weights; NaN without such a pair.
    """
    levels, level = np.unique(scores, return_inverse=True)

    def of(weights: np.ndarray) -> float:
        positive = np.bincount(level, weights * is_positive, len(levels))
        negative = np.bincount(level, weights, len(levels)) - positive
        pairs = positive.sum() * negative.sum()
        below = np.cumsum(negative) - negative / 2
        return float(positive @ below / pairs) if pairs else math.nan

    return of
