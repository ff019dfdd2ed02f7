"""Log-mel spectrograms with AST's constants, and the patches cut from them.

Shapes: B clips, T samples, F frames, M mel bins, N audio tokens (time-major), P values in a patch.
A batch is computed in one call, on whatever device it lies; `transformers.ASTFeatureExtractor` does
the same clip by clip.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SAMPLE_RATE = 16_000
WINDOW = 400  # 25 ms
HOP = 160  # 10 ms
FFT = 512
PRE_EMPHASIS = 0.97
LOW_HZ, HIGH_HZ = 20.0, 8000.0
FLOOR = 1.192092955078125e-07  # Kaldi's: the machine epsilon of float32
BINS = FFT // 2 + 1
# The mel energies are this much larger before the logarithm: then log1p(x) is log(x) to the last
# bit, down to FLOOR, and torch's log1p takes two thirds of its log's time (MKL, on AMD)
LIFT = 2.0**48
BANDS = 8  # blocks of neighbouring mel filters, each multiplied with the few FFT bins it spans
CPU_FRAMES = 1024  # at a time on a CPU: what its cache holds; more is slower, not faster
CPU_GROUP = 2  # as many go through the mel filters together: fewer calls, and still in the cache


def num_frames(num_samples: Tensor) -> Tensor:
    """Frames of clips of `num_samples`: whole windows (Kaldi's `snip_edges`), at least one."""
    return ((num_samples - WINDOW) // HOP + 1).clamp(min=1)


def samples_in(frames: int) -> int:
    """Samples that so many frames span."""
    return (frames - 1) * HOP + WINDOW


def _mel(hertz: Tensor) -> Tensor:
    return 1127.0 * torch.log1p(hertz / 700.0)


@lru_cache(maxsize=8)
def _constants(num_mel_bins: int, device: torch.device) -> tuple[Tensor, list[tuple[int, Tensor]]]:
    """(WINDOW - 1,) Hann window but for its first value, which is 0; Kaldi's triangular mel
    filters, times LIFT.

    The filters come in blocks of neighbours: the first FFT bin of the block, and its weights
    (FFT bins that it spans, filters of it). Five of six weights of the whole matrix are zero.
    """
    edges = torch.linspace(
        _mel(torch.tensor(LOW_HZ, dtype=torch.float64)).item(),
        _mel(torch.tensor(HIGH_HZ, dtype=torch.float64)).item(),
        num_mel_bins + 2,
        dtype=torch.float64,
    )
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    bins = _mel(torch.arange(BINS, dtype=torch.float64) * SAMPLE_RATE / FFT)[:, None]
    rise = (bins - left) / (centre - left)
    fall = (right - bins) / (right - centre)
    filters = torch.minimum(rise, fall).clamp(min=0.0)
    filters[-1] = 0.0  # Kaldi's banks leave out the Nyquist bin
    blocks = []
    for block in (filters.float() * LIFT).tensor_split(min(BANDS, num_mel_bins), dim=1):
        used = block.any(dim=1).nonzero()[:, 0].tolist() or [0]
        first, last = used[0], used[-1]
        blocks.append((first, block[first : last + 1].contiguous().to(device)))
    window = torch.hann_window(WINDOW, periodic=False, dtype=torch.float64)[1:]
    return window.float().to(device), blocks


class _Workspace:
    """Memory and views of it for R clips of F frames, `framed` clips at a time, allocated once."""

    def __init__(self, mels: Tensor, framed: int):  # (R, F, M)
        self.clips = len(mels)
        self.window, filters = _constants(mels.shape[2], mels.device)
        self.frames = mels.new_zeros(framed, mels.shape[1], FFT)
        self.power = mels.new_empty(self.clips * mels.shape[1], BINS)
        self.powers = self.power.split(framed * mels.shape[1])
        self.blocks = [(self.power.narrow(1, first, len(f)), f) for first, f in filters]
        self.widths = [f.shape[1] for _, f in filters]


class LogMel(nn.Module):
    """Normalised log-mel filter banks (transformers' ASTFeatureExtractor, Kaldi's `fbank`).

    Args:
        mean, std: AST's normalisation, `(x - mean) / (2 * std)`.
    """

    kernels: ClassVar = {"cut_frames": "cut_frames", "square": "square"}

    def __init__(self, num_mel_bins: int, mean: float, std: float):
        super().__init__()
        self.num_mel_bins, self.mean, self.std = num_mel_bins, mean, std

    @torch.no_grad()
    def forward(self, waveform: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) in [-1, 1] at 16 kHz, zero beyond the true lengths (B,) -> log-mels.

        Returns (B, F, M) float32, and (B,) the true number of frames. Frames beyond it hold a
        normalised 0, as AST pads.
        """
        with torch.autocast(waveform.device.type, enabled=False):
            waveform = waveform.detach().float().contiguous()
            if waveform.shape[1] < WINDOW:  # F.pad copies even if it adds nothing
                waveform = F.pad(waveform, (0, WINDOW - waveform.shape[1]))
            frames = (waveform.shape[1] - WINDOW) // HOP + 1
            mels = waveform.new_empty(len(waveform), frames, self.num_mel_bins)  # (B, F, M)
            lengths = num_frames(num_samples)
            silence = -self.mean / (2.0 * self.std)
            if waveform.device.type == "cpu":
                framed = max(1, CPU_FRAMES // frames)
                self._write(waveform, mels, framed, framed * CPU_GROUP)
                for mel, length in zip(mels, lengths.tolist()):  # only the padding is touched
                    mel[length:] = silence
            else:
                self._write(waveform, mels, len(waveform), len(waveform))
                # without waiting for the lengths from the device
                padding = torch.arange(frames, device=mels.device) >= lengths[:, None]  # (B, F)
                mels.masked_fill_(padding[..., None], silence)
            return mels, lengths

    def _write(self, waveform: Tensor, mels: Tensor, framed: int, grouped: int) -> None:
        """Fill `mels` (B, F, M) from (B, T).

        Args:
            framed: clips at a time that are cut into frames.
            grouped: clips at a time that go through the filters.
        """
        space = None
        shift = mels.new_full((), (-math.log(LIFT) - self.mean) / (2.0 * self.std))
        for group, into in zip(waveform.split(grouped), mels.split(grouped)):
            if space is None or space.clips != len(group):
                space = _Workspace(into, framed)
            for some, power in zip(group.split(framed), space.powers):
                frames = space.frames[: len(some)]
                self.cut_frames(some, space.window, HOP, PRE_EMPHASIS, frames)
                self.square(torch.fft.rfft(frames.flatten(0, 1)), power)
            rows = into.view(-1, self.num_mel_bins)  # (R F, M)
            for (power, weights), columns in zip(space.blocks, rows.split(space.widths, dim=1)):
                torch.mm(power, weights, out=columns)
            rows.clamp_(min=FLOOR * LIFT).log1p_()
            torch.add(shift, rows, alpha=0.5 / self.std, out=rows)

    def cut_frames(
        self, waveform: Tensor, window: Tensor, hop: int, emphasis: float, out: Tensor
    ) -> None:
        """Frames of (R, T) without their mean, emphasised, windowed, into `out` (R, F, FFT).

        Args:
            window: (W - 1,) of a frame's W samples all but the first, which meets a window of 0.
        """
        size = len(window)
        means = waveform.unfold(1, size + 1, hop).mean(dim=-1, keepdim=True)  # (R, F, 1)
        # Kaldi subtracts a frame's mean and then emphasises it; both are linear, so it is done once
        # for all frames that share a sample. Kaldi's first sample, its own past, meets a window of
        # 0.
        emphasised = torch.sub(waveform[:, 1:], waveform[:, :-1], alpha=emphasis)
        part = out[..., :size]
        torch.sub(emphasised.unfold(1, size, hop), means, alpha=1.0 - emphasis, out=part)
        part *= window

    def square(self, spectrum: Tensor, out: Tensor) -> None:
        """Squared magnitudes of (N, BINS), into `out`."""
        torch.add(*torch.view_as_real(spectrum).square_().unbind(-1), out=out)


def num_patches(frames: Tensor, size: int, stride: int) -> Tensor:
    """Whole patches along one axis, at least one."""
    return ((frames - size) // stride + 1).clamp(min=1)


def columns(
    mels: Tensor, lengths: Tensor, size: Sequence[int], stride: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """All mel bins of the frames that a patch spans, one column per step of `stride`.

    Its overlapping patches are those of AST's strided convolution (thesis 2.2.1).

    Args:
        mels: (B, F, M), F at least the frames of a patch.
        lengths: (B,) true frames.
        size, stride: of a patch (mel bins, frames).

    Returns:
        (B, time, W) columns, each flattened mel by mel (a patch is a stretch of it), and (B, time)
        True for a real column.
    """
    frame_size, frame_stride = size[1], stride[1]
    values = mels.unfold(1, frame_size, frame_stride).flatten(2)  # (B, time, M * frames)
    real = (
        torch.arange(values.shape[1], device=mels.device)
        < num_patches(lengths, frame_size, frame_stride).to(mels.device)[:, None]
    )
    return values, real
