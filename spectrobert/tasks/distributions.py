"""Targets of a training batch: smoothed, and mixed as its inputs are.

Shapes: B batch, C classes, D labels or targets.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.batch import Batch


def of_classes(batch: Batch, num_classes: int, smoothing: float = 0.0) -> Tensor:
    """(B, C): the target of each row, smoothed, then mixed with that of its partner.

    It is the distribution of the votes if the batch has votes and the row has some, else the class.
    """
    own = F.one_hot(batch["label"], num_classes).float()
    if "votes" in batch:
        total = batch["votes"].sum(dim=1, keepdim=True)  # (B, 1)
        own = torch.where(total > 0, batch["votes"] / total.where(total > 0, 1.0), own)
    return mixed(smoothed(own, smoothing, num_classes), batch)


def of_labels(batch: Batch, smoothing: float = 0.0) -> Tensor:
    """(B, D) labels that are present, 1, or absent, 0: smoothed over the two, then mixed."""
    return mixed(smoothed(batch["targets"], smoothing, 2), batch)


def smoothed(targets: Tensor, smoothing: float, num_classes: int) -> Tensor:
    """A share `smoothing` of the targets spread evenly over the classes (Szegedy et al. 2016)."""
    return (1 - smoothing) * targets + smoothing / num_classes if smoothing else targets


def mixed(values: Tensor, batch: Batch) -> Tensor:
    """(B, D) values of the rows, or their mixture with those of `mix_with` if the batch is mixed.

    Row i becomes w_i values_i + (1 - w_i) values_j, with w `mix_weight` and j = `mix_with`_i.
    """
    if "mix_with" not in batch:
        return values
    return torch.lerp(values[batch["mix_with"]], values, batch["mix_weight"].to(values)[:, None])
