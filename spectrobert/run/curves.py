"""metrics.csv: one line per value, written at once, so that a killed run keeps its curves."""

import csv
from argparse import Namespace
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from ..files import read_cells, write_table

HEADER = ("step", "epoch", "metric", "value")


class CurveLogger(Logger):
    """Appends to `path`. Lightning's own CSVLogger starts over when a run is resumed."""

    def __init__(self, path: Path):
        super().__init__()
        self.path = path

    @property
    def name(self) -> str:
        return "metrics"

    @property
    def version(self) -> str:
        return ""

    @rank_zero_only
    def log_hyperparams(
        self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any
    ) -> None:
        """config.yaml holds them."""

    @rank_zero_only
    def begin(self) -> None:
        """Write the header if there is no file: a short run may have nothing to log."""
        if not self.path.exists():
            write_table(self.path, HEADER, ())

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.begin()
        epoch = int(metrics.get("epoch", 0))
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            for name, value in metrics.items():
                if name != "epoch":
                    writer.writerow([step, epoch, name, repr(float(value))])

    @rank_zero_only
    def forget_after(self, step: int) -> None:
        """Drop what a killed run wrote after its last checkpoint: it will be written again."""
        self.begin()
        kept = [row for row in read(self.path) if row[0] < step]
        write_table(self.path, HEADER, ([s, e, m, repr(v)] for s, e, m, v in kept))

    @rank_zero_only
    def add_missing(self, metrics: dict[str, float], step: int) -> None:
        """Log what a killed run had computed at this step and not written."""
        known = {m for s, _, m, _ in read(self.path) if s == step}
        self.log_metrics({m: v for m, v in metrics.items() if m not in known}, step)


def read(path: Path) -> list[tuple[int, int, str, float]]:
    """Rows (step, epoch, metric, value) of a metrics.csv, without a last line that was cut off.

    Raises UserError if the file cannot be read; none is no rows.
    """
    if not path.exists():
        return []
    return [
        (int(step), int(epoch), metric, float(value))
        for step, epoch, metric, value in (c for c in read_cells(path) if len(c) == len(HEADER))
        if step.isdigit()
    ]


def epoch_means(path: Path, metric: str) -> dict[int, float]:
    """Epoch -> mean of what was logged of a metric in it."""
    values: dict[int, dict[int, float]] = {}
    for step, epoch, name, value in read(path):
        if name == metric:
            values.setdefault(epoch, {})[step] = value  # of a step logged twice the later counts
    return {epoch: sum(v.values()) / len(v) for epoch, v in values.items()}


def curve(path: Path, metric: str) -> list[tuple[int, float]]:
    """(step, value) of one metric, in order; of a step logged twice the later value counts."""
    return sorted({step: value for step, _, name, value in read(path) if name == metric}.items())


def last(path: Path, prefix: str) -> dict[str, float]:
    """The last value of every metric whose name begins with `prefix`; empty without a file."""
    return {name: value for _, _, name, value in read(path) if name.startswith(prefix)}
