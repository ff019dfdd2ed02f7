"""The timing harness of all benchmarks: a call's seconds, two sides in turn, a row of results."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from benchmarks.builds import Sizes

Call = Callable[[], object]
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Bench:
    """The settings of all measurements of one `bench`."""

    sizes: Sizes
    threads: int
    repeats: int
    is_quick: bool


@dataclass(frozen=True)
class Row:
    """One line of the table. With `ratios` the bar is a least ratio, else a largest `ours`."""

    what: str
    unit: str  # of `ours`, `rival` and of a bar without ratios: "clips/s", "s", "GB", "%"
    ours: float  # median
    bar: float
    rival: float | None = None
    ratios: tuple[float, ...] = ()  # how many times better ours was, repeat by repeat
    tokens_per_second: float | None = None  # ours; real tokens only
    flops_per_second: float | None = None  # ours
    note: str = ""

    @property
    def is_met(self) -> bool:
        """True if the bar is met."""
        if self.ratios:
            return statistics.median(self.ratios) >= self.bar
        return self.ours <= self.bar


def seconds(
    call: Call,
    count: int = 1,
    device: torch.device = CPU,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Seconds per call of `count` calls in a row, by the wall clock if no other is given."""
    _wait(device)
    began = clock()
    for _ in range(count):
        call()
    _wait(device)
    return (clock() - began) / count


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def median_seconds(
    call: Call, repeats: int, clock: Callable[[], float] = time.perf_counter
) -> float:
    """The median of `repeats` calls, after one that warms up."""
    call()
    return statistics.median(seconds(call, clock=clock) for _ in range(repeats))


def in_turn(
    ours: Call, rival: Call, repeats: int, counts: tuple[int, int] = (1, 1), device=CPU
) -> list[tuple[float, float]]:
    """(ours, rival) seconds, `repeats` times: what else the machine does then hits both alike.

    Both have been called once before.

    Args:
        counts: calls in a row of each side, to a measurement.
    """
    mine, theirs = counts
    return [(seconds(ours, mine, device), seconds(rival, theirs, device)) for _ in range(repeats)]


def compare(
    what: str, items: int, unit: str, bar: float, pairs: list[tuple[float, float]], **more
) -> Row:
    """The row of two timings of the same `items`; `more` are further fields of it."""
    ours, rival = zip(*pairs)
    return Row(
        what=what,
        unit=unit,
        ours=items / statistics.median(ours),
        rival=items / statistics.median(rival),
        ratios=tuple(theirs / mine for mine, theirs in pairs),
        bar=bar,
        **more,
    )
