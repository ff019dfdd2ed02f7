import numpy as np
import pytest

from spectrobert import metrics
from spectrobert.metrics import bootstrap, slices
from spectrobert.metrics.slices import Sliced
from spectrobert.metrics.statistic import mean


def test_holm_by_hand():
    # 4 * 0.01, then 3 * 0.02 = 0.06, 2 * 0.03 = 0.06, and 0.04 is not below the one before it
    assert metrics.holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert metrics.holm([0.9, 0.6]) == [1.0, 1.0]
    assert metrics.holm([0.2]) == [0.2]
    assert metrics.holm([]) == []


def test_a_group_of_two_values_is_not_nested():
    groups = np.array(["a", "a", "b", "b"])
    assert slices.is_nested(np.array([0, 0, 1, 1]), groups)
    assert not slices.is_nested(np.array([0, 1, 1, 1]), groups)


def test_whole_groups_are_exchanged():
    groups = np.array([0, 0, 0, 1, 1, 2, 3])
    values = np.array([0, 0, 0, 0, 0, 1, 1])
    exchange, seen = slices.Exchange(values, groups), set()
    for _ in range(200):
        found = exchange()
        assert len({*found[:3].tolist()}) == len({*found[3:5].tolist()}) == 1
        of_group = found[[0, 3, 5, 6]]
        assert sorted(of_group.tolist()) == [0, 0, 1, 1]
        seen.add(tuple(of_group.tolist()))
    assert len(seen) == 6  # four groups, two of each value


def test_a_group_of_several_values_keeps_them():
    groups = np.array([0, 0, 0, 1, 1])
    values = np.array([0, 0, 1, 1, 1])
    exchange = slices.Exchange(values, groups)
    drawn = {tuple(exchange().tolist()) for _ in range(50)}
    assert drawn == {(0, 0, 1, 1, 1), (1, 1, 0, 1, 1)}


def test_p_of_six_groups_by_hand():
    rows = np.array([1.0, 1, 1, 0, 0, 0])
    values = np.array([0, 0, 0, 1, 1, 1])

    def spread(numbers):
        return abs(rows[numbers == 0].mean() - rows[numbers == 1].mean())

    # 2 of the 20 ways to deal three values to six groups give a spread of 1
    p = slices.permutation_p(spread, values, list("abcdef"))
    assert p == pytest.approx(0.1, abs=0.02)
    assert slices.permutation_p(lambda numbers: 0.0, values, list("abcdef")) == 1
    undefined = slices.permutation_p(lambda numbers: float("nan"), values, list("abcdef"))
    assert undefined is None


def test_paired_and_independent_intervals():
    generator = np.random.default_rng(0)
    of_speaker = generator.normal(size=20)
    speakers = np.repeat(np.arange(20), 2).astype(str)
    rows = np.repeat(of_speaker, 2) + np.tile([0.5, 0.0], 20)
    first, other = (
        Sliced(at, mean(rows[at], "")) for at in (np.arange(0, 40, 2), np.arange(1, 40, 2))
    )
    assert first.value - other.value == pytest.approx(0.5)
    paired, _ = slices.difference(first, other, speakers, True)
    assert paired == pytest.approx((0.5, 0.5))  # the same for every speaker
    apart, _ = slices.difference(first, other, speakers, False)
    assert apart[1] - apart[0] > 0.5
    draws = [
        bootstrap.resample([one.statistic], speakers[one.at].tolist(), seed)[:, 0]
        for seed, one in enumerate((first, other), start=1)
    ]
    deviates = bootstrap.reach_of_difference(draws, (20, 20))
    assert apart == bootstrap.percentiles(draws[0] - draws[1], deviates)
    alone, why = slices.difference(Sliced(np.arange(2), mean(rows[:2], "")), other, speakers, True)
    assert (alone, why) == (None, "one group")


def test_a_paired_interval_is_that_of_the_speakers_differences():
    """Each speaker once in either slice: the difference is a mean over 12 speakers."""
    generator = np.random.default_rng(1)
    speakers = np.repeat(np.arange(12), 2).astype(str)
    rows = generator.normal(size=24)
    first, other = (
        Sliced(at, mean(rows[at], "")) for at in (np.arange(0, 24, 2), np.arange(1, 24, 2))
    )
    found, _ = slices.difference(first, other, speakers, True)
    own = sorted(speakers[::2].tolist())
    apart = {speaker: rows[2 * int(speaker)] - rows[2 * int(speaker) + 1] for speaker in own}
    expected = metrics.intervals({"": mean(np.array([*apart.values()]), "")}, own)[0][""]
    assert found == pytest.approx(expected)
