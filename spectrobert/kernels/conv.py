"""Conv1d, norm and GELU as one matrix product, channels last.

A patch has few frames and many channels; channels last, the LayerNorm needs no transpose.

Shapes: V patches, L conv frames, C channels.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .linear import linear, product

layer_norm = torch.ops.aten.native_layer_norm
layer_norm_backward = torch.ops.aten.native_layer_norm_backward


def windows(x: Tensor, kernel: int, stride: int) -> Tensor:
    """(V, L, C) -> (V, L_out, kernel * C): the input of each output frame of a convolution."""
    return x.unfold(1, kernel, stride).transpose(2, 3).flatten(2)


def taps_first(weight: Tensor) -> Tensor:
    """Conv1d's (C_out, C_in, kernel) -> (C_out, kernel * C_in), in the order of `windows`."""
    return weight.transpose(1, 2).flatten(1)


class _ConvNormGelu(torch.autograd.Function):
    """Conv1d, LayerNorm and GELU of (V, L, C_in) -> (V, L_out, C_out), as matrix products.

    Between forward and backward it keeps its input and the product. Autograd would keep the
    windows, which hold most frames twice, and the output of the LayerNorm as well.
    """

    @staticmethod
    def forward(ctx: Any, stride: int, eps: float, *tensors: Tensor) -> Tensor:
        x = tensors[0]
        device = x.device.type
        half = torch.is_autocast_enabled(device) and x.is_floating_point()
        dtype = torch.get_autocast_dtype(device) if half else x.dtype
        x, weight, bias, norm_weight, norm_bias = (tensor.to(dtype) for tensor in tensors)
        ctx.stride, ctx.eps = stride, eps
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
            dx = None
            if ctx.needs_input_grad[2]:
                dx = _unwindow(product(dy, taps_first(weight).T), x, kernel, stride)
        return None, None, dx, d_weight, dy.sum(dim=0), d_norm_weight, d_norm_bias


def _unwindow(d_windows: Tensor, x: Tensor, kernel: int, stride: int) -> Tensor:
    """The gradient of `x` from that of its windows (V * L_out, kernel * C): overlaps add up."""
    frames = (x.shape[1] - kernel) // stride + 1
    by_tap = d_windows.view(len(x), frames, kernel, -1)
    dx = torch.zeros_like(x)
    for tap in range(kernel):
        dx[:, tap : tap + stride * (frames - 1) + 1 : stride] += by_tap[:, :, tap]
    return dx


def conv_norm_gelu(layer: Any, x: Tensor) -> Tensor:
    """(V, C_in, L) -> (V, C_out, L_out), both channels last in memory; norm and conv of `layer`."""
    conv, norm = layer.conv, layer.layer_norm
    kernel, stride = conv.kernel_size[0], conv.stride[0]
    x = x.transpose(1, 2)
    if isinstance(norm, nn.LayerNorm):
        parameters = (conv.weight, conv.bias, norm.weight, norm.bias)
        x = _ConvNormGelu.apply(stride, norm.eps, x, *parameters)
    else:
        x = linear(windows(x, kernel, stride), taps_first(conv.weight), conv.bias)
        x = F.gelu(norm(x.transpose(1, 2)).transpose(1, 2))
    return x.transpose(1, 2)
