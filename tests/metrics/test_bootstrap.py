"""Intervals by resampling whole groups."""

import math
import time
from statistics import NormalDist

import numpy as np
import pytest
from scipy.special import stdtrit

from spectrobert.metrics import by_question, classification, intervals, multilabel, resample, values
from spectrobert.metrics.bootstrap import (
    count_groups,
    group_counts,
    percentiles,
    reach,
    reach_of_difference,
)
from spectrobert.metrics.statistic import Statistic, mean
from spectrobert.metrics.student import t_quantile

from .test_classes import LABELS, PREDICTED


def own_groups(count: int) -> list[str]:
    return [str(i) for i in range(count)]


def share(is_right: np.ndarray, groups: list[str], seed: int = 0) -> np.ndarray:
    """Share of right rows in each resample."""
    return resample([mean(is_right, "")], groups, seed)[:, 0]


def test_groups_are_drawn_whole():
    """Two speakers, one all right and one all wrong: a resample is 0, a half or 1, never else."""
    is_right = np.repeat([1, 0], 10)
    groups = ["a"] * 10 + ["b"] * 10
    assert set(share(is_right, groups)) == {0, 0.5, 1}
    assert intervals({"": mean(is_right, "")}, groups)[0] == {"": (0, 1)}
    assert set(share(np.ones(20), groups)) == {1}


def test_groups_of_another_size_keep_all_their_rows():
    """The large group counts by its rows: 9 of 10 right, never (1 + 0) / 2."""
    seen = set()
    statistic = Statistic(lambda weights: seen.add((weights.sum(), weights[9])) or 0.0, 10, "")
    resample([statistic], ["a"] * 9 + ["b"])
    assert seen == {(18, 0), (10, 1), (2, 2)}


def test_interval_of_many_groups_is_about_the_normal_one():
    half = 1.96 * math.sqrt(0.7 * 0.3 / 400)
    found, _ = intervals({"": mean(np.arange(400) < 280, "")}, own_groups(400))
    assert found[""] == pytest.approx((0.7 - half, 0.7 + half), abs=0.01)


def test_resamples_are_the_same_each_time_and_depend_on_the_seed():
    is_right, groups = np.tile(LABELS == PREDICTED, 9), own_groups(90)
    assert np.array_equal(share(is_right, groups), share(is_right, groups))
    assert not np.array_equal(share(is_right, groups), share(is_right, groups, seed=1))


def test_the_interval_of_a_statistic_is_that_of_the_rows_drawn():
    """Weights and repeated rows are two ways to write one resample."""
    groups = np.arange(90) // 3
    labels, predicted = np.tile(LABELS, 9), np.tile(PREDICTED, 9)

    def by_rows(figure) -> list[float]:
        found = []
        for counts in group_counts(30):
            rows = np.repeat(np.arange(90), counts.astype(int)[groups])
            found.append(figure(labels[rows], predicted[rows] == labels[rows]))
        # t(0.975; 29) = 2.045230, of 30 groups
        outside = NormalDist().cdf(-2.045230 * math.sqrt(30 / 29))
        return np.quantile(found, (outside, 1 - outside)).tolist()

    names = [f"{group:02}" for group in groups]  # in the order of their numbers
    found, _ = intervals(classification(np.eye(4)[predicted], labels, "abcd"), names)
    assert found["accuracy"] == pytest.approx(by_rows(lambda truth, is_right: is_right.mean()))
    assert found["unweighted_accuracy"] == pytest.approx(
        by_rows(lambda truth, is_right: np.mean([is_right[truth == c].mean() for c in set(truth)]))
    )


def test_one_group_has_no_interval():
    found = intervals({"share": mean(np.array([0, 1]), "")}, ["one", "one"])
    assert found == ({}, {"share": "one group"})


def test_a_constant_answer_has_the_unweighted_accuracy_of_chance_in_every_resample():
    """A resample of one class alone would have a UA of 1: it is passed over."""
    labels = np.array([0, 0, 0, 1, 1])
    found, why = intervals(classification(np.eye(2)[[0] * 5], labels, "ab"), own_groups(5))
    for name in ("unweighted_accuracy", "macro_recall", "auroc"):
        assert found[name] == (0.5, 0.5)
    assert found["recall_a"] == (1, 1)
    assert found["accuracy"][0] < 0.5 < found["accuracy"][1]
    assert not why


