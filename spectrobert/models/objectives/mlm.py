"""Masked language modelling (thesis 2.3.2). Its layers are those of the head, named as BERT's."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ..batch import IGNORED, Batch
from ..model import Output
from .base import Objective, Terms
from .counting import mean_of


def masked_words(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross entropy over masked word pieces (thesis 2.3.2): (K, vocabulary), (K,) -> ().

    A batch in which no word was masked costs 0, and its gradient is 0 rather than NaN.
    """
    return mean_of(F.cross_entropy(logits.float(), targets, reduction="sum"), targets)


class MaskedWords(Objective):
    """The masked word pieces, among all of the vocabulary."""

    name: ClassVar[str] = "mlm"
    unit: ClassVar[str] = "masked words"

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        return {"loss": masked_words(_filled(output), _masked(batch))}

    def terms(self, output: Output, batch: Batch) -> Terms:
        words, targets = _filled(output), _masked(batch)
        costs = F.cross_entropy(words.float(), targets, reduction="none")  # (K,)
        row, _ = torch.nonzero(batch["mlm_labels"] != IGNORED, as_tuple=True)  # (K,)
        return Terms(costs, words.argmax(dim=-1) == targets, row)


def _masked(batch: Batch) -> Tensor:
    labels = batch["mlm_labels"]
    return labels[labels != IGNORED]


def _filled(output: Output) -> Tensor:
    assert output.masked_words is not None
    return output.masked_words
