"""How things are timed: both sides in one process, in turn, as often as each other."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Call = Callable[[], object]


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
        """Whether the bar is met."""
        if self.ratios:
            return statistics.median(self.ratios) >= self.bar
        return self.ours <= self.bar


def seconds(call: Call) -> float:
    """Wall-clock time of one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def times(count: int, call: Call) -> Call:
    """`count` calls as one."""

    def repeated() -> None:
        for _ in range(count):
            call()

    return repeated


def in_turn(ours: Call, rival: Call, repeats: int) -> list[tuple[float, float]]:
    """(ours, rival) seconds, `repeats` times: what else the machine does then hits both alike.

    Both have been called once before.
    """
    return [(seconds(ours), seconds(rival)) for _ in range(repeats)]


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
