"""Figures that name the run, the split and the metric that they are of."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Found:
    """Findings on a split of a run."""

    run: str
    split: str
    metric: str
    unit: str  # of resampling
    caution: str

    def head(self) -> dict[str, Any]:
        """The beginning of their JSON."""
        return {one.name: getattr(self, one.name) for one in fields(Found)}
