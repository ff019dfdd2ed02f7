"""Detectors by hand: ten rows, four of them positive, one threshold after the other."""

import numpy as np
import pytest
from sklearn import metrics as reference

from spectrobert.metrics import (
    GRID,
    at_thresholds,
    best,
    by_second,
    detection,
    intervals,
    mistakes,
    values,
)

SCORES = np.array([0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
TRUTH = np.array([1, 1, 0, 1, 0, 0, 1, 0, 0, 0], dtype=bool)


def test_the_grid_is_that_of_the_laughter_tables():
    assert GRID == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.97, 0.99)


def test_figures_at_each_threshold_are_those_counted_by_hand():
    low, middle, high, none = at_thresholds(SCORES, TRUTH, "laughter", (0.35, 0.7, 0.9, 0.99))
    assert (low["false_positives"], low["false_negatives"]) == (3, 0)
    assert low["precision"] == pytest.approx(4 / 7)
    assert (middle["false_positives"], middle["false_negatives"]) == (1, 1)
    assert [middle[n] for n in ("accuracy", "precision", "recall", "f1")] == [0.8, *[0.75] * 3]
    assert (high["precision"], high["recall"], high["false_positives"]) == (1.0, 0.5, 0)
    assert none == {
        **{"threshold": 0.99, "accuracy": 0.6, "recall": 0.0, "f1": 0.0},
        **{"false_positives": 0, "false_negatives": 4},
    }


def test_a_row_at_the_threshold_is_detected():
    assert mistakes(SCORES >= 0.7, TRUTH) == {"false_positives": 1, "false_negatives": 1}
    assert at_thresholds(SCORES, TRUTH, "x", (0.7,))[0]["recall"] == 0.75


def test_figures_are_scikit_learns():
    generator = np.random.default_rng(0)
    truth, scores = generator.random(200) < 0.3, generator.random(200)
    for line in at_thresholds(scores, truth, "x"):
        detected = scores >= line["threshold"]
        found = reference.precision_recall_fscore_support(
            truth, detected, average="binary", zero_division=0
        )
        wanted = (line.get("precision", 0.0), line["recall"], line["f1"])
        assert wanted == pytest.approx(found[:3])
        assert line["accuracy"] == pytest.approx(reference.accuracy_score(truth, detected))


def test_the_best_f1_is_chosen_and_of_equal_ones_the_highest_threshold():
    lines = at_thresholds(SCORES, TRUTH, "x", (0.35, 0.4, 0.5, 0.7, 0.75, 0.85))
    # F1: 8/11, 8/11, 6/10, 6/8, 4/7, 4/6
    assert best(lines)["threshold"] == 0.7
    assert best(lines[:2])["threshold"] == 0.4


def test_a_least_precision_takes_the_highest_recall():
    lines = at_thresholds(SCORES, TRUTH, "x", (0.35, 0.7, 0.85, 0.9, 0.99))
    # precision 4/7, 3/4, 1, 1, none; recall 1, 3/4, 1/2, 1/2, 0
    assert best(lines, 0.75)["threshold"] == 0.7
    assert best(lines, 0.8)["threshold"] == 0.9
    assert best(lines[:2], 0.8) is None
    assert best(lines[-1:], 0.01) is None
    assert best([line | {"f1": 0.0} for line in lines]) is None


def test_intervals_are_over_groups_and_what_has_no_meaning_has_none():
    found = detection(SCORES >= 0.7, TRUTH, "x")
    bounds, why = intervals(found, [f"g{i}" for i in range(10)])
    assert why == {}
    assert all(low <= 0.8 <= high for low, high in [bounds["accuracy"]])
    assert bounds["precision"][0] < 0.75 < bounds["precision"][1]
    groups = ["a" if positive else "b" for positive in TRUTH]
    assert intervals(found, groups)[1]["recall"] == "x in one group only"
    nothing = detection(SCORES > 1, TRUTH, "x")
    assert "precision" not in values(nothing, 10)


def test_rows_share_the_seconds_of_their_recording():
    recordings = ["a", "a", "b", "a"]
    starts, ends = np.array([0.0, 1.5, 0.0, 2.0]), np.array([2.0, 3.0000001, 0.4, 2.0001])
    row, second = by_second(recordings, starts, ends)
    # a: 0-1 of row 0, 1-2 of rows 0 and 1, 2-3 of rows 1 and 3; b: 0-1
    assert sorted(zip(row.tolist(), second.tolist())) == [
        *[(0, 0), (0, 1), (1, 1), (1, 2), (2, 3), (3, 2)]
    ]
