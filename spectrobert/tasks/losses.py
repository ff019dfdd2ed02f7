"""Losses on logits, in float32: half precision overflows in a softmax over 30,000 words.

A mean divides by the average count of the processes, not by the own one: the gradients that
DistributedDataParallel averages are then those of one process that sees the whole batch.
"""

import torch
import torch.distributed as dist
import torch.distributed.nn.functional as shared
import torch.nn.functional as F
from torch import Tensor

from ..models.objectives.counting import average, count


def binary(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross entropy of one logit (B, 1) against labels (B,) in {0, 1}; `weights` (2,) by class."""
    loss = F.binary_cross_entropy_with_logits(
        logits.float().squeeze(-1), targets.float(), reduction="none"
    )
    return _weighted(loss, targets, weights)


def classes(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross entropy over classes (thesis 2.4.2): (B, C), (B,) -> ()."""
    loss = F.cross_entropy(logits.float(), targets, reduction="none")
    return _weighted(loss, targets, weights)


def distributions(
    logits: Tensor, targets: Tensor, weights: Tensor | None = None, gamma: float = 0.0
) -> Tensor:
    """Cross entropy against distributions over classes: (B, C), (B, C) -> ().

    With the targets q, the probabilities p and the weights w of the classes, over the rows i

        sum_i sum_c q_ic w_c (1 - p_ic)^gamma (-log p_ic) / sum_i sum_c q_ic w_c

    For targets of one class, and gamma 0, this is `classes`; with gamma the focal loss of Lin et
    al. 2017 (arXiv 1708.02002), in expectation over the targets.

    Args:
        weights: (C,) by class; None: 1 each.
    """
    logs = logits.float().log_softmax(dim=-1)
    costs = _focused(-logs, logs, gamma)
    targets = targets.float()
    if weights is None:
        return (targets * costs).sum() / count(targets)
    weighed = targets * weights
    return (weighed * costs).sum() / average(weighed.sum())


def _focused(costs: Tensor, logs: Tensor, gamma: float) -> Tensor:
    """Costs times (1 - p)^gamma for logarithms of p of the same shape."""
    if not gamma:
        return costs
    # 1 - p as -expm1(log p) keeps its digits near 1; there a root would have no finite slope
    return costs * (-torch.expm1(logs)).clamp(min=torch.finfo(logs.dtype).tiny) ** gamma


def _weighted(loss: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    """Mean of (B,) losses, each weighed by its class."""
    if weights is None:
        return loss.sum() / count(targets)
    by_row = weights[targets]
    return (loss * by_row).sum() / average(by_row.sum())


def supervised_contrastive(embedding: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Pull a class together, push others apart (Khosla et al. 2020): (B, E), (B,) -> ().

    With unit vectors z and the other rows P(i) of the class of row i, the mean over rows that have
    some of

        -1 / |P(i)| sum_{p in P(i)} log(exp(z_i z_p / t) / sum_{a != i} exp(z_i z_a / t))

    A batch without a pair costs 0. Rows of one process are compared with each other alone.
    """
    if len(labels) < 2:  # a softmax over nothing
        return embedding.sum() * 0.0
    unit = F.normalize(embedding.float(), dim=1)
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    with torch.autocast(unit.device.type, enabled=False):
        scores = (unit @ unit.T / temperature).masked_fill(itself, float("-inf"))
    logs = scores.log_softmax(dim=1).masked_fill(itself, 0.0)  # in place of -inf, times 0 below
    is_pair = (labels[:, None] == labels) & ~itself
    pairs = is_pair.sum(dim=1)
    costs = -(logs * is_pair).sum(dim=1) / pairs.clamp(min=1)
    anchors = average((pairs > 0).sum().float())
    return costs.sum() / torch.where(anchors > 0, anchors, 1.0)


def multilabel(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean binary cross entropy of (B, D) against 0 or 1; `weights` (D,) multiply the present."""
    loss = F.binary_cross_entropy_with_logits(
        logits.float(), targets.float(), pos_weight=weights, reduction="none"
    )
    return loss.mean(dim=1).sum() / count(targets)


def focal_multilabel(
    logits: Tensor, targets: Tensor, weights: Tensor | None, gamma: float
) -> Tensor:
    """`multilabel`, its terms focused as in `distributions`: (B, D), (B, D) -> ().

    Args:
        weights: (D,) of the present; None: 1 each.
    """
    logits, targets = logits.float(), targets.float()
    present, absent = F.logsigmoid(logits), F.logsigmoid(-logits)
    gain = targets * _focused(-present, present, gamma)
    loss = (1 - targets) * _focused(-absent, absent, gamma)
    weighed = gain if weights is None else gain * weights
    return (weighed + loss).mean(dim=1).sum() / count(targets)


def absolute(predicted: Tensor, targets: Tensor) -> Tensor:
    """Mean absolute error: (B, D), (B, D) -> ()."""
    return (predicted.float() - targets.float()).abs().mean(dim=1).sum() / count(targets)


def squared(predicted: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error: (B, D), (B, D) -> ()."""
    return (predicted.float() - targets.float()).square().mean(dim=1).sum() / count(targets)


def concordance(predicted: Tensor, targets: Tensor) -> Tensor:
    """1 - CCC of the batch (population moments), mean over dimensions: (B, D), (B, D) -> ().

    If nothing varies, as in a batch of one, it is 1 and its gradient 0. Processes share their
    moments: each has the loss of the whole batch.
    """
    predicted, targets = predicted.float(), targets.float()
    rows = _total(predicted.new_tensor(float(len(predicted))))
    mean = _total(predicted.sum(dim=0)) / rows  # (D,)
    targets_mean = _total(targets.sum(dim=0)) / rows
    apart, targets_apart = predicted - mean, targets - targets_mean
    covariance = _total((apart * targets_apart).sum(dim=0)) / rows
    spread = _total((apart.square() + targets_apart.square()).sum(dim=0)) / rows
    spread = spread + (mean - targets_mean).square()
    ccc = 2 * covariance / spread.clamp(min=torch.finfo(spread.dtype).tiny)
    return (1 - ccc).mean()


def _total(values: Tensor) -> Tensor:
    """Sum over the processes of a run, with gradient."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return values
    return shared.all_reduce(values)
