"""Pre-training: masked language modelling and sentence-audio prediction (thesis 2.3)."""

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ..config import PretrainingConfig
from ..metrics import pretraining
from ..models.batch import IGNORED, Batch
from ..models.model import Output
from . import losses
from .base import Array, Statistics, Task


class Pretraining(Task):
    """Loss: 0.5 MLM + 0.5 SAP (thesis 2.3.4)."""

    options = PretrainingConfig
    head: ClassVar[str] = "pretraining"
    config: PretrainingConfig

    @staticmethod
    def num_logits(labels: tuple[str, ...]) -> int:
        return 0

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        words, match = _filled(output)
        mlm = losses.masked_words(words, _masked(batch))
        sap = losses.match(match, batch["matched"])
        total = self.config.mlm_weight * mlm + self.config.sap_weight * sap
        return {"loss": total, "mlm_loss": mlm, "sap_loss": sap}

    def rows(self, output: Output, batch: Batch) -> tuple[Tensor, Tensor]:
        """(B, 4): the match logit; the summed loss, hits and number of the row's masked words."""
        words, match = _filled(output)
        targets = _masked(batch)
        costs = F.cross_entropy(words.float(), targets, reduction="none")  # (K,)
        is_right = words.argmax(dim=-1) == targets
        of_words = torch.stack([costs, is_right.float(), torch.ones_like(costs)], dim=-1)  # (K, 3)
        row, _ = torch.nonzero(batch["mlm_labels"] != IGNORED, as_tuple=True)  # (K,)
        sums = costs.new_zeros(len(match), 3).index_add(0, row, of_words)
        return torch.cat([match.float()[:, None], sums], dim=-1), batch["matched"]

    def statistics(
        self, outputs: Array, truth: Array, questions: Array | None = None
    ) -> Statistics:
        return pretraining(outputs, truth, self.config.mlm_weight, self.config.sap_weight)

    def answers(self, output: Output) -> Tensor:
        """(B, 2): match, mismatch."""
        _, match = _filled(output)
        return torch.stack([match, -match], dim=-1).double().sigmoid()

    def predictions(self, outputs: Array, truth: Array) -> tuple[tuple[str, ...], list[list[Any]]]:
        match = torch.from_numpy(outputs[:, 0]).sigmoid().tolist()
        return ("matched", "p_match"), [[int(t), f"{p:.6f}"] for t, p in zip(truth, match)]


def _masked(batch: Batch) -> Tensor:
    labels = batch["mlm_labels"]
    return labels[labels != IGNORED]


def _filled(output: Output) -> tuple[Tensor, Tensor]:
    assert output.masked_words is not None
    assert output.match is not None
    return output.masked_words, output.match
