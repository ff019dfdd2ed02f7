"""Means over what all processes of a run have together."""

import torch
import torch.distributed as dist
from torch import Tensor


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
