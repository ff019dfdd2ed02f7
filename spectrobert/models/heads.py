"""Heads on the BERT stack. Each returns logits, by field of `Output` (thesis 2.2.6, 2.3, 2.4)."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.models.bert.modeling_bert import BertPooler, BertPredictionHeadTransform

from ..config.model import ModelOptions
from .batch import IGNORED, Batch


class NoHead(nn.Module):
    """The sequence alone."""

    reads_cls_alone: ClassVar[bool] = False

    def __init__(self, config: ModelOptions):
        super().__init__()

    def forward(self, hidden: Tensor, batch: Batch, words: Tensor) -> dict[str, Tensor]:
        return {}


class PretrainingHead(nn.Module):
    """Masked language modelling, tied to the word table, and sentence-audio prediction."""

    reads_cls_alone: ClassVar[bool] = False
    kernels: ClassVar = {"masked_words": "masked_words"}

    def __init__(self, config: ModelOptions):
        super().__init__()
        self.transform = BertPredictionHeadTransform(config)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.pooler = BertPooler(config)
        self.sap = nn.Linear(config.hidden_size, 1)

    def forward(self, hidden: Tensor, batch: Batch, words: Tensor) -> dict[str, Tensor]:
        """(B, L + N, D) and the word table (vocabulary, D) -> `masked_words` and `match`."""
        text = hidden[:, : batch["input_ids"].shape[1]]
        masked = text[batch["mlm_labels"] != IGNORED]  # (K, D)
        return {"masked_words": self.masked_words(masked, words), "match": self.match(hidden)}

    def masked_words(self, hidden: Tensor, word_embeddings: Tensor) -> Tensor:
        """(K, D) hidden states of masked positions -> (K, vocabulary) logits."""
        return F.linear(self.transform(hidden), word_embeddings, self.bias)

    def match(self, hidden: Tensor) -> Tensor:
        """(B, L + N, D) -> (B,) one logit: does the audio belong to the text?"""
        return self.sap(self.pooler(hidden)).squeeze(-1)


class ClassificationHead(nn.Module):
    """Dropout and one Linear on h_[CLS] (thesis 2.4.2)."""

    reads_cls_alone: ClassVar[bool] = True

    def __init__(self, config: ModelOptions):
        super().__init__()
        self.dropout = nn.Dropout(config.head_dropout_prob)
        self.linear = nn.Linear(config.hidden_size, config.num_logits)

    def forward(self, hidden: Tensor, batch: Batch, words: Tensor) -> dict[str, Tensor]:
        """(B, 1, D) -> `logits` (B, num_logits)."""
        return {"logits": self.linear(self.dropout(hidden[:, 0]))}


# model.head -> class
HEADS: dict[str, type[nn.Module]] = {
    "none": NoHead,
    "pretraining": PretrainingHead,
    "classification": ClassificationHead,
}
