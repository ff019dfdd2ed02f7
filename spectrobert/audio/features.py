"""Log-mel spectrograms with AST's constants, and the patches cut from them.

Shapes: B clips, T samples, F frames, M mel bins, N audio tokens (time-major), P values in a patch.
A batch is computed in one call, on whatever device it lies; `transformers.ASTFeatureExtractor` does
the same clip by clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

SAMPLE_RATE = 16_000
WINDOW = 400  # 25 ms
HOP = 160  # 10 ms
FFT = 512
PRE_EMPHASIS = 0.97
LOW_HZ, HIGH_HZ = 20.0, 8000.0
FLOOR = 1.192092955078125e-07  # Kaldi's: the machine epsilon of float32


def num_frames(num_samples: Tensor) -> Tensor:
    """Frames of clips of `num_samples`: whole windows (Kaldi's `snip_edges`), at least one."""
    return ((num_samples - WINDOW) // HOP + 1).clamp(min=1)


def _mel(hertz: Tensor) -> Tensor:
    return 1127.0 * torch.log1p(hertz / 700.0)


@lru_cache(maxsize=8)
def _constants(num_mel_bins: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Hann window (WINDOW,) and Kaldi's triangular mel filters (FFT // 2 + 1, M)."""
    edges = torch.linspace(
        _mel(torch.tensor(LOW_HZ, dtype=torch.float64)).item(),
        _mel(torch.tensor(HIGH_HZ, dtype=torch.float64)).item(),
        num_mel_bins + 2,
        dtype=torch.float64,
    )
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    bins = _mel(torch.arange(FFT // 2 + 1, dtype=torch.float64) * SAMPLE_RATE / FFT)[:, None]
    rise = (bins - left) / (centre - left)
    fall = (right - bins) / (right - centre)
    filters = torch.minimum(rise, fall).clamp(min=0.0)
    filters[-1] = 0.0  # Kaldi's banks leave out the Nyquist bin
    window = torch.hann_window(WINDOW, periodic=False, dtype=torch.float64)
    return window.float().to(device), filters.float().to(device)


@torch.no_grad()
def log_mel(
    waveform: Tensor, num_samples: Tensor, num_mel_bins: int, mean: float, std: float
) -> tuple[Tensor, Tensor]:
    """Normalised log-mel filter banks (FACTS: transformers' ASTFeatureExtractor, Kaldi `fbank`).

    Args:
        waveform: (B, T) in [-1, 1] at 16 kHz, zero beyond `num_samples`.
        num_samples: (B,) true lengths.
        mean, std: AST's normalisation, `(x - mean) / (2 * std)`.

    Returns:
        (B, F, M) float32, and (B,) the true number of frames. Frames beyond it hold a normalised 0,
        as AST pads.
    """
    with torch.autocast(waveform.device.type, enabled=False):
        waveform = waveform.float()
        if waveform.shape[1] < WINDOW:
            waveform = F.pad(waveform, (0, WINDOW - waveform.shape[1]))
        window, filters = _constants(num_mel_bins, waveform.device)
        frames = waveform.unfold(1, WINDOW, HOP)  # (B, F, WINDOW)
        frames = frames - frames.mean(dim=-1, keepdim=True)
        previous = F.pad(
            frames[..., :-1], (1, 0), mode="replicate"
        )  # Kaldi: the first sample is its own past
        spectrum = torch.fft.rfft((frames - PRE_EMPHASIS * previous) * window, n=FFT)
        power = spectrum.real.square() + spectrum.imag.square()  # (B, F, FFT // 2 + 1)
        mels = (power @ filters).clamp(min=FLOOR).log()  # (B, F, M)
        lengths = num_frames(num_samples)
        padding = torch.arange(mels.shape[1], device=mels.device) >= lengths[:, None]  # (B, F)
        mels = mels.masked_fill(padding[..., None], 0.0)
        return (mels - mean) / (2.0 * std), lengths


def num_patches(frames: Tensor, size: int, stride: int) -> Tensor:
    """Whole patches along one axis, at least one: a clip shorter than a patch is padded to one."""
    return ((frames - size) // stride + 1).clamp(min=1)


def patches(
    mels: Tensor, lengths: Tensor, size: Sequence[int], stride: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Overlapping patches, as AST's strided convolution sees them (thesis 2.2.1).

    Args:
        mels: (B, F, M).
        lengths: (B,) true frames.
        size, stride: (mel bins, frames).

    Returns:
        (B, time, frequency, P) patches, each flattened mel by mel, and (B, time) True where a patch
        is real.
    """
    mel_size, frame_size = size
    mel_stride, frame_stride = stride
    if mels.shape[1] < frame_size:
        mels = F.pad(mels, (0, 0, 0, frame_size - mels.shape[1]))
    cut = mels.unfold(1, frame_size, frame_stride).unfold(2, mel_size, mel_stride)
    # (B, time, frequency, frames, mel bins) -> mel-major values
    values = cut.transpose(-1, -2).flatten(-2)  # (B, time, frequency, P)
    real = (
        torch.arange(values.shape[1], device=mels.device)
        < num_patches(lengths, frame_size, frame_stride).to(mels.device)[:, None]
    )
    return values, real
