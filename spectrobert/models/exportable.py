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
import torch.nn.functional as F
from torch import Tensor, nn

from ..audio import features
from ..audio import whisper_mel as whisper
from ..audio.whisper_mel import WhisperMel
from ..config import TaskConfig
from ..kernels import KERNELS, adopt
from .answers import answers
from .audio_encoder import AudioEncoder, ConvLayer
from .batch import Batch
from .model import Model
from .spectrobert import RealColumns, SpectroBert
from .speech_encoder import WaveEncoder
from .whisper_encoder import SILENT_FRAMES, STRIDE, WhisperEncoder

HALF = features.WINDOW // 2


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
        if isinstance(module, WhisperMel):
            add_whisper_constants(module)
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

    The Fourier transform is two matrix products, of the sums and of the differences of samples that
    lie as far before as behind the frame's middle: runtimes multiply faster than they transform.
    """
    constants: Any = front_end
    before = F.pad(waveform, (1, 0))[:, :-1]
    frames = framed(waveform - features.PRE_EMPHASIS * before)  # (F, WINDOW)
    offset = framed(waveform).mean(dim=1, keepdim=True) * (1.0 - features.PRE_EMPHASIS)
    first, second = frames[:, :HALF].flip(1), frames[:, HALF:]
    real = (second + first - 2.0 * offset) @ constants.cosines  # (F, bins)
    imaginary = (second - first) @ constants.sines
    power = real * real + imaginary * imaginary
    bands = [power[:, first : first + len(band)] @ band for first, band in bands_of(front_end)]
    mels = torch.cat(bands, dim=1).clamp(min=features.FLOOR).log()
    return ((mels - front_end.mean) / (2.0 * front_end.std))[None], features.num_frames(count)


def framed(wave: Tensor) -> Tensor:
    """(1, T) -> (F, WINDOW), put together from blocks of HOP samples, which is fast."""
    count = (wave.shape[1] - features.WINDOW) // features.HOP + 1
    whole, rest = divmod(features.WINDOW, features.HOP)
    blocks = F.pad(wave[0], (0, features.HOP - rest))[: (count + whole) * features.HOP]
    blocks = blocks.view(count + whole, features.HOP)
    parts = [blocks[number : number + count] for number in range(whole)]
    return torch.cat([*parts, blocks[whole : whole + count, :rest]], dim=1)


def add_constants(front_end: features.LogMel) -> None:
    """Windowed cosines and sines (200, bins) of the frame's second half, and mel filters.

    They are buffers, as torch.export loses what a module computes while it is traced.
    """
    window, blocks = features._constants(front_end.num_mel_bins, torch.device("cpu"))
    times = torch.arange(HALF, dtype=torch.float64)[:, None] + 0.5
    angles = times * torch.arange(features.BINS) * (2 * math.pi / features.FFT)
    shape = window[-HALF:, None].double()  # the window's first half is its mirror image
    front_end.register_buffer("cosines", (shape * angles.cos()).float(), persistent=False)
    front_end.register_buffer("sines", (shape * angles.sin()).float(), persistent=False)
    for number, (first, band) in enumerate(blocks):
        name = f"band_{number}_{first}"  # empty blocks all begin at 0
        front_end.register_buffer(name, band / features.LIFT, persistent=False)


def bands_of(front_end: features.LogMel) -> list[tuple[int, Tensor]]:
    """Blocks of mel filters: the first FFT bin of each, and weights (its bins, its filters)."""
    known = front_end.named_buffers()
    return [(int(name.split("_")[2]), band) for name, band in known if name.startswith("band_")]


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


def whisper_mel(front_end: WhisperMel, waveform: Tensor, frames: int) -> Tensor:
    """`WhisperMel` of one clip, behind which its frames end: (1, T) -> (1, F, M)."""
    constants: Any = front_end
    half = features.WINDOW // 2
    after = (frames - 1) * features.HOP + half - waveform.shape[1]
    mirrored = waveform[:, 1 : half + 1].flip(1)
    windows = framed(torch.cat([mirrored, F.pad(waveform, (0, after))], dim=1))
    real, imaginary = windows @ constants.cosines, windows @ constants.sines
    power = real * real + imaginary * imaginary
    mels = (power @ constants.filters).clamp(min=whisper.FLOOR).log10()
    return ((torch.maximum(mels, mels.amax(dim=(0, 1), keepdim=True) - whisper.RANGE) + 4.0) / 4.0)[
        None
    ]


def add_whisper_constants(front_end: WhisperMel) -> None:
    """Windowed cosines and sines (WINDOW, bins), and filters (bins, M)."""
    filters, window = whisper._constants(front_end.num_mel_bins, torch.device("cpu"))
    times = torch.arange(whisper.WINDOW, dtype=torch.float64)[:, None]
    angles = times * torch.arange(len(filters)) * (2 * math.pi / whisper.WINDOW)
    shape = window[:, None].double()
    front_end.register_buffer("cosines", (shape * angles.cos()).float(), persistent=False)
    front_end.register_buffer("sines", (shape * angles.sin()).float(), persistent=False)
    front_end.register_buffer("filters", filters, persistent=False)


def whisper_frames(encoder: WhisperEncoder, waveform: Tensor, count: Tensor) -> Any:
    """`WhisperEncoder.convolve` of one clip: the number of frames is read from its shape."""
    frames = (waveform.shape[1] + STRIDE - 1) // STRIDE
    model: Any = encoder.model
    mels = encoder.mel(waveform, 2 * frames + SILENT_FRAMES).transpose(1, 2)
    x = F.gelu(model.conv2(F.gelu(model.conv1(mels)))).transpose(1, 2)[:, :frames]
    return x, torch.ones_like(x[..., 0], dtype=torch.bool)


def conv(layer: ConvLayer, x: Tensor) -> Tensor:
    """`ConvLayer` of patches; a layer that sees the whole of one is a matrix product."""
    if x.shape[2] != layer.conv.kernel_size[0]:
        return type(layer).forward(layer, x)
    found = F.linear(x.flatten(1), layer.conv.weight.flatten(1), layer.conv.bias)
    return F.gelu(layer.layer_norm(found[..., None]))


def patches(encoder: AudioEncoder, columns: Tensor) -> Tensor:
    """`AudioEncoder.patches`, as slices."""
    size, shift = encoder.patch_values, encoder.patch_shift
    starts = range(0, columns.shape[1] - size + 1, shift)
    return torch.stack([columns[:, first : first + size] for first in starts], dim=1)


METHODS: dict[type[nn.Module], dict[str, Callable[..., Any]]] = {
    features.LogMel: {"forward": log_mel},
    AudioEncoder: {"patches": patches},
    ConvLayer: {"forward": conv},
    SpectroBert: {"audio_tokens": tokens},
    WhisperEncoder: {"convolve": whisper_frames},
    WhisperMel: {"forward": whisper_mel},
    WaveEncoder: {"_convolve": convolve},
}
