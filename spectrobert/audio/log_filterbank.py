"""AV-HuBERT's audio: 26 log filterbanks of 10 ms, four of them stacked, 25 steps per second.

By the definition of `python_speech_features.logfbank`: pre-emphasis 0.97, 25 ms without a window
(rectangular), a power spectrum of 512 points over 512, HTK's mel scale up to 8 kHz with the edges
of the filters rounded down to a bin, the natural logarithm, and the machine epsilon for an energy
of 0. Samples are those of 16 bits. Our reading: the last step is filled up with zeros.

Shapes: B clips, T samples, F frames of 10 ms, N steps of 40 ms.
"""

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .features import BINS, FFT, HOP, PRE_EMPHASIS, SAMPLE_RATE, WINDOW

FILTERS = 26
STACKED = 4  # frames of a step
VALUES = FILTERS * STACKED  # of a step
FULL_SCALE = 32768.0  # of 16 bits
EPSILON = float(np.finfo(float).eps)


def num_frames(num_samples: Tensor) -> Tensor:
    """Frames of clips of (B,) samples; the last one may reach beyond its clip, into zeros."""
    return 1 + (-(-(num_samples - WINDOW) // HOP)).clamp(min=0)


def num_steps(num_samples: Tensor) -> Tensor:
    """Steps of clips of (B,) samples: 25 of one second."""
    return -(-num_frames(num_samples) // STACKED)


@lru_cache(maxsize=2)
def filters(device: torch.device) -> Tensor:
    """(BINS, FILTERS) triangles between edges that are equally far apart in mel."""
    highest = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, highest, FILTERS + 2) / 2595) - 1)
    edges = np.floor((FFT + 1) * hertz / SAMPLE_RATE)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    bins = np.arange(BINS)[:, None]
    rise = (bins - left) / (centre - left)
    fall = (right - bins) / (right - centre)
    return torch.from_numpy(np.minimum(rise, fall).clip(min=0)).float().to(device)


@torch.no_grad()
def log_filterbanks(waveform: Tensor, num_samples: Tensor) -> Tensor:
    """(B, T) in [-1, 1] at 16 kHz, zero beyond the true lengths (B,) -> (B, F, FILTERS) float32.

    Frames beyond a clip's own are zeros.
    """
    with torch.autocast(waveform.device.type, enabled=False):
        lengths = num_frames(num_samples)
        frames = int(lengths.max())
        samples = waveform.detach().float() * FULL_SCALE
        emphasised = samples - PRE_EMPHASIS * F.pad(samples, (1, 0))[:, :-1]
        real = torch.arange(samples.shape[1], device=samples.device) < num_samples[:, None]
        wanted = (frames - 1) * HOP + WINDOW
        padded = F.pad(emphasised.masked_fill(~real, 0.0), (0, wanted - samples.shape[1]))
        spectrum = torch.fft.rfft(padded.unfold(1, WINDOW, HOP), n=FFT)  # (B, F, BINS)
        energies = (spectrum.abs().square() / FFT) @ filters(samples.device)
        logs = torch.where(energies > 0, energies, EPSILON).log()
        is_frame = torch.arange(frames, device=samples.device) < lengths[:, None]
        return logs.masked_fill(~is_frame[..., None], 0.0)


def steps(waveform: Tensor, num_samples: Tensor) -> Tensor:
    """(B, T) -> (B, N, VALUES): stacked frames, each step with mean 0 and variance 1."""
    logs = log_filterbanks(waveform, num_samples)
    logs = F.pad(logs, (0, 0, 0, -logs.shape[1] % STACKED))
    stacked = logs.unflatten(1, (-1, STACKED)).flatten(2)
    return F.layer_norm(stacked, (VALUES,))
