"""Agreement of numbers with numbers."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from .statistic import Statistic


def concordance(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> float:
    """Lin's concordance correlation coefficient (CCC) of (N,) and (N,), population moments.

    0 if either is constant: nothing varies together.
    """
    covariance, true_variance, variance, shift = _moments(truth, predicted, weights)
    is_flat = not true_variance or not variance
    return 0.0 if is_flat else 2 * covariance / (true_variance + variance + shift**2)


def pearson(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> float:
    """Pearson's correlation of (N,) and (N,); 0 if either is constant."""
    covariance, true_variance, variance, _ = _moments(truth, predicted, weights)
    is_flat = not true_variance or not variance
    return 0.0 if is_flat else covariance / float(np.sqrt(true_variance * variance))


def _moments(
    truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray
) -> tuple[float, float, float, float]:
    """Covariance, variance of either, and the shift of the means."""
    part = weights / weights.sum()
    shift = float(part @ predicted - part @ truth)
    covariance = float(part @ ((truth - part @ truth) * (predicted - part @ predicted)))
    return covariance, _variance(truth, part), _variance(predicted, part), shift


def _variance(numbers: np.ndarray, part: np.ndarray) -> float:
    """Exactly 0 of a constant: a mean that is off by a rounding error would leave some."""
    if not np.ptp(numbers[part > 0]):
        return 0.0
    return float(part @ (numbers - part @ numbers) ** 2)


def dimensional(
    predicted: np.ndarray, truth: np.ndarray, names: Sequence[str]
) -> dict[str, Statistic]:
    """CCC of each dimension over the whole set, and their mean: (N, D), (N, D), D names.

    The coefficient of a set is not the mean of its batches' coefficients.
    """
    predicted, truth = np.asarray(predicted, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    n, definition = len(truth), "concordance correlation coefficient over the whole set"
    each = {
        f"ccc_{name}": Statistic(
            partial(concordance, truth[:, i], predicted[:, i]), n, definition, label=name
        )
        for i, name in enumerate(names)
    }

    def average(weights: np.ndarray) -> float:
        return float(np.mean([ccc.of(weights) for ccc in each.values()]))

    return {
        "ccc": Statistic(average, n, f"mean over {', '.join(names)} of the {definition}"),
        **each,
        "loss": Statistic(lambda weights: 1 - average(weights), n, "1 - ccc"),
    }
