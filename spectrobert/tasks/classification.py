"""Tasks with one right label: AQA, emotion, sentiment (thesis 2.4)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from .. import losses
from ..metrics import ClassificationMetrics
from ..models.spectrobert import Output
from .base import Task


class Classification(Task):
    """Softmax over the labels."""

    head: ClassVar[str] = "classification"
    top_k: ClassVar[tuple[int, ...]] = ()

    def new_metrics(self) -> ClassificationMetrics:
        return ClassificationMetrics(len(self.labels), self.top_k)

    def class_logits(self, output: Output) -> Tensor:
        """(B, C) logits whose softmax is the probability of each label."""
        assert output.logits is not None
        return output.logits

    def losses(self, output: Output, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        loss = losses.classes(self.class_logits(output), batch["labels"], self.class_weights)
        return {"loss": loss, "accuracy": self._accuracy(output, batch)}

    def score(self, metrics: Any, output: Output, batch: dict[str, Tensor]) -> Tensor:
        logits = self.class_logits(output)
        metrics.update(logits, batch["labels"])
        return logits

    def _accuracy(self, output: Output, batch: dict[str, Tensor]) -> Tensor:
        predicted = self.class_logits(output).detach().argmax(dim=-1)
        return (predicted == batch["labels"]).float().mean()


class AqaBinary(Classification):
    """One logit: the log odds of "yes" (thesis 2.4.3)."""

    @staticmethod
    def num_logits(labels: tuple[str, ...]) -> int:
        return 1

    def class_logits(self, output: Output) -> Tensor:
        assert output.logits is not None
        yes = output.logits.squeeze(-1)
        return torch.stack([torch.zeros_like(yes), yes], dim=-1)  # softmax of (0, z) is sigmoid(z)

    def losses(self, output: Output, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        assert output.logits is not None
        loss = losses.binary(output.logits, batch["labels"], self.class_weights)
        return {"loss": loss, "accuracy": self._accuracy(output, batch)}


class AqaOpen(Classification):
    """One-word answers."""

    top_k = (5, 10)


class Ser(Classification):
    """Speech emotion recognition."""

    top_k = (2,)


class Sentiment(Classification):
    """Negative, neutral, positive."""
