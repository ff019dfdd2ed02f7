"""Losses on logits, in float32: half precision overflows in a softmax over 30,000 words."""

from __future__ import annotations

import torch
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


def multilabel(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean binary cross entropy of (B, D) against 0 or 1; `weights` (D,) multiply the present."""
    return F.binary_cross_entropy_with_logits(logits.float(), targets.float(), pos_weight=weights)


def absolute(predicted: Tensor, targets: Tensor) -> Tensor:
    """Mean absolute error: (B, D), (B, D) -> ()."""
    return F.l1_loss(predicted.float(), targets.float())


def squared(predicted: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error: (B, D), (B, D) -> ()."""
    return F.mse_loss(predicted.float(), targets.float())


def concordance(predicted: Tensor, targets: Tensor) -> Tensor:
    """1 - CCC of the batch (population moments), mean over dimensions: (B, D), (B, D) -> ().

    Where nothing varies, as in a batch of one, it is 1 and its gradient 0.
    """
    predicted, targets = predicted.float(), targets.float()
    shift = predicted.mean(dim=0) - targets.mean(dim=0)  # (D,)
    apart, targets_apart = predicted - predicted.mean(dim=0), targets - targets.mean(dim=0)
    covariance = (apart * targets_apart).mean(dim=0)
    spread = apart.square().mean(dim=0) + targets_apart.square().mean(dim=0) + shift.square()
    ccc = 2 * covariance / spread.clamp(min=torch.finfo(spread.dtype).tiny)
    return (1 - ccc).mean()
