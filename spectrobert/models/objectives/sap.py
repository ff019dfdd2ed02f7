"""Sentence-audio prediction (thesis 2.3.3). Its layers are those of the head, named as BERT's."""

from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...metrics import pairs
from ..batch import Batch
from ..model import Output
from .base import Cells, Objective, Statistics
from .counting import count


def match(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross entropy of SAP (thesis 2.3.3): logits, targets (B,), 1 where audio fits text."""
    total = F.binary_cross_entropy_with_logits(logits.float(), targets.float(), reduction="sum")
    return total / count(targets)


class Match(Objective):
    """One logit per pair: the audio belongs to the text."""

    name: ClassVar[str] = "sap"
    unit: ClassVar[str] = "pairs"
    columns: ClassVar[int] = 1

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        return {"loss": match(matches(output), batch["matched"])}

    def rows(self, output: Output, batch: Batch) -> Tensor:
        """(B, 1) logits."""
        return matches(output).float()[:, None]

    def statistics(self, rows: np.ndarray, truth: np.ndarray) -> Statistics:
        return pairs.matches(np.asarray(rows, dtype=np.float64)[:, 0], truth)

    def predictions(self, rows: np.ndarray, truth: np.ndarray) -> Cells:
        p_match = torch.from_numpy(rows[:, 0]).sigmoid().tolist()
        return ("matched", "p_match"), [[int(t), f"{p:.6f}"] for t, p in zip(truth, p_match)]


def matches(output: Output) -> Tensor:
    """(B,) logits of an output."""
    assert output.match is not None
    return output.match
