"""thresholds.json of a run: label -> the threshold that was chosen for it, and its scores."""

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import UserError
from ..files import read_json, write_whole, writing
from .folder import RunFolder


@dataclass(frozen=True)
class Scored:
    """A split at the chosen threshold, over rows or over seconds."""

    n: int
    positives: int
    false_positives: int
    false_negatives: int
    metrics: dict[str, float]
    intervals: dict[str, list[float]]
    no_interval: dict[str, str]
    metric_n: dict[str, int]
    interval: str  # its method

    def bounds(self, metric: str) -> str:
        """The interval of a metric in words."""
        pair = self.intervals.get(metric)
        return "{:.4f} - {:.4f}".format(*pair) if pair else "none"


@dataclass(frozen=True)
class ChosenThreshold:
    """The threshold of one label.

    A row is taken as positive if its probability of the label is at or above `threshold`.
    """

    threshold: float
    rule: str  # by which it was chosen on validation, in words
    grid: list[float]
    n: int  # rows of validation
    positives: int
    lines: list[dict[str, Any]]  # validation at each threshold of the grid
    seconds: list[dict[str, Any]] = field(default_factory=list)  # the same over seconds
    test: dict[str, Scored] = field(default_factory=dict)  # "rows", "seconds" -> test
    caution: str = ""  # of test
    times_scored: int = 0  # choices that test has been scored by: more than one is no first look


def read(run: RunFolder) -> dict[str, ChosenThreshold]:
    """Label -> what was chosen; empty if nothing was. Raises UserError for a damaged file."""
    if not os.path.isfile(run.thresholds):
        return {}
    try:
        return {label: _chosen(own) for label, own in read_json(run.thresholds).items()}
    except (TypeError, AttributeError, KeyError) as error:
        raise UserError(f"{run.thresholds} is damaged: {error}") from error


def of_labels(run: RunFolder) -> dict[str, float]:
    """Label -> its threshold; empty if none was chosen. Raises UserError for a damaged file."""
    return {label: one.threshold for label, one in read(run).items()}


def write(run: RunFolder, chosen: dict[str, ChosenThreshold]) -> None:
    """Write all labels. Raises UserError if the file cannot be written."""
    with writing(run.thresholds):
        write_whole(run.thresholds, as_json(chosen))


def as_json(chosen: dict[str, ChosenThreshold]) -> str:
    """The text of thresholds.json."""
    return json.dumps({label: asdict(one) for label, one in chosen.items()}, indent=2) + "\n"


def _chosen(fields: dict[str, Any]) -> ChosenThreshold:
    test = {unit: Scored(**own) for unit, own in fields["test"].items()}
    return ChosenThreshold(**fields | {"test": test})
