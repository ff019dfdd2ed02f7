"""A model as a pure function of one clip and its word pieces, which torch.export can trace.

The models' own code skips padding by counts that it reads from tensors, runs loops of numba and
autograd functions of its own. One clip without padding needs none of them: the methods here stand
in for those, and give the same numbers.

Shapes: T samples, F frames, M mel bins, L word pieces, C labels, P width of what the head reads.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..audio import features
from ..config import TaskConfig
from ..kernels import KERNELS, adopt
from .answers import answers
from .batch import Batch
from .model import Model
from .spectrobert import RealColumns, SpectroBert
from .speech_encoder import WaveEncoder

HALF = features.WINDOW // 2  # a frame's first sample meets a window of 0: the others are 399


class Exportable(nn.Module):
    """(1, T) and (1, L) -> logits (1, num_logits), answers (1, C), what the head reads (1, P).

    Args:
        model: is changed: its methods become those of this file.
        task: decides what the answers are.
    """

    def __init__(self, model: Model, task: TaskConfig):
        super().__init__()
        self.model, self.task = traceable(model), task

    def forward(self, waveform: Tensor, input_ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        batch: Batch = {
            "waveform": waveform,
            "num_samples": torch.ones_like(waveform, dtype=torch.long).sum(dim=1),
            "input_ids": input_ids,
            "text_mask": torch.ones_like(input_ids, dtype=torch.bool),
        }
        output = self.model(batch)
        assert output.logits is not None
        return output.logits, answers(self.task, output), output.hidden[:, 0]


def traceable(model: Model) -> Model:
    """The model, whose methods are those of this file where they must be."""
    adopt(model, "off")
    if isinstance(model, SpectroBert):
        _see_everything(model)
    for module in model.modules():
        if isinstance(module, features.LogMel):
            add_constants(module)
        for kind, methods in METHODS.items():
            if isinstance(module, kind):
                for name, function in methods.items():
                    setattr(module, name, partial(function, module))
    return model


def _see_everything(model: SpectroBert) -> None:
    """Drop the mask of padding; LateFusion's, which parts text from audio, stays."""
    if type(model).attention_mask is SpectroBert.attention_mask:
        owner: Any = model
        owner.attention_mask = lambda sequence: None
        # made of plain operators, unlike other kernels
        owner.last_layer_at_cls = partial(KERNELS["last_layer_at_cls"], model)


def log_mel(front_end: features.LogMel, waveform: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """`LogMel`'s of one clip: (1, T), (1,) -> (1, F, M), (1,).

    The Fourier transform is two matrix products of the frame's even and odd part around its middle:
    runtimes multiply matrices faster than they transform.
    """
    constants: Any = front_end
    frames = (waveform.shape[1] - features.WINDOW) // features.HOP + 1
    first = torch.arange(frames)[:, None] * features.HOP
    heard = waveform[:, first + torch.arange(features.WINDOW)]  # (1, F, WINDOW)
    heard = heard - heard.mean(dim=-1, keepdim=True)
    frame = (heard[..., 1:] - features.PRE_EMPHASIS * heard[..., :-1]) * constants.window
    mirrored = frame.flip(-1)
    even, odd = ((frame + sign * mirrored)[..., HALF - 1 :] for sign in (1, -1))
    power = (even @ constants.cosines).square() + (odd @ constants.sines).square()
    mels = (power @ constants.filters).clamp(min=features.FLOOR).log()
    return (mels - front_end.mean) / (2.0 * front_end.std), features.num_frames(count)


def add_constants(front_end: features.LogMel) -> None:
    """Window (399,), cosines and sines (200, bins) around the middle, filters (bins, M).

    They are buffers, as torch.export loses what a module computes while it is traced.
    """
    num_mel_bins = front_end.num_mel_bins
    window, blocks = features._constants(num_mel_bins, torch.device("cpu"))
    times = torch.arange(HALF, dtype=torch.float64)[:, None]
    angles = times * torch.arange(features.BINS) * (2 * math.pi / features.FFT)
    cosines = angles.cos()
    cosines[0] /= 2  # the middle is its own mirror image, and counted twice
    filters = torch.zeros(features.BINS, num_mel_bins)
    column = 0
    for first, block in blocks:
        filters[first : first + len(block), column : column + block.shape[1]] = block
        column += block.shape[1]
    front_end.register_buffer("window", window, persistent=False)
    front_end.register_buffer("cosines", cosines.float(), persistent=False)
    front_end.register_buffer("sines", angles.sin().float(), persistent=False)
    front_end.register_buffer("filters", filters / features.LIFT, persistent=False)


def cut(model: SpectroBert, batch: Batch) -> RealColumns:
    """`SpectroBert.cut` of one clip, all of whose columns are real."""
    config = model.config
    mels, _ = model.spectrogram(batch)
    size, step = config.patch[1], config.stride[1]
    count = (mels.shape[1] - size) // step + 1
    frames = torch.arange(count)[:, None] * step + torch.arange(size)
    columns = mels[0, frames].transpose(1, 2).flatten(1)  # (time, M * frames)
    columns = columns[: config.max_audio_positions]
    kept = torch.arange(columns.shape[0])
    return RealColumns(columns, torch.ones_like(kept, dtype=torch.bool)[None], kept)


def tokens(model: SpectroBert, batch: Batch) -> tuple[Tensor, Tensor]:
    """`SpectroBert.audio_tokens` of one clip."""
    columns = cut(model, batch)
    found = model.audio_encoder.project(model.audio_encoder.convolve(columns.values))
    return found[None], columns.real


def convolve(encoder: WaveEncoder, waveform: Tensor, num_samples: Tensor) -> Tensor:
    """`WaveEncoder._convolve` of one clip."""
    return encoder._convolve_together(waveform, num_samples)


METHODS: dict[type[nn.Module], dict[str, Callable[..., Any]]] = {
    features.LogMel: {"forward": log_mel},
    SpectroBert: {"audio_tokens": tokens},
    WaveEncoder: {"_convolve": convolve},
}
