"""Metrics of MLM and SAP: means over all masked words and over all pairs of a set."""

import numpy as np

from .counts import auroc
from .statistic import Statistic, by_class, mean


def pretraining(
    rows: np.ndarray, matched: np.ndarray, mlm_weight: float, sap_weight: float
) -> dict[str, Statistic]:
    """Losses and accuracies over a set.

    Args:
        rows: (N, 4) of each pair: the match logit, the summed MLM loss of its masked words, how
            many of them are right, how many there are.
        matched: (N,) 1 if the audio belongs to the text.
    """
    match, cost, right, words = np.asarray(rows, dtype=np.float64).T
    sap = mean(np.logaddexp(0, match) - match * matched, "mean binary cross entropy of the pairs")
    mlm = _per_word(cost, words, "mean cross entropy of the masked words")
    return {
        "loss": Statistic(
            lambda weights: mlm_weight * mlm.of(weights) + sap_weight * sap.of(weights),
            len(match),
            f"{mlm_weight} mlm_loss + {sap_weight} sap_loss",
        ),
        "mlm_loss": mlm,
        "sap_loss": sap,
        "mlm_accuracy": _per_word(right, words, "share of the masked words that are right"),
        "sap_accuracy": mean((match > 0) == (matched > 0), "share of the pairs that are right"),
        "sap_auroc": Statistic(
            auroc(matched > 0, match),
            len(match),
            "area under the ROC curve of the pairs",
            parts=by_class(matched > 0, {1: "matched pairs", 0: "mismatched pairs"}),
        ),
    }


def _per_word(rows: np.ndarray, words: np.ndarray, meaning: str) -> Statistic:
    """A set in which no word was masked has cost nothing."""
    return Statistic(
        lambda weights: float(weights @ rows / max(1.0, weights @ words)),
        int(words.sum()),
        meaning,
        "masked words",
    )
