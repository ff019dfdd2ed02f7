"""Means over what all processes of a run have together."""

import torch
import torch.distributed as dist
from torch import Tensor, nn


def average(values: Tensor) -> Tensor:
    """Mean over the processes of a run, without gradient."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return values.detach()
    total = values.detach().clone()
    dist.all_reduce(total)
    return total / dist.get_world_size()


def count(rows: Tensor) -> Tensor:
    """Rows of a process, the mean of all: a mean divides by it."""
    return average(torch.tensor(float(len(rows)), device=rows.device))


def mean_of(total: Tensor, rows: Tensor) -> Tensor:
    """A sum over (K,) rows, divided by the average number of them; 0 without any, and no NaN."""
    number = count(rows)
    return total / torch.where(number > 0, number, 1.0)


def unused(module: nn.Module, name: str = "") -> Tensor | float:
    """0, with a gradient of 0 for parameters that a step leaves out: processes wait for all.

    Args:
        name: of the one parameter that is left out; all of the module's if it is empty.
    """
    if not dist.is_initialized():
        return 0.0
    left_out = [value for key, value in module.named_parameters() if name in ("", key)]
    return torch.stack(
        [0.0 * value.sum() for value in left_out if value.requires_grad] or [torch.zeros(())]
    ).sum()