def test_one_number_has_one_interval():
    """UA and macro recall are one number if every class that is predicted occurs."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [40, 5, 3])
    predicted = np.where(rng.random(48) < 0.6, labels, rng.integers(3, size=48))
    found, _ = intervals(classification(np.eye(3)[predicted], labels, "abc"), own_groups(48))
    assert found["unweighted_accuracy"] == found["macro_recall"]


def test_a_class_in_one_group_has_no_interval_and_says_so():
    labels = np.array([0, 0, 1, 1, 0, 2, 2, 1])
    groups = ["x", "x", "x", "y", "y", "z", "z", "z"]  # class 2 is z's alone
    found, why = intervals(classification(np.eye(3)[labels], labels, "abc"), groups)
    assert {"accuracy", "weighted_f1", "recall_a", "recall_b"} <= found.keys()
    for name in ("recall_c", "unweighted_accuracy", "macro_f1", "macro_recall", "auroc"):
        assert name not in found
        assert why[name] == "c in one group only"


def test_a_metric_whose_classes_are_mostly_lost_has_no_interval():
    """A resample of 16 groups, two per class, keeps all 8 classes with 0.88^8 = 0.36."""
    labels = np.repeat(np.arange(8), 2)
    found, why = intervals(classification(np.eye(8)[labels], labels, "abcdefgh"), own_groups(16))
    assert why["macro_f1"] == "undefined in more than half of the resamples"
    assert found["recall_a"] == (1, 1)


def test_a_label_that_is_lost_does_not_change_what_a_mean_is_over():
    """A label in two rows of six; (2/3)^6 = 9 % of the resamples lose both."""
    logits = np.array([[1.0, 1], [-1, 1], [1, 1], [-1, 1], [1, 1], [-1, 1]])
    targets = np.array([[1, 1], [0, 1], [1, 0], [0, 0], [1, 0], [0, 0]])
    drawn = resample(list(multilabel(logits, targets, ("p", "q")).values()), own_groups(6))
    names = list(multilabel(logits, targets, ("p", "q")))
    balanced = drawn[:, names.index("balanced_accuracy")]
    assert set(balanced[~np.isnan(balanced)]) == {0.75}  # p all right, q always said to be there
    lost = np.isnan(drawn[:, names.index("balanced_accuracy_q")]).mean()
    assert lost == pytest.approx((4 / 6) ** 6 + (2 / 6) ** 6, abs=0.03)
    assert lost <= np.isnan(balanced).mean()


def test_resamples_without_a_value_are_passed_over():
    """Two of three rows count: 1 in 27 of the resamples hold neither."""
    rare = mean(np.array([1.0, 1.0]), "", at=np.array([1, 2]))
    never = Statistic(lambda weights: math.nan, 0, "")
    found, why = intervals({"rare": rare, "never": never}, ["a", "b", "c"])
    assert found == {"rare": (1, 1)}
    assert why.keys() == {"never"}
    lost = np.isnan(resample([rare], ["a", "b", "c"])).mean()
    assert lost == pytest.approx(1 / 27, abs=0.02)


def test_all_of_clotho_aqas_test_split_in_under_five_seconds():
    """8514 rows and 828 answers are more than either task of the corpus has."""
    rng = np.random.default_rng(0)
    n, answers = 8514, 828
    truth, logits = rng.integers(answers, size=n), rng.normal(size=(n, answers)).astype("float32")
    began = time.process_time()
    names = [str(i) for i in range(answers)]
    found = classification(logits, truth, names, (5, 10))
    found |= by_question(logits, truth, np.arange(n) // 3, (5,))
    drawn, _ = intervals(found, [str(i // 18) for i in range(n)])
    assert time.process_time() - began < 5
    known = values(found, n)
    assert drawn.keys() == known.keys() - {"auroc"}
    for name, (low, high) in drawn.items():
        assert low <= known[name] <= high, name


def test_quantiles_of_t_are_scipys():
    for free in (1, 2, 3, 4, 11, 23, 100, 8513):
        for probability in (0.5, 0.8, 0.975, 0.999):
            expected = stdtrit(free, probability)
            assert t_quantile(probability, free) == pytest.approx(expected, abs=1e-9, rel=1e-9)


def test_the_reach_of_few_groups_by_hand():
    assert reach(20) == pytest.approx(math.sqrt(20 / 19) * 2.0930, abs=1e-4)
    assert reach(24) / 1.95996 == pytest.approx(1.0782, abs=1e-4)  # 7.8 % wider than the normal one
    assert reach(2) == pytest.approx(math.sqrt(2) * 12.7062, abs=1e-3)
    assert reach(10_000) == pytest.approx(1.96, abs=1e-3)


def test_the_interval_of_a_mean_is_about_the_t_interval():
    """Of 12 groups; plain percentiles would be 15 % narrower."""
    values = np.random.default_rng(3).normal(size=12)
    (low, high) = intervals({"": mean(values, "")}, own_groups(12))[0][""]
    width = 2 * 2.2010 * values.std(ddof=1) / math.sqrt(12)
    assert high - low == pytest.approx(width, rel=0.07)
    assert np.ptp(np.quantile(share(values, own_groups(12)), (0.025, 0.975))) < 0.9 * width


def test_a_figure_is_widened_by_the_groups_that_hold_its_rows():
    """A recall whose class is spoken in 4 of 40 groups is a figure of 4 groups."""
    groups, at = own_groups(40), np.arange(4)
    assert count_groups(mean(np.ones(4), "", at), groups) == 4
    assert count_groups(mean(np.ones(40), ""), groups) == 40
    rows = np.array([0.1, 0.5, 0.6, 0.9])
    found = intervals({"": mean(rows, "", at)}, groups)[0][""]
    drawn = resample([mean(rows, "", at)], groups)[:, 0]
    assert found == percentiles(drawn, reach(4)) != percentiles(drawn, reach(40))


def test_the_reach_of_two_sides_is_welchs():
    """Variances 4 and 1 of 5 and 10 groups: 4 * 5 / 4 = 5 and 1 * 10 / 9, of 4 and 9 degrees."""
    drawn = [np.tile([-2.0, 2.0], 500), np.tile([-1.0, 1.0], 500)]
    free = (5 + 10 / 9) ** 2 / (25 / 4 + (10 / 9) ** 2 / 9)  # 5.84, so 5: t is 2.5706
    assert int(free) == 5
    expected = math.sqrt((5 + 10 / 9) / 5) * 2.5706
    assert reach_of_difference(drawn, (5, 10)) == pytest.approx(expected, abs=1e-4)
    constant = [np.ones(1000), np.ones(1000)]
    assert reach_of_difference(constant, (5, 10)) == reach(5)
