"""Tasks with one right label: AQA, any classes, emotion, sentiment (thesis 2.4)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..metrics import Statistic, classification, one_against_rest, ranks
from ..models.batch import Batch
from ..models.spectrobert import Output
from . import losses
from .base import Task

FEW = 10  # classes whose probabilities are all written to predictions.csv


class Classification(Task):
    """Softmax over the labels."""

    head: ClassVar[str] = "classification"
    top_k: ClassVar[tuple[int, ...]] = ()

    def __init__(self, *arguments: Any, **more: Any):
        super().__init__(*arguments, **more)
        one_row = self.statistics(np.zeros((1, len(self.labels))), np.zeros(1, dtype=int))
        self.require_monitor(f"val/{name}" for name in one_row)  # not after an epoch

    def class_logits(self, output: Output) -> Tensor:
        """(B, C) logits whose softmax is the probability of each label."""
        assert output.logits is not None
        return output.logits

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        loss = losses.classes(self.class_logits(output), batch["label"], self.class_weights)
        return {"loss": loss, "accuracy": self._accuracy(output, batch)}

    def rows(self, output: Output, batch: Batch) -> tuple[Tensor, Tensor]:
        return self.class_logits(output), batch["label"]

    def statistics(
        self, outputs: np.ndarray, truth: np.ndarray, questions: np.ndarray | None = None
    ) -> dict[str, Statistic]:
        return classification(outputs, truth, self.labels, self.top_k)

    def answers(self, output: Output) -> Tensor:
        return self.class_logits(output).double().softmax(dim=-1)

    def predictions(
        self, outputs: np.ndarray, truth: np.ndarray
    ) -> tuple[tuple[str, ...], list[list[Any]]]:
        names = [*self.labels, *self.unseen]
        probabilities = torch.from_numpy(outputs).double().softmax(dim=-1).numpy()
        place = 1 + ranks(outputs, truth)  # of the logits: six digits of probabilities have ties
        predicted = outputs.argmax(axis=1)
        shown = range(len(self.labels)) if len(self.labels) <= FEW else ()
        header = ("label", "prediction", "rank", "p_prediction", *(f"p_{names[i]}" for i in shown))
        rows = [
            [names[t], names[p], r, f"{q[p]:.6f}", *(f"{q[i]:.6f}" for i in shown)]
            for t, p, r, q in zip(truth, predicted, place.tolist(), probabilities)
        ]
        return header, rows

    def _accuracy(self, output: Output, batch: Batch) -> Tensor:
        predicted = self.class_logits(output).detach().argmax(dim=-1)
        return (predicted == batch["label"]).float().mean()


class Classes(Classification):
    """Any classes, such as kinds of sound."""

    top_k = (2,)


class Ser(Classification):
    """Speech emotion recognition."""

    top_k = (2,)

    def statistics(
        self, outputs: np.ndarray, truth: np.ndarray, questions: np.ndarray | None = None
    ) -> dict[str, Statistic]:
        found = super().statistics(outputs, truth)
        return found | one_against_rest(outputs, truth, self.labels)


class Sentiment(Classification):
    """Sentiment classes."""
