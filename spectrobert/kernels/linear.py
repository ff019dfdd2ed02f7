"""Matrix products of a training step, by oneDNN where torch's own choice on a CPU is slower.

torch multiplies float32 matrices with MKL, which leaves AVX-512 unused on AMD processors; oneDNN,
which torch carries too and convolves with, uses it: 90 against 200 GFLOP/s on one core of an EPYC.
Both multiply in float32. `torch.backends.mkldnn.enabled` is respected.

Shapes: N rows, I inputs, O outputs.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# Multiplications from which on oneDNN is worth it. For every new shape it compiles a kernel, which
# takes 0.4 ms: as long as a product of this size gains.
LEAST = 2**25


def by_onednn(x: Tensor, weight: Tensor) -> bool:
    """True for a large float32 product on a CPU with AVX-512, outside autocast."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.dim() > 1
        and x.numel() * weight.shape[0] >= LEAST
        and torch.backends.mkldnn.is_available()
        and bool(torch.backends.mkldnn.enabled)
        and torch.backends.cpu.get_cpu_capability() == "AVX512"
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`x @ weight.T + bias` of (N, I), (O, I), (O,) without a gradient; any strides."""
    if by_onednn(x, weight):
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return F.linear(x, weight, bias)


class _Linear(torch.autograd.Function):
    """nn.functional.linear with its three products by `product`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (dy,) = gradients
        x, weight = ctx.saved_tensors
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad
        dy2, x2 = dy.flatten(0, -2), x.flatten(0, -2)  # (N, O), (N, I)
        return (
            product(dy2, weight.T).view(x.shape) if needs_x else None,
            product(dy2.T, x2.T) if needs_weight else None,
            dy2.sum(dim=0) if needs_bias else None,
        )


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`torch.nn.functional.linear`: (..., I), (O, I), (O,) -> (..., O)."""
    return _Linear.apply(x, weight, bias) if by_onednn(x, weight) else F.linear(x, weight, bias)


def forward(layer: nn.Linear, x: Tensor) -> Tensor:
    """A call of nn.Linear: (..., I) -> (..., O)."""
    return linear(x, layer.weight, layer.bias)


def masked_words(head: Any, hidden: Tensor, word_embeddings: Tensor) -> Tensor:
    """Logits of a head tied to the word table: (K, D), (vocabulary, D) -> (K, vocabulary)."""
    return linear(head.transform(hidden), word_embeddings, head.bias)
