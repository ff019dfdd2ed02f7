"""Scores by epoch of the rows of a table: as a file, and as the epoch that leaves one class."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import files
from ..run import curves
from ..run.folder import RunFolder
from .jobs import Job

HEADER = ("experiment", "seed", "fold", "epoch", "metric", "value")
ROUNDING = 1e-6  # of curves, which are of float32


def _macro_f1(counts: Sequence[int]) -> float:
    return 2 * max(counts) / (sum(counts) + max(counts)) / len(counts)


def _accuracy(counts: Sequence[int]) -> float:
    return max(counts) / sum(counts)


def _unweighted_accuracy(counts: Sequence[int]) -> float:
    return 1 / len(counts)


# metric -> its value for the most frequent class alone, from the rows of each class
ONE_CLASS: dict[str, Callable[[Sequence[int]], float]] = {
    "val/macro_f1": _macro_f1,
    "val/accuracy": _accuracy,
    "val/unweighted_accuracy": _unweighted_accuracy,
}


def first_above(folder: RunFolder, result: Mapping[str, Any], metric: str) -> int | None:
    """The first epoch, from 1, whose validation is above the best answer of one class.

    None if there is none.
    """
    rows = result["split"].get("labels", {}).get("val", {})
    if not (counts := [number for number in rows.values() if number]):  # no validation split
        return None
    least = ONE_CLASS[metric](counts) + ROUNDING
    by_epoch = curves.epoch_means(folder.metrics, metric)
    return next((epoch + 1 for epoch in sorted(by_epoch) if by_epoch[epoch] > least), None)


def write(path: Path, jobs: Sequence[Job], metric: str) -> None:
    """One line per finished run and epoch."""
    runs = [job for job in jobs if job.folder.is_finished and not job.is_scoring]
    rows = [
        (job.row, job.seed, job.fold or "", epoch + 1, metric, repr(value))
        for job in runs
        for epoch, value in sorted(curves.epoch_means(job.folder.metrics, metric).items())
    ]
    files.write_table(path, HEADER, rows)
