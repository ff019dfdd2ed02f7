"""Figures of one set with their intervals, and what the intervals cover in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .bootstrap import METHOD, RESAMPLES, Interval, intervals
from .statistic import Statistic, values

FEW_GROUPS = 10  # fewer hardly show how groups differ


@dataclass(frozen=True)
class Metric:
    """One metric of one split."""

    value: float
    statistic: Statistic  # its definition, n and label
    interval: Interval | None  # 95 %, see metrics.intervals
    no_interval: str  # the reason if there is none

    def bounds(self) -> str:
        """The interval in words."""
        return "{:.4f} - {:.4f}".format(*self.interval) if self.interval else "none"


def measure(statistics: Mapping[str, Statistic], groups: Sequence[str]) -> dict[str, Metric]:
    """Each statistic that the set defines, with its interval over resamples of `groups` (N,)."""
    bounds, reasons = intervals(statistics, groups)
    return {
        name: Metric(value, statistics[name], bounds.get(name), reasons.get(name, ""))
        for name, value in values(statistics, len(groups)).items()
    }


def interval_method(number: int, kinds: str) -> str:
    """Method of the intervals from that many groups, and what they cover, in words."""
    if number < 2:
        return f"none: resampling by {kinds} needs two of them"
    method = (
        f"{METHOD}, {RESAMPLES} resamples of {number} {kinds},"
        " for this trained model: how much seeds differ is not part of it"
    )
    return method + ("; so few groups make it too narrow" if number < FEW_GROUPS else "")
