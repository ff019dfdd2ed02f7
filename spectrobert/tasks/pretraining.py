"""Pre-training: masked language modelling and sentence-audio prediction (thesis 2.3)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from .. import losses
from ..config import PretrainingConfig
from ..metrics import PretrainingMetrics
from ..models.spectrobert import IGNORED, Output
from .base import Task


class Pretraining(Task):
    """Loss: 0.5 MLM + 0.5 SAP (thesis 2.3.4)."""

    head: ClassVar[str] = "pretraining"
    config: PretrainingConfig

    @staticmethod
    def num_logits(labels: tuple[str, ...]) -> int:
        return 0

    def new_metrics(self) -> PretrainingMetrics:
        return PretrainingMetrics(self.config.mlm_weight, self.config.sap_weight)

    def losses(self, output: Output, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        words, match = _filled(output)
        mlm = losses.masked_words(words, _masked(batch))
        sap = losses.match(match, batch["matched"])
        total = self.config.mlm_weight * mlm + self.config.sap_weight * sap
        return {"loss": total, "mlm_loss": mlm, "sap_loss": sap}

    def score(self, metrics: Any, output: Output, batch: dict[str, Tensor]) -> Tensor:
        words, match = _filled(output)
        metrics.update(words, _masked(batch), match, batch["matched"])
        return torch.stack([match, batch["matched"].to(match.dtype)], dim=-1)


def _masked(batch: dict[str, Tensor]) -> Tensor:
    labels = batch["mlm_labels"]
    return labels[labels != IGNORED]


def _filled(output: Output) -> tuple[Tensor, Tensor]:
    assert output.masked_words is not None
    assert output.match is not None
    return output.masked_words, output.match
