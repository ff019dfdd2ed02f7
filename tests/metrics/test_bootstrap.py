"""Intervals by resampling whole groups."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from spectrobert import metrics
from spectrobert.metrics import (
    bootstrap_interval,
    by_question,
    classification,
    intervals,
    values,
)
from spectrobert.metrics.statistic import Statistic, mean

from .test_classes import LABELS, PREDICTED


def accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    return float(np.mean(labels == predictions))


def unweighted_accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    return float(np.mean([np.mean(predictions[labels == c] == c) for c in np.unique(labels)]))


def own_groups(count: int) -> list[str]:
    return [str(i) for i in range(count)]


def test_interval_of_all_right_is_one_to_one():
    labels = np.array([0, 1, 0, 1])
    interval = bootstrap_interval(accuracy, labels, labels, own_groups(4))
    assert interval == (1, 1)


def test_interval_of_one_group_has_no_width():
    interval = bootstrap_interval(accuracy, LABELS, PREDICTED, ["one"] * len(LABELS))
    assert interval == pytest.approx((0.7, 0.7))


def test_groups_are_drawn_whole():
    """Two speakers, one all right and one all wrong: a resample is 0, a half or 1, never else."""
    labels = np.zeros(20, dtype=int)
    predicted = np.repeat([0, 1], 10)
    seen = set()

    def statistic(truth: np.ndarray, guess: np.ndarray) -> float:
        value = accuracy(truth, guess)
        seen.add(value)
        return value

    interval = bootstrap_interval(statistic, labels, predicted, ["a"] * 10 + ["b"] * 10)
    assert seen == {0, 0.5, 1}
    assert interval == (0, 1)


def test_groups_of_another_size_keep_all_their_rows():
    """The large group counts by its rows: 9 of 10 right, never (1 + 0) / 2."""
    predicted = np.array([0] * 9 + [1])
    seen = set()

    def statistic(truth: np.ndarray, guess: np.ndarray) -> float:
        seen.add((len(truth), round(accuracy(truth, guess), 3)))
        return 0.0

    bootstrap_interval(statistic, np.zeros(10, dtype=int), predicted, ["a"] * 9 + ["b"])
    assert seen == {(18, 1.0), (10, 0.9), (2, 0.0)}


def test_interval_of_many_groups_is_about_the_normal_one():
    count, share = 400, 0.7
    labels = np.zeros(count, dtype=int)
    predicted = (np.arange(count) >= share * count).astype(int)
    low, high = bootstrap_interval(accuracy, labels, predicted, own_groups(count))
    half = 1.96 * math.sqrt(share * (1 - share) / count)
    assert low == pytest.approx(share - half, abs=0.01)
    assert high == pytest.approx(share + half, abs=0.01)


def test_interval_is_the_same_each_time_and_depends_on_the_seed():
    arguments = (accuracy, np.tile(LABELS, 9), np.tile(PREDICTED, 9), own_groups(90))
    assert bootstrap_interval(*arguments) == bootstrap_interval(*arguments)
    assert bootstrap_interval(*arguments) != bootstrap_interval(*arguments, seed=1)


def test_the_interval_of_a_statistic_is_that_of_the_rows_drawn():
    """Weights and repeated rows are two ways to write one resample."""
    groups = [str(i // 3) for i in range(90)]
    labels, predicted = np.tile(LABELS, 9), np.tile(PREDICTED, 9)
    found = intervals(classification(np.eye(4)[predicted], labels, "abcd"), groups)
    assert found["accuracy"] == pytest.approx(
        bootstrap_interval(accuracy, labels, predicted, groups)
    )
    assert found["unweighted_accuracy"] == pytest.approx(
        bootstrap_interval(unweighted_accuracy, labels, predicted, groups)
    )


def test_the_function_gives_what_the_classes_give():
    found = metrics.values(classification(np.eye(4)[PREDICTED], LABELS, "abcd"), 10)
    assert accuracy(LABELS, PREDICTED) == pytest.approx(found["accuracy"])
    assert unweighted_accuracy(LABELS, PREDICTED) == pytest.approx(found["unweighted_accuracy"])


def test_one_group_has_no_interval():
    assert intervals({"share": mean(np.array([0, 1]), "")}, ["one", "one"]) == {}


def test_resamples_without_a_value_are_passed_over():
    """Of the rows only one counts: a third of the resamples of two groups do not hold it."""
    rare = mean(np.array([1.0]), "", at=np.array([1]))
    never = Statistic(lambda weights: math.nan, 0, "")
    assert intervals({"rare": rare, "never": never}, ["a", "b"]) == {"rare": (1, 1)}


def test_all_of_clotho_aqas_test_split_in_under_five_seconds():
    """8514 rows and 828 answers are more than either task of the corpus has."""
    rng = np.random.default_rng(0)
    n, answers = 8514, 828
    truth, logits = rng.integers(answers, size=n), rng.normal(size=(n, answers)).astype("float32")
    began = time.process_time()
    names = [str(i) for i in range(answers)]
    found = classification(logits, truth, names, (5, 10))
    found |= by_question(logits, truth, np.arange(n) // 3, (5,))
    drawn = intervals(found, [str(i // 18) for i in range(n)])
    assert time.process_time() - began < 5
    known = values(found, n)
    assert drawn.keys() == known.keys() - {"auroc"}
    for name, (low, high) in drawn.items():
        assert low <= known[name] <= high, name
