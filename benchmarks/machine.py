"""This machine's peak in matrix products, memory and name."""

import platform
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.timing import CPU, seconds
from spectrobert.kernels.linear import product

ROOT = Path(__file__).resolve().parents[1]


def matmul_peak(
    size: int = 1536, dtype: torch.dtype = torch.float32, device: torch.device = CPU
) -> float:
    """FLOP/s of the fastest product of square matrices that torch has here."""
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    products = [lambda: a @ b]
    if device == CPU and dtype == torch.float32:
        products.append(lambda: product(a, b))
    for call in products:
        call()
    best = min(seconds(call, device=device) for _ in range(8) for call in products)
    return 2 * size**3 / best


def processor() -> str:
    """Its name, as Linux gives it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def memory_gb(file: str, field: str) -> float:
    """A field of a file in /proc, in GB (10^9 bytes): `self/status` and `VmHWM`."""
    for line in Path("/proc", file).read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024 / 1e9
    raise KeyError(field)


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
