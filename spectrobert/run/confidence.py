"""Probabilities in predictions.csv: ROC curves, and the answers that a model is surest of."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch


class Roc(NamedTuple):
    """The ROC curve of one class against the rest."""

    false_positives: list[float]
    true_positives: list[float]
    area: float


def roc_curves(rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> dict[str, Roc]:
    """Label -> curve.

    Without labels whose probabilities are not in the rows, and those that no row or all rows have.
    """
    from torchmetrics.functional.classification import binary_auroc, binary_roc

    curves = {}
    for label in labels:
        truth = torch.tensor([row["label"] == label for row in rows]).long()
        if f"p_{label}" not in rows[0] or len(truth.unique()) < 2:
            continue
        scores = torch.tensor([float(row[f"p_{label}"]) for row in rows])
        false_positives, true_positives, _ = binary_roc(scores, truth)
        area = float(binary_auroc(scores, truth))
        curves[label] = Roc(false_positives.tolist(), true_positives.tolist(), area)
    return curves


def is_right(row: Mapping[str, Any]) -> bool:
    """True if the prediction is the label."""
    return row["label"] == row["prediction"]


def surest(rows: Sequence[dict[str, Any]], num_wrong: int, num_right: int) -> list[dict[str, Any]]:
    """The mistakes of highest probability, then the right answers of highest probability."""
    ranked = sorted(rows, key=lambda row: -float(row["p_prediction"]))
    wrong = [row for row in ranked if not is_right(row)]
    right = [row for row in ranked if is_right(row)]
    return wrong[:num_wrong] + right[:num_right]
