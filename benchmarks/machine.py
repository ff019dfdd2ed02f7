"""What this machine can do: its peak in matrix products, and its name."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from benchmarks.measure import seconds
from torch.utils.flop_counter import FlopCounterMode

from spectrobert.kernels.linear import product

SIZE = 1536  # of the square matrices that the peak is measured with


def matmul_peak(repeats: int = 8) -> float:
    """FLOP/s of the fastest float32 matrix product that torch has here, on the threads in use."""
    a, b = torch.randn(SIZE, SIZE), torch.randn(SIZE, SIZE)
    product(a, b)
    best = min(min(seconds(lambda: product(a, b)), seconds(lambda: a @ b)) for _ in range(repeats))
    return 2 * SIZE**3 / best


def processor() -> str:
    """Its name, as Linux gives it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _product_flops(x: Sequence[int], weight: Sequence[int], *_: object, **__: object) -> int:
    rows = 1
    for size in x[:-1]:
        rows *= size
    return 2 * rows * weight[0] * weight[1]


def flops(call: Callable[[], object]) -> int:
    """Floating point operations of one call, counted product by product."""
    onednn = torch.ops.mkldnn._linear_pointwise
    with FlopCounterMode(display=False, custom_mapping={onednn: _product_flops}) as counter:
        call()
    return counter.get_total_flops()
