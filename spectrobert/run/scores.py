"""Scores of one split: its metrics with their intervals, and what they were taken over."""

from dataclasses import dataclass, field
from typing import Any

from ..data.checks import Skipped
from ..data.shortcuts import PairSummary
from ..metrics import Metric
from .common_labels import CommonLabels


@dataclass(frozen=True)
class Scores:
    """Metrics and predictions of one split."""

    split: str
    n: int  # rows scored
    num_rows: int  # of the split
    metrics: dict[str, Metric]
    interval: str  # method of the intervals, in words
    unread: list[Skipped] = field(default_factory=list)  # rows that could not be read
    caution: str = ""  # printed with the scores: splits.caution and leaks.caution
    pairs: PairSummary | None = None  # of pre-training
    unseen_answers: dict[str, int] = field(default_factory=dict)  # rows, of answers train lacks
    targets: tuple[str, ...] = ()  # names, if numbers are learnt
    labels: tuple[str, ...] = ()  # classes
    confusion_matrix: list[list[int]] = field(default_factory=list)  # rows true, columns predicted
    predicted_histogram: dict[str, int] = field(default_factory=dict)
    common: CommonLabels | None = None  # of a run that is scored on another corpus
    header: tuple[str, ...] = ()
    rows: list[list[Any]] = field(default_factory=list)

    @property
    def values(self) -> dict[str, float]:
        """Name of each metric -> value."""
        return {name: metric.value for name, metric in self.metrics.items()}

    @property
    def predictions(self) -> list[dict[str, Any]]:
        """The rows of predictions.csv by the names of its columns."""
        return [dict(zip(self.header, row)) for row in self.rows]

    def to_dict(self) -> dict[str, Any]:
        """All but the predictions, for results.json."""
        each = self.metrics.items()
        always = {
            "split": self.split,
            "n": self.n,
            "metrics": self.values,
            "intervals": {name: list(m.interval) for name, m in each if m.interval},
            "no_interval": {name: m.no_interval for name, m in each if m.no_interval},
            "metric_n": {name: m.statistic.n for name, m in each},
        }
        more = {
            "num_rows": self.num_rows if self.unread else None,
            "unread": [list(clip) for clip in self.unread],
            "caution": self.caution,
            "pairs": self.pairs and self.pairs.to_dict(),
            "unseen_answers": self.unseen_answers,
            "targets": list(self.targets),
            "labels": list(self.labels),
            "predicted_histogram": self.predicted_histogram,
            "confusion_matrix": self.confusion_matrix,
            "cross_corpus": self.common and self.common.to_dict(),
        }
        return always | {name: value for name, value in more.items() if value}

    def overall(self) -> dict[str, Metric]:
        """The metrics that are not about one label."""
        return {name: m for name, m in self.metrics.items() if not m.statistic.label}

    def by_label(self) -> dict[str, dict[str, Metric]]:
        """Label -> name without the label -> metric; {} if no metric is about one label.

        A class that never occurs has none.
        """
        labelled: dict[str, dict[str, Metric]] = {n: {} for n in self.labels or self.targets}
        for name, metric in self.metrics.items():
            if label := metric.statistic.label:
                labelled[label][name.removesuffix(f"_{label}")] = metric
        return labelled if any(labelled.values()) else {}

    def counts(self) -> dict[str, tuple[int, int]]:
        """Class -> rows of it, rows predicted as it; {} if there is no confusion matrix."""
        matrix = self.confusion_matrix
        cells = zip(self.labels, matrix, zip(*matrix))
        return {label: (sum(row), sum(column)) for label, row, column in cells}


def coverage(n: int, num_rows: int, num_unread: int) -> str:
    """Rows that were scored, in words."""
    return f"{n} of {num_rows}, {num_unread} could not be read" if num_unread else str(n)
