"""Losses on logits, in float32: half precision overflows in a softmax over 30,000 words."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def masked_words(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross entropy over masked word pieces (thesis 2.3.2): (K, vocabulary), (K,) -> ().

    A batch in which no word was masked costs 0, and its gradient is 0 rather than NaN.
    """
    total = F.cross_entropy(logits.float(), targets, reduction="sum")
    return total / max(1, targets.numel())


def match(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross entropy of SAP (thesis 2.3.3): logits, targets (B,), 1 where audio fits text."""
    return F.binary_cross_entropy_with_logits(logits.float(), targets.float())


def binary(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross entropy of one logit (B, 1) against labels (B,) in {0, 1}; `weights` (2,) by class."""
    loss = F.binary_cross_entropy_with_logits(
        logits.float().squeeze(-1), targets.float(), reduction="none"
    )
    if weights is None:
        return loss.mean()
    by_row = weights[targets]
    return (loss * by_row).sum() / by_row.sum()


def classes(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross entropy over classes (thesis 2.4.2): (B, C), (B,) -> ()."""
    return F.cross_entropy(logits.float(), targets, weight=weights)
