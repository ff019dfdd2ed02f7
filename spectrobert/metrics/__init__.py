"""Metrics over a whole set, never averaged over batches, and their intervals.

Each protocol is a function from outputs and truth to named statistics; each statistic knows its
value, over how many rows it is taken, and what it means.

Shapes: N rows of the set, C classes, D targets.
"""

from .bootstrap import (
    CONFIDENCE,
    METHOD,
    MIN_KEPT,
    RESAMPLES,
    Interval,
    intervals,
    obstacle,
    percentiles,
    reach,
    resample,
)
from .calibration import (
    conformal_quantile,
    conformal_sets,
    expected_error,
    least_confidence,
    log_loss,
    reliability,
    risk_coverage,
    softmax,
    temperature,
)
from .classes import MANY_CLASSES, classification, confusion_matrix, one_against_rest, ranked, ranks
from .continuous import dimensional
from .detection import GRID, at_thresholds, best, by_second, detection, mistakes
from .label_sets import multilabel
from .measured import Metric, interval_method, measure
from .mosei import sentiment
from .multiplicity import holm
from .questions import by_question
from .statistic import Statistic, values
from .student import t_quantile
from .votes import by_votes

__all__ = [
    "CONFIDENCE",
    "GRID",
    "MANY_CLASSES",
    "METHOD",
    "MIN_KEPT",
    "RESAMPLES",
    "Interval",
    "Metric",
    "Statistic",
    "at_thresholds",
    "best",
    "by_question",
    "by_second",
    "by_votes",
    "classification",
    "conformal_quantile",
    "conformal_sets",
    "confusion_matrix",
    "detection",
    "dimensional",
    "expected_error",
    "holm",
    "interval_method",
    "intervals",
    "least_confidence",
    "log_loss",
    "measure",
    "mistakes",
    "multilabel",
    "obstacle",
    "one_against_rest",
    "percentiles",
    "ranked",
    "ranks",
    "reach",
    "reliability",
    "resample",
    "risk_coverage",
    "sentiment",
    "softmax",
    "t_quantile",
    "temperature",
    "values",
]
