"""From patches to audio tokens: wav2vec 2.0's conv stack on each flat patch (thesis 2.2.2).

Shapes: K columns, W values in a column, n patches of a column, V = K * n patches, P values in a
patch, L conv frames, C conv channels, D width.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ..kernels.linear import Linear, linear, product
from .configuration import SpectroBertConfig

layer_norm = torch.ops.aten.native_layer_norm
layer_norm_backward = torch.ops.aten.native_layer_norm_backward


def windows(x: Tensor, kernel: int, stride: int) -> Tensor:
    """(V, L, C) -> (V, L_out, kernel * C): what each output frame of a convolution sees."""
    return x.unfold(1, kernel, stride).transpose(2, 3).flatten(2)


def taps_first(weight: Tensor) -> Tensor:
    """Conv1d's (C_out, C_in, kernel) -> (C_out, kernel * C_in), in the order of `windows`."""
    return weight.transpose(1, 2).flatten(1)


class _ConvNormGelu(torch.autograd.Function):
    """Conv1d, LayerNorm and GELU of (V, L, C_in) -> (V, L_out, C_out), as matrix products.

    Between forward and backward it keeps its input and the product. Autograd would keep the
    windows, which hold most frames twice, and the output of the LayerNorm besides.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        norm_weight: Tensor,
        norm_bias: Tensor,
        stride: int,
        eps: float,
    ) -> Tensor:
        device = x.device.type
        half = torch.is_autocast_enabled(device) and x.is_floating_point()
        dtype = torch.get_autocast_dtype(device) if half else x.dtype
        ctx.stride, ctx.eps, ctx.input_dtype = stride, eps, x.dtype
        x, weight, bias = x.to(dtype), weight.to(dtype), bias.to(dtype)
        norm_weight, norm_bias = norm_weight.to(dtype), norm_bias.to(dtype)
        with torch.autocast(device, enabled=False):
            products = product(windows(x, weight.shape[2], stride), taps_first(weight), bias)
            normed, *_ = layer_norm(products, products.shape[-1:], norm_weight, norm_bias, eps)
        ctx.save_for_backward(x, products, weight, norm_weight, norm_bias)
        return F.gelu(normed)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, products, weight, norm_weight, norm_bias = ctx.saved_tensors
        channels = products.shape[-1:]
        kernel, stride = weight.shape[2], ctx.stride
        with torch.autocast(x.device.type, enabled=False):
            dy = gradients[0].to(products.dtype)
            normed, mean, rstd = layer_norm(products, channels, norm_weight, norm_bias, ctx.eps)
            dy = torch.ops.aten.gelu_backward(dy, normed)
            dy, d_norm_weight, d_norm_bias = layer_norm_backward(
                dy, products, channels, mean, rstd, norm_weight, norm_bias, [True, True, True]
            )
            dy = dy.flatten(0, 1)  # (V * L_out, C_out)
            d_weight = product(dy.T, windows(x, kernel, stride).flatten(0, 1).T)
            # as a shape of the weight's own: DDP compares even the strides of dimensions of one
            d_weight = d_weight.unflatten(1, (kernel, -1)).transpose(1, 2).reshape(weight.shape)
            dx = (
                _unwindow(product(dy, taps_first(weight).T), x, kernel, stride)
                if (ctx.needs_input_grad[0])
                else None
            )
        return dx, d_weight, dy.sum(dim=0), d_norm_weight, d_norm_bias, None, None


def _unwindow(d_windows: Tensor, x: Tensor, kernel: int, stride: int) -> Tensor:
    """The gradient of `x` from that of its windows (V * L_out, kernel * C): overlaps add up."""
    frames = (x.shape[1] - kernel) // stride + 1
    by_tap = d_windows.view(len(x), frames, kernel, -1)
    dx = torch.zeros_like(x)
    for tap in range(kernel):
        dx[:, tap : tap + stride * (frames - 1) + 1 : stride] += by_tap[:, :, tap]
    return dx


class ConvLayer(nn.Module):
    """Conv1d, norm, GELU, named as in transformers' Wav2Vec2FeatureEncoder: checkpoints fit.

    The arithmetic runs channels-last, as one matrix product: a patch has few frames and many
    channels, and the LayerNorm then needs no transpose.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, norm: str | None, bias: bool
    ):
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride, bias=bias)
        self.layer_norm: nn.Module
        if norm == "layer":
            self.layer_norm = nn.LayerNorm(outputs)
        elif norm == "group":
            self.layer_norm = nn.GroupNorm(outputs, outputs)
        else:
            self.layer_norm = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(V, L, C_in) -> (V, L_out, C_out)."""
        conv, norm = self.conv, self.layer_norm
        if isinstance(norm, nn.LayerNorm):
            return _ConvNormGelu.apply(
                x, conv.weight, conv.bias, norm.weight, norm.bias, conv.stride[0], norm.eps
            )
        kernel, stride = conv.kernel_size[0], conv.stride[0]
        x = linear(windows(x, kernel, stride), taps_first(conv.weight), conv.bias)
        return F.gelu(norm(x.transpose(1, 2)).transpose(1, 2))


class AudioEncoder(nn.Module):
    """Conv stack, then LayerNorm and Linear to the width of the BERT stack."""

    def __init__(self, config: SpectroBertConfig):
        super().__init__()
        layers = []
        inputs = 1
        for i, (kernel, stride) in enumerate(zip(config.conv_kernels, config.conv_strides)):
            # wav2vec 2.0 base: GroupNorm after the first conv alone, no biases;
            # large: LayerNorm and biases throughout
            norm = "layer" if config.conv_norm == "layer" else ("group" if i == 0 else None)
            layers.append(
                ConvLayer(
                    inputs, config.conv_dim, kernel, stride, norm, bias=config.conv_norm == "layer"
                )
            )
            inputs = config.conv_dim
        self.conv_layers = nn.ModuleList(layers)
        self.pooling = config.conv_pooling
        self.layer_norm = nn.LayerNorm(config.audio_width, eps=config.layer_norm_eps)
        self.projection = Linear(config.audio_width, config.hidden_size)

        self.patch_values = config.patch[0] * config.patch[1]
        self.patch_shift = config.stride[0] * config.patch[1]
        self.conv_frames = config.conv_frames
        # A patch of a column overlaps the next by whole conv frames where the stack's stride
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
        patches = (columns.shape[1] - self.patch_values) // self.patch_shift + 1
        if self.slides:
            used = self.patch_values + (patches - 1) * self.patch_shift
            frames = self._conv(columns[:, :used])  # (K, L, C)
            frames = frames.unfold(1, self.conv_frames, self.patch_shift // self.stack_stride)
            frames = frames.transpose(2, 3)  # (K, n, L of a patch, C)
        else:
            values = columns.unfold(1, self.patch_values, self.patch_shift)  # (K, n, P)
            frames = self._conv(values.flatten(0, 1)).unflatten(0, (-1, patches))
        x = frames.flatten(2) if self.pooling == "concat" else frames.mean(dim=2)  # (K, n, C)
        return self.projection(self.layer_norm(x))

    def _conv(self, values: Tensor) -> Tensor:
        """(V, P) -> (V, L, C)."""
        x = values.unsqueeze(-1)
        for layer in self.conv_layers:
            x = layer(x)
        return x
