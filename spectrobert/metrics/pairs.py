"""Metrics of sentence-audio prediction over a set of pairs."""

import numpy as np

from .counts import auroc
from .statistic import Statistic, by_class, mean


def matches(match: np.ndarray, matched: np.ndarray) -> dict[str, Statistic]:
    """Loss, accuracy and area under the ROC curve.

    Args:
        match: (N,) logits.
        matched: (N,) 1 if the audio belongs to the text.
    """
    cost = np.logaddexp(0, match) - match * matched
    return {
        "sap_loss": mean(cost, "mean binary cross entropy of the pairs"),
        "sap_accuracy": mean((match > 0) == (matched > 0), "share of the pairs that are right"),
        "sap_auroc": Statistic(
            auroc(matched > 0, match),
            len(match),
            "area under the ROC curve of the pairs",
            parts=by_class(matched > 0, {1: "matched pairs", 0: "mismatched pairs"}),
        ),
    }
