"""Normalisation of spectrograms per mel bin: (x - mean) / std.

Shapes: B batch, F frames, M mel bins.
"""

from typing import Any

import torch
from torch import Tensor

from .batch import Batch

LEAST_STD = 0.1  # of a bin; digital silence, in which nothing varies, is not blown up


def normalise(mels: Tensor, lengths: Tensor, config: Any, batch: Batch) -> Tensor:
    """Log-mels (B, F, M) by the statistics that `config.normalization` names; padding becomes 0.

    "audioset": the front end has done it with two constants, on AST's scale of half a deviation.
    "corpus": those in the configuration. "clip": the mean of each clip, the deviation in the
    configuration. "speaker": of each clip's speaker, which the batch brings; a clip of an unknown
    speaker is its own speaker.

    Args:
        lengths: (B,) true frames.
    """
    if config.normalization == "audioset":
        return mels
    real = torch.arange(mels.shape[1], device=mels.device) < lengths.to(mels.device)[:, None]
    if config.normalization == "corpus":
        mean, std = mels.new_tensor(config.mel_mean), mels.new_tensor(config.mel_std)
    elif config.normalization == "clip":
        mean, std = statistics(mels, real)[0], mels.new_tensor(config.mel_std)
    elif "mel_mean" in batch:  # (B, 1, M)
        mean, std = batch["mel_mean"][:, None].to(mels), batch["mel_std"][:, None].to(mels)
    else:
        mean, std = statistics(mels, real)
    scaled = (mels - mean) / std.clamp(min=LEAST_STD)
    return scaled.masked_fill(~real[..., None], 0.0)


def statistics(mels: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each bin over a clip's real frames (B, F): (B, 1, M) each."""
    weight = real[..., None].to(mels.dtype)
    count = weight.sum(dim=1, keepdim=True).clamp(min=1.0)
    mean = (mels * weight).sum(dim=1, keepdim=True) / count
    variance = ((mels - mean).square() * weight).sum(dim=1, keepdim=True) / count
    return mean, variance.sqrt()
