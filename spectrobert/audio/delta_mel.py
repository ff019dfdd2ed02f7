"""Log-mels with their differences over time, as CTAL reads them (Li et al. 2021).

From the publication: 80 bins and their deltas, windows of 50 ms every 12.5 ms, mean 0 and variance
1 of each of the 160 values over a clip. Readings of ours: Hann windows that lie within the clip, a
Fourier transform of the window's own length, Slaney's filters, deltas over two frames on each side.

Shapes: B clips, T samples, N frames, M mel bins.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from .features import SAMPLE_RATE

WINDOW = 800  # 50 ms
HOP = 200  # 12.5 ms
BINS = 80
FLOOR = 1e-10  # of mel energies, before the logarithm
REACH = 2  # frames on each side of a delta
LEAST_STD = 1e-3  # of a value over a clip; digital silence stays 0


@lru_cache(maxsize=8)
def _constants(device: torch.device) -> tuple[Tensor, Tensor]:
    """Mel filters (FFT bins, M) and the Hann window (WINDOW,)."""
    from transformers.audio_utils import mel_filter_bank

    bins, nyquist = WINDOW // 2 + 1, SAMPLE_RATE / 2
    filters = mel_filter_bank(bins, BINS, 0.0, nyquist, SAMPLE_RATE, "slaney", "slaney")
    return torch.from_numpy(filters).float().to(device), torch.hann_window(WINDOW, device=device)


def num_frames(num_samples: Tensor) -> Tensor:
    """Frames of clips of (B,) samples; one of a clip that is shorter than a window."""
    return ((num_samples - WINDOW) // HOP + 1).clamp(min=1)


@torch.no_grad()
def delta_mels(waveform: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
    """(B, T) at 16 kHz, zero beyond (B,) -> (B, N, 2 M) float32, zero at padding; mask (B, N)."""
    with torch.autocast(waveform.device.type, enabled=False):
        mels = log_mels(waveform.float())
        lengths = num_frames(num_samples).to(mels.device)
        real = torch.arange(mels.shape[1], device=mels.device) < lengths[:, None]
        values = torch.cat([mels, deltas(mels, lengths)], dim=2)
        return standardised(values, real), real


def log_mels(waveform: Tensor) -> Tensor:
    """(B, T) -> (B, N, M)."""
    filters, window = _constants(waveform.device)
    waveform = F.pad(waveform, (0, max(0, WINDOW - waveform.shape[1])))
    windows = waveform.unfold(1, WINDOW, HOP) * window  # (B, N, WINDOW)
    power = torch.fft.rfft(windows).abs().square()
    return (power @ filters).clamp(min=FLOOR).log()


def deltas(values: Tensor, lengths: Tensor) -> Tensor:
    """Slopes over 2 REACH + 1 frames: (B, N, M). A clip's first and last frame go on beyond it."""
    frames = torch.arange(values.shape[1], device=values.device)
    last = (lengths - 1)[:, None]

    def at(shift: int) -> Tensor:
        places = torch.minimum((frames + shift).clamp(min=0), last)  # (B, N)
        return values.gather(1, places[..., None].expand_as(values))

    steps = range(1, REACH + 1)
    slopes = torch.stack([step * (at(step) - at(-step)) for step in steps]).sum(dim=0)
    return slopes / (2 * sum(step * step for step in steps))


def standardised(values: Tensor, real: Tensor) -> Tensor:
    """Mean 0 and variance 1 of each value over a clip's real frames; zero at padding."""
    count = real.sum(dim=1)[:, None, None].to(values.dtype)
    padding = ~real[..., None]
    mean = values.masked_fill(padding, 0.0).sum(dim=1, keepdim=True) / count
    apart = (values - mean).masked_fill(padding, 0.0)
    variance = apart.square().sum(dim=1, keepdim=True) / count
    return apart / variance.sqrt().clamp(min=LEAST_STD)
