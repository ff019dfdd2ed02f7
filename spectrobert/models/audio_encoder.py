"""From patches to audio tokens: wav2vec 2.0's conv stack on each flat patch (thesis 2.2.2).

Shapes: K columns, W values in a column, n patches of a column, V = K * n patches, P values in a
patch, L conv frames, C conv channels, D width.
"""

import math
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from .configuration import SpectroBertConfig


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of (V, C, L)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class ConvLayer(nn.Module):
    """Conv1d, norm, GELU, named as in transformers' Wav2Vec2FeatureEncoder: checkpoints fit."""

    kernels: ClassVar = {"forward": "conv_norm_gelu"}

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, norm: str):
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride, bias=norm == "layer")
        self.layer_norm: nn.Module
        if norm == "layer":
            self.layer_norm = ChannelNorm(outputs)
        elif norm == "group":
            self.layer_norm = nn.GroupNorm(outputs, outputs)
        else:
            self.layer_norm = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(V, C_in, L) -> (V, C_out, L_out)."""
        return F.gelu(self.layer_norm(self.conv(x)))


class AudioEncoder(nn.Module):
    """Conv stack, then LayerNorm and Linear to the width of the BERT stack."""

    def __init__(self, config: SpectroBertConfig):
        super().__init__()
        # wav2vec 2.0 base: GroupNorm after the first conv alone, no biases;
        # large: LayerNorm and biases throughout
        norm = config.conv_norm
        norms = [norm] + [norm if norm == "layer" else "none"] * (len(config.conv_kernels) - 1)
        widths = [1] + [config.conv_dim] * len(config.conv_kernels)
        shapes = zip(widths, widths[1:], config.conv_kernels, config.conv_strides, norms)
        self.conv_layers = nn.ModuleList(ConvLayer(*shape) for shape in shapes)
        self.pooling = config.conv_pooling
        self.layer_norm = nn.LayerNorm(config.audio_width, eps=config.layer_norm_eps)
        self.projection = nn.Linear(config.audio_width, config.hidden_size)

        self.patch_values = config.patch[0] * config.patch[1]
        self.patch_shift = config.stride[0] * config.patch[1]
        self.conv_frames = config.conv_frames
        # A patch of a column overlaps the next by whole conv frames if the stack's stride
        # divides their distance (16x16, stride 10: 160 values, 5 * 2 ** 5): the stack then slides
        # over the column and computes what the patches share once. GroupNorm looks at whole patches
        self.stack_stride = math.prod(config.conv_strides)
        self.slides = (
            config.conv_norm == "layer"
            and self.patch_shift < self.patch_values
            and self.patch_shift % self.stack_stride == 0
        )

    def forward(self, columns: Tensor) -> Tensor:
        """(K, W) -> (K, n, D): the patches of a column lie `stride` mel bins apart.

        A column of P values is one patch.
        """
        return self.project(self.convolve(columns))

    def project(self, features: Tensor) -> Tensor:
        """(K, n, C) -> (K, n, D)."""
        return self.projection(self.layer_norm(features))

    def patches(self, columns: Tensor) -> Tensor:
        """(K, W) -> (K, n, P): the values of each patch."""
        return columns.unfold(1, self.patch_values, self.patch_shift)

    def convolve(self, columns: Tensor) -> Tensor:
        """(K, W) -> (K, n, C): the same before LayerNorm and projection."""
        patches = (columns.shape[1] - self.patch_values) // self.patch_shift + 1
        if self.slides:
            used = self.patch_values + (patches - 1) * self.patch_shift
            frames = self._conv(columns[:, :used])  # (K, L, C)
            frames = frames.unfold(1, self.conv_frames, self.patch_shift // self.stack_stride)
            frames = frames.transpose(2, 3)  # (K, n, L of a patch, C)
        else:
            values = self.patches(columns)
            frames = self._conv(values.flatten(0, 1)).unflatten(0, (-1, patches))
        return frames.flatten(2) if self.pooling == "concat" else frames.mean(dim=2)

    def _conv(self, values: Tensor) -> Tensor:
        """(V, P) -> (V, L, C)."""
        x = values[:, None]
        for layer in self.conv_layers:
            x = layer(x)
        return x.transpose(1, 2)
