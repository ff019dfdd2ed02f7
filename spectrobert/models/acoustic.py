"""Log-mels of a speech encoder's frames, which masked acoustic modelling predicts.

Shapes: B batch, N audio tokens, F log-mel frames of 10 ms, M mel bins, A values of a token.
"""

import torch
from torch import Tensor

from ..audio import features
from .batch import Batch
from .model import TokenGrid
from .normalisation import LEAST_STD, statistics

BINS = 80  # CTAL's; its differences over time are left out
UNSCALED = (0.0, 0.5)  # mean and deviation that leave log-mels as they are


def width(grid: TokenGrid) -> int:
    """A."""
    return BINS * _frames(grid)


def log_mels(batch: Batch, grid: TokenGrid, tokens: int) -> Tensor:
    """The log-mel frames that begin with each token, as many as a token lasts: (B, N, A).

    Each bin has mean 0 and deviation 1 over a clip's frames (CTAL). Tokens behind the last frame
    have that one.
    """
    log_mel = features.LogMel(BINS, *UNSCALED)
    mels, lengths = log_mel(batch["waveform"], batch["num_samples"])  # (B, F, M)
    lengths = lengths.to(mels.device)
    mean, std = statistics(mels, torch.arange(mels.shape[1], device=mels.device) < lengths[:, None])
    mels = (mels - mean) / std.clamp(min=LEAST_STD)
    middle = features.WINDOW / 2 / features.SAMPLE_RATE
    first = round((grid.first - middle) * features.SAMPLE_RATE / features.HOP)
    per_token = _frames(grid)
    places = torch.arange(tokens * per_token, device=mels.device) + first  # (N frames of a token,)
    places = torch.minimum(places.clamp(min=0), lengths[:, None] - 1)  # (B, N frames of a token)
    chosen = mels.gather(1, places[..., None].expand(-1, -1, BINS))
    return chosen.unflatten(1, (tokens, per_token)).flatten(2)


def _frames(grid: TokenGrid) -> int:
    """Log-mel frames of a token."""
    return max(1, round(grid.step * features.SAMPLE_RATE / features.HOP))
