"""Masks, filters and mixtures of a batch, which its loader has drawn (data/augmentation.py).

Shapes: B batch, F frames, M mel bins, T samples, K masks or knots of a filter.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .batch import Batch


def augment(mels: Tensor, lengths: Tensor, batch: Batch, frame_seconds: float) -> Tensor:
    """Spectrograms (B, F, M) of a training batch filtered, mixed and masked; others as they are.

    Args:
        lengths: (B,) true frames.
    """
    if "mel_gains" in batch:
        mels = filtered(mels, lengths, batch["mel_gains"])
    if "mix_weight" in batch:
        mels = mix(mels, lengths, batch)
    if "masks" in batch:
        mels = mels.masked_fill(masked(mels, batch["masks"], frame_seconds), 0.0)
    return mels


def filtered(mels: Tensor, lengths: Tensor, gains: Tensor) -> Tensor:
    """(B, F, M) with gains (B, K) added, straight lines between them; padding as it was."""
    bins = gains.to(mels)[:, None]
    over_bins = F.interpolate(bins, size=mels.shape[2], mode="linear", align_corners=True)
    real = torch.arange(mels.shape[1], device=mels.device) < lengths.to(mels.device)[:, None]
    return torch.where(real[..., None], mels + over_bins, mels)


def mix(values: Tensor, lengths: Tensor, batch: Batch) -> Tensor:
    """(B, ...) values over time, each clip with its share of its partner's (mixup).

    A clip keeps its length: nothing is mixed where either of the two has ended.
    """
    weight = batch["mix_weight"].to(values.dtype)
    weight = weight.view(-1, *[1] * (values.dim() - 1))  # (B, 1, ...)
    partner = batch["mix_with"]
    shared = torch.minimum(lengths, lengths[partner]).to(values.device)
    steps = torch.arange(values.shape[1], device=values.device)
    is_mixed = (steps < shared[:, None]).view(*values.shape[:2], *[1] * (values.dim() - 2))
    return torch.where(is_mixed, weight * values + (1.0 - weight) * values[partner], values)


def masked(mels: Tensor, masks: Tensor, frame_seconds: float) -> Tensor:
    """(B, F, M) True under the masks (B, K, 4): seconds, and shares of the bins, from and to."""
    _, frames, bins = mels.shape
    begin, end, low, high = masks.to(mels.device).unbind(-1)  # (B, K) each
    begin, end = ((seconds / frame_seconds).round() for seconds in (begin, end))
    time = torch.arange(frames, device=mels.device)
    share = torch.arange(bins, device=mels.device) / bins
    in_time = (time >= begin[..., None]) & (time < end[..., None])  # (B, K, F)
    in_bins = (share >= low[..., None]) & (share < high[..., None])  # (B, K, M)
    return torch.einsum("bkf,bkm->bfm", in_time.float(), in_bins.float()) > 0


def augment_waveform(batch: Batch, sample_rate: int) -> Tensor:
    """The waveforms (B, T) of a batch, mixed, with silence in place of masks in time."""
    waveform = batch["waveform"]
    if "mix_weight" in batch:
        waveform = mix(waveform, batch["num_samples"], batch)
    if "masks" in batch:
        bounds = (batch["masks"][..., :2] * sample_rate).to(waveform.device)  # (B, K, 2)
        is_whole = batch["masks"][..., 3] - batch["masks"][..., 2] < 1.0  # masks of mel bins
        steps = torch.arange(waveform.shape[1], device=waveform.device)
        silent = (steps >= bounds[..., :1]) & (steps < bounds[..., 1:])  # (B, K, T)
        silent &= ~is_whole[..., None].to(waveform.device)
        waveform = waveform.masked_fill(silent.any(dim=1), 0.0)
    return waveform
