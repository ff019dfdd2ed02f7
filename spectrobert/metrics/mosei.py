"""CMU-MOSEI's metrics of a sentiment between -3 and 3, as MMSA's metricsTop.py defines them.

"Acc2" is two metrics: negative against non-negative over all rows (MMSA's Has0), and negative
against positive over the rows whose true sentiment is not 0 (Non0).
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from .continuous import pearson
from .counts import count
from .statistic import Statistic, mean

Loss = Callable[[np.ndarray], np.ndarray]  # of the differences, row by row


def seven_classes(sentiment: np.ndarray) -> np.ndarray:
    """Clipped to -3..3 and rounded half to even, as NumPy does: 0.5 and -0.5 are 0, 1.5 is 2."""
    return np.round(np.clip(sentiment, -3, 3))


def sentiment(
    predicted: np.ndarray, truth: np.ndarray, loss: Loss, loss_name: str
) -> dict[str, Statistic]:
    """(N,), (N,) -> Acc7, both Acc2 with their F1s, MAE, Pearson's r, and the loss."""
    predicted, truth = np.asarray(predicted, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    found = {
        "acc7": mean(
            seven_classes(predicted) == seven_classes(truth),
            "share of rows right after clipping both to -3..3 and rounding half to even",
        )
    }
    nonzero = np.flatnonzero(truth)
    for name, at, side, what in (
        ("nonneg", np.arange(len(truth)), np.greater_equal, "negative / non-negative, all rows"),
        ("pos", nonzero, np.greater, "not positive / positive, rows whose true sentiment is not 0"),
    ):
        true_side, predicted_side = side(truth[at], 0), side(predicted[at], 0)
        share = mean(true_side == predicted_side, f"share of rows right, {what}", at)
        f1 = f"mean F1 of the two sides, weighed by how often each is true, {what}"
        of = partial(_weighted_f1, true_side.astype(int), predicted_side, at)
        found[f"acc2_{name}"] = share
        found[f"f1_{name}"] = Statistic(of, len(at), f1, parts=share.parts)
    n = len(truth)
    found["mae"] = mean(abs(predicted - truth), "mean absolute error")
    found["pearson_r"] = Statistic(
        partial(pearson, truth, predicted), n, "Pearson's correlation over the whole set"
    )
    found["loss"] = mean(loss(predicted - truth), f"mean {loss_name} error")
    return found


def _weighted_f1(
    truth: np.ndarray, predicted: np.ndarray, at: np.ndarray, weights: np.ndarray
) -> float:
    chosen = weights[at]
    if not chosen.sum():
        return float("nan")
    return count(truth, predicted, 2, chosen).weighted_f1()
