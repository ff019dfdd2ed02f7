"""Frames of speech, averaged over the time of a word.

Shapes: B batch, K words or word pieces, N frames, D width.
"""

import torch
from torch import Tensor

from .model import TokenGrid


def word_frames(times: Tensor, mask: Tensor, grid: TokenGrid) -> Tensor:
    """The frames of each word: (B, K, 2) seconds, (B, N) -> (B, K, N), True at its frames.

    A frame is of the words in whose time its middle lies; a word that is shorter than a step, and
    has no middle in it, has the frame nearest to its own. What is said at no time (-1), or behind
    the last frame, has none.
    """
    start, end = times[..., :1], times[..., 1:]  # (B, K, 1)
    number = torch.arange(mask.shape[1], device=mask.device)
    middle = grid.first + grid.step * number  # (N,)
    inside = (start <= middle) & (middle < end)
    nearest = ((start + end) / 2 - grid.first).div(grid.step).round().clamp(min=0) == number
    is_short = ~inside.any(dim=2, keepdim=True) & (start >= 0)
    return torch.where(is_short, nearest, inside) & mask[:, None]


def word_means(hidden: Tensor, frames: Tensor) -> Tensor:
    """Mean frame of each word, 0 if it has none: (B, N, D), (B, K, N) -> (B, K, D)."""
    weights = frames.to(hidden.dtype)
    count = weights.sum(dim=2, keepdim=True).clamp(min=1.0)
    return torch.einsum("bkn,bnd->bkd", weights, hidden) / count
