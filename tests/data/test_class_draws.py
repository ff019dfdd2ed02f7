"""Rows drawn with replacement, classes equally likely: length, chances, repeats, resume, shares."""

from collections import Counter

import numpy as np
import pytest

from spectrobert.data.batches import POOL
from spectrobert.data.class_draws import ClassDraws, repeats
from spectrobert.data.clips import RowKey

LABELS = ["a", "b", "a", "c", "a"] * 4 + ["a"] * 80  # 92 a, 4 b, 4 c, in no order
SECONDS = np.random.default_rng(0).uniform(0.5, 10, len(LABELS))


def sampler(**more) -> ClassDraws:
    return ClassDraws(**({"seconds": SECONDS, "labels": LABELS, "batch_size": 8, "seed": 1} | more))


def epoch(batches: ClassDraws, number: int = 0) -> list[list[RowKey]]:
    batches.set_epoch(number)
    return list(batches)


def keys(batches: ClassDraws, number: int = 0) -> list[RowKey]:
    return [key for batch in epoch(batches, number) for key in batch]


def test_an_epoch_is_as_long_as_without():
    found = epoch(sampler(), 3)
    assert len(found) == len(sampler()) == 13  # ceil(100 / 8)
    assert sum(map(len, found)) == len(LABELS)
    assert {key.epoch for batch in found for key in batch} == {3}


def test_classes_and_their_rows_are_equally_likely():
    """Over 300 epochs a class has 10,000 +- 82 draws, a row of b or c 2500 +- 49."""
    draws, number = sampler(), 300
    times = Counter(key.row for n in range(number) for key in keys(draws, n))
    by_class = Counter[str]()
    for row, count in times.items():
        by_class[LABELS[row]] += count
        assert LABELS[row] == "a" or abs(count - 2500) < 5 * 49
    assert len(times) == len(LABELS)
    assert all(abs(by_class[name] - 10_000) < 4 * 82 for name in "abc")
    of_a = [count for row, count in times.items() if LABELS[row] == "a"]
    assert np.std(of_a) < 1.5 * np.sqrt(10_000 / 92)  # as of equal chances, not of rows left out


def test_a_row_that_is_drawn_again_is_another_key():
    found = keys(sampler())
    assert len(set(found)) == len(found)
    times = Counter(key.row for key in found)
    assert max(times.values()) > 3
    for row, number in times.items():
        assert sorted(key.repeat for key in found if key.row == row) == list(range(number))


def test_repeats_by_hand():
    assert repeats(np.array([5, 2, 5, 5, 2, 0])).tolist() == [0, 0, 1, 2, 1, 0]


def test_seed_and_epoch_decide():
    assert epoch(sampler(), 2) == epoch(sampler(), 2) != epoch(sampler(), 3)
    assert epoch(sampler(), 2) != epoch(sampler(seed=2), 2)


def test_a_resumed_run_continues_at_its_place():
    whole, resumed = epoch(sampler(), 5), sampler()
    resumed.done = (5, 7)
    assert epoch(resumed, 5) == whole[7:]
    assert epoch(resumed, 6) == epoch(sampler(), 6)


@pytest.mark.parametrize("size", [6, 8])
def test_processes_share_each_batch(size):
    whole = epoch(sampler(batch_size=size), 4)
    shares = [epoch(sampler(batch_size=size, rank=r, world_size=2), 4) for r in range(2)]
    for batch, *parts in zip(whole, *shares, strict=True):
        assert sorted(batch) == sorted(key for part in parts for key in part)


def test_lengths_of_a_batch_are_alike():
    lengths = np.random.default_rng(1).uniform(0.5, 10, 8 * POOL)
    found = epoch(sampler(seconds=lengths, labels=["a", "b"] * (4 * POOL)))
    assert np.mean([np.ptp(lengths[[key.row for key in batch]]) for batch in found]) < 1.5
