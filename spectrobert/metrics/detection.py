"""Metrics of a detector: rows whose score reaches a threshold are taken as positive."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .statistic import Statistic, mean, ratio, values

# As in tables of laughter detectors; finer near 1, where softmax crowds
GRID = (*(round(0.5 + 0.05 * step, 2) for step in range(10)), 0.97, 0.99)


def detection(
    detected: np.ndarray, truth: np.ndarray, label: str, unit: str = "rows"
) -> dict[str, Statistic]:
    """Accuracy, precision, recall and F1 of (N,) decisions against (N,) truth, both boolean.

    Precision is undefined where nothing is detected, recall where nothing is positive.
    """
    found, positive = np.flatnonzero(detected), np.flatnonzero(truth)
    right = detected & truth

    def f1(weights: np.ndarray) -> float:
        return ratio(2 * float(weights @ right), float(weights @ detected + weights @ truth))

    of_label = f"{unit} of {label}"
    accuracy = mean(detected == truth, f"share of {unit} that are right", unit=unit)
    accuracy = replace(accuracy, parts={})
    precision = mean(truth[found], f"share of detected {unit} that are {label}", found)
    recall = mean(detected[positive], f"share of {of_label} that are detected", positive)
    return {
        "accuracy": accuracy,
        "precision": replace(precision, unit=f"detected {unit}", parts={"detections": found}),
        "recall": replace(recall, unit=of_label, parts={label: positive}),
        "f1": Statistic(f1, len(truth), "2 TP / (2 TP + FP + FN)", unit, parts={label: positive}),
    }


def mistakes(detected: np.ndarray, truth: np.ndarray) -> dict[str, int]:
    """Numbers of false positives and false negatives."""
    return {
        "false_positives": int((detected & ~truth).sum()),
        "false_negatives": int((truth & ~detected).sum()),
    }


def at_thresholds(
    scores: np.ndarray, truth: np.ndarray, label: str, grid: Sequence[float] = GRID
) -> list[dict[str, Any]]:
    """Figures at each threshold, of (N,) scores and (N,) boolean truth; undefined ones left out."""
    lines = []
    for threshold in grid:
        detected = scores >= threshold
        figures = values(detection(detected, truth, label), len(truth))
        lines.append({"threshold": threshold, **figures, **mistakes(detected, truth)})
    return lines


def best(lines: Sequence[dict[str, Any]], least_precision: float = 0.0) -> dict[str, Any] | None:
    """The line of the highest F1; of equal ones that of the highest threshold. None if all are 0.

    Args:
        least_precision: above 0: of the lines of this precision or more that of the highest recall,
            of equal ones again the highest threshold. None if there is no such line.
    """
    if not least_precision:
        found = [line for line in lines if line["f1"]]
        return max(found, key=lambda line: (line["f1"], line["threshold"]), default=None)
    fit = [line for line in lines if line.get("precision", -math.inf) >= least_precision]
    return max(fit, key=lambda line: (line["recall"], line["threshold"]), default=None)


def by_second(
    recordings: Sequence[str], starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rows that overlap each second of a recording, as pairs: (P,) row, (P,) number of the second.

    Args:
        recordings: of each row (N,).
        starts, ends: in seconds, (N,); `ends` is not part of the row.

    Seconds are counted from the start of a recording and over all recordings; those that no row
    overlaps are left out. The grid of one second is that of segment-based event metrics (Mesaros
    et al. 2016, doi:10.3390/app6060162); a row that ends within a second holds all of it.
    """
    first = np.floor(starts.round(3)).astype(int)
    last = np.maximum(np.ceil(ends.round(3)).astype(int), first + 1)
    numbers: dict[tuple[str, int], int] = {}
    pairs = [
        (row, numbers.setdefault((name, second), len(numbers)))
        for row, name in enumerate(recordings)
        for second in range(first[row], last[row])
    ]
    row, second = np.array(pairs, dtype=int).reshape(-1, 2).T
    return row, second
