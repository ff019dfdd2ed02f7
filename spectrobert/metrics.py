"""Metrics over a whole set, never averaged over batches, and their intervals.

Shapes: B batch, N examples of the set, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import (
    BinaryAccuracy,
    BinaryAUROC,
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassConfusionMatrix,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)

RESAMPLES = 1000
MAX_AUROC_CLASSES = 50  # one-against-rest AUROC of 828 answers takes minutes and says little


class Metrics(nn.Module):
    """What a task accumulates over a set. Each kind has an `update` for its own outputs."""

    def compute(self) -> dict[str, float]:
        """The values over all that was seen since the last `reset`, by name."""
        raise NotImplementedError

    def reset(self) -> None:
        """Forget what was seen."""
        raise NotImplementedError


class ClassificationMetrics(Metrics):
    """Everything this project reports of a classifier.

    `accuracy` is the share of rows that are right (the field's "weighted accuracy", WA);
    `unweighted_accuracy` (UA) is the mean recall over the classes that occur in the set; macro
    figures are torchmetrics'.
    """

    def __init__(self, num_classes: int, top_k: Sequence[int] = ()):
        super().__init__()
        self.num_classes = num_classes
        size = {"num_classes": num_classes}
        metrics = {
            "accuracy": MulticlassAccuracy(**size, average="micro"),
            "macro_precision": MulticlassPrecision(**size, average="macro"),
            "macro_recall": MulticlassRecall(**size, average="macro"),
            "macro_f1": MulticlassF1Score(**size, average="macro"),
        }
        for k in top_k:
            if k < num_classes:
                metrics[f"top{k}_accuracy"] = MulticlassAccuracy(**size, average="micro", top_k=k)
        if num_classes <= MAX_AUROC_CLASSES:
            metrics["auroc"] = MulticlassAUROC(**size, average="macro")
        # Compute groups would merge top-k with accuracy for good if they agree on the first batch
        self.scalars = MetricCollection(metrics, compute_groups=False)
        self.loss = MeanMetric()
        self.confusion = MulticlassConfusionMatrix(**size)

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """(B, C) logits, (B,) labels."""
        probabilities = logits.float().softmax(dim=-1)
        self.loss.update(nn.functional.cross_entropy(logits.float(), labels, reduction="none"))
        self.scalars.update(probabilities, labels)
        self.confusion.update(probabilities, labels)

    def compute(self) -> dict[str, float]:
        values = {name: float(value) for name, value in self.scalars.compute().items()}
        values["loss"] = float(self.loss.compute())
        values["unweighted_accuracy"] = float(unweighted_accuracy(self.confusion.compute()))
        return values

    def confusion_matrix(self) -> list[list[int]]:
        """Rows are true classes, columns predicted ones."""
        return self.confusion.compute().tolist()

    def predicted_histogram(self) -> list[int]:
        """How often each class was predicted: a model that has collapsed shows here."""
        return self.confusion.compute().sum(dim=0).tolist()

    def reset(self) -> None:
        self.scalars.reset()
        self.loss.reset()
        self.confusion.reset()


class PretrainingMetrics(Metrics):
    """Losses and accuracies of MLM and SAP: means over all masked words and pairs of the set."""

    sums: Tensor  # MLM loss, right words, words, SAP loss, pairs

    def __init__(self, mlm_weight: float, sap_weight: float):
        super().__init__()
        self.weights = (mlm_weight, sap_weight)
        self.accuracy, self.auroc = BinaryAccuracy(), BinaryAUROC()
        self.register_buffer("sums", torch.zeros(5, dtype=torch.float64), persistent=False)

    def update(self, words: Tensor, targets: Tensor, match: Tensor, matched: Tensor) -> None:
        """(K, vocabulary) and (K,) of the masked words; (B,) logits and labels of the pairs."""
        with torch.no_grad():
            mlm = nn.functional.cross_entropy(words.float(), targets, reduction="sum")
            right = (words.argmax(dim=-1) == targets).sum()
            sap = nn.functional.binary_cross_entropy_with_logits(
                match.float(), matched.float(), reduction="sum"
            )
            values = torch.stack(
                [mlm, right, mlm.new_tensor(len(targets)), sap, sap.new_tensor(len(matched))]
            )
            self.sums += values.double()
            self.accuracy.update(match.float().sigmoid(), matched)
            self.auroc.update(match.float().sigmoid(), matched)

    def compute(self) -> dict[str, float]:
        mlm, right, words, sap, pairs = self.sums.tolist()
        mlm_loss, sap_loss = mlm / max(1.0, words), sap / max(1.0, pairs)
        return {
            "loss": self.weights[0] * mlm_loss + self.weights[1] * sap_loss,
            "mlm_loss": mlm_loss,
            "sap_loss": sap_loss,
            "mlm_accuracy": right / max(1.0, words),
            "sap_accuracy": float(self.accuracy.compute()),
            "sap_auroc": float(self.auroc.compute()),
        }

    def reset(self) -> None:
        self.sums.zero_()
        self.accuracy.reset()
        self.auroc.reset()


def unweighted_accuracy(confusion: Tensor) -> Tensor:
    """Mean recall over the classes that occur: (C, C) counts, rows true -> ()."""
    counts = confusion.sum(dim=1)
    present = counts > 0
    return (confusion.diagonal()[present] / counts[present]).mean()


def accuracy_of(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Share of rows that are right."""
    return float(np.mean(labels == predictions))


def unweighted_accuracy_of(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Mean recall over the classes that occur in `labels`."""
    return float(np.mean([np.mean(predictions[labels == c] == c) for c in np.unique(labels)]))


def bootstrap_interval(
    statistic: Callable[[np.ndarray, np.ndarray], float],
    labels: np.ndarray,
    predictions: np.ndarray,
    groups: Sequence[str],
    seed: int = 0,
) -> tuple[float, float]:
    """95 % percentile interval of a statistic, by resampling groups.

    Rows of one group (speaker, scene) are not independent, so whole groups are drawn.

    Args:
        labels, predictions: (N,) class indices.
        groups: N names; a row of its own group is resampled alone.
    """
    names, members = np.unique(np.asarray(groups), return_inverse=True)
    rows = [np.flatnonzero(members == g) for g in range(len(names))]
    generator = np.random.default_rng(seed)
    values = []
    for _ in range(RESAMPLES):
        chosen = generator.integers(len(rows), size=len(rows))
        index = np.concatenate([rows[g] for g in chosen])
        values.append(statistic(labels[index], predictions[index]))
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
