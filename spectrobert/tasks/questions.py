"""Audio question answering (thesis 2.4.3)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ..metrics import Statistic, by_question
from ..models.batch import Batch
from ..models.spectrobert import Output
from . import losses
from .classification import Classification


class Aqa(Classification):
    """Answers to questions, each of which several people may have answered."""

    question_k: ClassVar[tuple[int, ...]] = ()  # also score the first k answers of a question

    def statistics(
        self, outputs: np.ndarray, truth: np.ndarray, questions: np.ndarray | None = None
    ) -> dict[str, Statistic]:
        found = super().statistics(outputs, truth)
        if questions is None:
            return found
        return by_question(outputs, truth, questions, self.question_k) | found


class AqaBinary(Aqa):
    """One logit: the log odds of "yes"."""

    @staticmethod
    def num_logits(labels: tuple[str, ...]) -> int:
        return 1

    def class_logits(self, output: Output) -> Tensor:
        assert output.logits is not None
        yes = output.logits.squeeze(-1)
        return torch.stack([torch.zeros_like(yes), yes], dim=-1)  # softmax of (0, z) is sigmoid(z)

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        assert output.logits is not None
        loss = losses.binary(output.logits, batch["label"], self.class_weights)
        return {"loss": loss, "accuracy": self._accuracy(output, batch)}


class AqaOpen(Aqa):
    """One-word answers."""

    top_k = (5, 10)
    question_k = (5,)
