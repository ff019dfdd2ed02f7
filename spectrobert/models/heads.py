"""What stands on the BERT stack. Every head returns logits (thesis 2.2.6, 2.3, 2.4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers.models.bert.modeling_bert import BertPooler, BertPredictionHeadTransform

from ..kernels.linear import linear
from .configuration import SpectroBertConfig


class PretrainingHead(nn.Module):
    """Masked language modelling, tied to the word table, and sentence-audio prediction."""

    def __init__(self, config: SpectroBertConfig):
        super().__init__()
        self.transform = BertPredictionHeadTransform(config)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.pooler = BertPooler(config)
        self.sap = nn.Linear(config.hidden_size, 1)

    def masked_words(self, hidden: Tensor, word_embeddings: Tensor) -> Tensor:
        """(K, D) hidden states of masked positions -> (K, vocabulary) logits."""
        return linear(self.transform(hidden), word_embeddings, self.bias)

    def match(self, hidden: Tensor) -> Tensor:
        """(B, L + N, D) -> (B,) one logit: does the audio belong to the text?"""
        return self.sap(self.pooler(hidden)).squeeze(-1)


class ClassificationHead(nn.Module):
    """Dropout and one Linear on h_[CLS] (thesis 2.4.2)."""

    def __init__(self, config: SpectroBertConfig):
        super().__init__()
        self.dropout = nn.Dropout(config.head_dropout_prob)
        self.linear = nn.Linear(config.hidden_size, config.num_logits)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, L + N, D) -> (B, num_logits)."""
        return self.linear(self.dropout(hidden[:, 0]))
