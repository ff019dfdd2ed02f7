"""Metrics against votes, by hand."""

import math

import numpy as np
import pytest

from spectrobert.metrics import by_votes, intervals, values
from spectrobert.metrics.votes import entropy_shares, jensen_shannon

# p: 2 1 1 / 4 thrice, the class 0 predicted, then 1 1 2 / 4
LOGITS = np.log([[2.0, 1, 1], [2, 1, 1], [2, 1, 1], [1, 1, 2]])
TRUTH = np.array([0, 2, 1, 1])
VOTES = np.array([[3.0, 0, 0], [0, 0, 0], [1, 1, 1], [1, 2, 0]])  # the second row has none


def divergence(p: list[float], q: list[float]) -> float:
    """The mean of both Kullback-Leibler divergences from the middle."""
    middle = [(a + b) / 2 for a, b in zip(p, q)]
    return sum(x * math.log2(x / m) for d in (p, q) for x, m in zip(d, middle) if x) / 2


def test_all_by_hand():
    found = by_votes(LOGITS, TRUTH, VOTES)
    expected = [
        divergence([1 / 2, 1 / 4, 1 / 4], [1, 0, 0]),
        divergence([1 / 2, 1 / 4, 1 / 4], [1 / 3] * 3),
        divergence([1 / 4, 1 / 4, 1 / 2], [1 / 3, 2 / 3, 0]),
    ]
    assert expected[0] == pytest.approx(0.3112781)
    assert values(found, 4) == pytest.approx(
        {
            "jensen_shannon": sum(expected) / 3,
            "vote_accuracy": (1 + 1 / 3 + 0) / 3,
            "human_ceiling": (1 + 1 / 3 + 2 / 3) / 3,
            "human_ceiling_share": (4 / 3) / 2,
            "accuracy_low_entropy": 1.0,  # three of three; the rows without votes are in no bin
            "accuracy_middle_entropy": 0.0,  # two of three
            "accuracy_high_entropy": 0.0,  # 1 : 1 : 1
        }
    )
    assert {name: s.n for name, s in found.items() if "entropy" in name} == {
        "accuracy_low_entropy": 1,
        "accuracy_middle_entropy": 1,
        "accuracy_high_entropy": 1,
    }
    assert found["jensen_shannon"].n == found["human_ceiling_share"].n == 3


def test_a_resample_weighs_rows():
    found = by_votes(LOGITS, TRUTH, VOTES)
    weights = np.array([2.0, 5.0, 0.0, 1.0])
    assert found["vote_accuracy"].of(weights) == pytest.approx(2 / 3)
    assert found["human_ceiling"].of(weights) == pytest.approx((2 + 2 / 3) / 3)
    assert found["human_ceiling_share"].of(weights) == pytest.approx(3 / 4)
    assert math.isnan(found["human_ceiling_share"].of(np.array([0.0, 1.0, 0.0, 0.0])))


def test_each_has_an_interval_over_groups():
    again = [np.tile(rows, (20, *[1] * (rows.ndim - 1))) for rows in (LOGITS, TRUTH, VOTES)]
    found = by_votes(*again)
    bounds, reasons = intervals(found, [str(i // 4) for i in range(80)])
    assert reasons == {}
    for name, (low, high) in bounds.items():
        assert low <= values(found, 80)[name] + 1e-9 <= high + 2e-9, name


def test_without_votes_there_is_nothing_to_measure():
    assert by_votes(LOGITS, TRUTH, np.zeros((4, 3))) == {}


def test_a_bin_without_rows_is_left_out():
    found = values(by_votes(LOGITS[:1], TRUTH[:1], VOTES[:1]), 1)
    assert "accuracy_high_entropy" not in found
    assert found["accuracy_low_entropy"] == 1


def test_divergence_is_one_bit_at_most():
    p = np.array([[1.0, 0.0], [0.3, 0.7]])
    assert jensen_shannon(p, p[:, ::-1])[0] == 1
    assert jensen_shannon(p, p).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("votes", "share"),
    [
        ([5, 0, 0, 0], 0.0),
        ([1, 0, 0, 0], 0.0),
        ([2, 1, 0, 0], (math.log2(3) - 2 / 3) / math.log2(3)),  # three votes: three classes at most
        ([1, 1, 1, 0], 1.0),
        ([2, 2, 2, 2], 1.0),  # eight votes for four classes
        ([1 / 2, 1 / 2, 0, 0], 1.0),  # one annotator, two classes
    ],
)
def test_entropy_as_share_of_the_possible(votes, share):
    assert entropy_shares(np.array([votes], dtype=float)).tolist() == pytest.approx([share])


def test_two_of_three_say_yes():
    """Two to one are the most even votes that three can give to two classes."""
    assert entropy_shares(np.array([[2.0, 1.0]])) == pytest.approx(math.log2(3) - 2 / 3)
