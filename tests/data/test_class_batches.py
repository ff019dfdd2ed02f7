"""Class-balanced batches: counts, repeats, order, place of a resumed run, share of a process."""

from collections import Counter

import numpy as np
import pytest

from spectrobert.data.class_batches import ClassBatches
from spectrobert.data.clips import RowKey
from spectrobert.errors import UserError

LABELS = ["a"] * 70 + ["b"] * 25 + ["c"] * 6
SECONDS = np.random.default_rng(0).uniform(0.5, 10, len(LABELS))
BATCH = 8  # 13 batches: 104 rows, 34 or 35 of each class


def sampler(**more) -> ClassBatches:
    return ClassBatches(
        **({"seconds": SECONDS, "labels": LABELS, "batch_size": BATCH, "seed": 1} | more)
    )


def epoch(batches: ClassBatches, number: int = 0) -> list[list[RowKey]]:
    batches.set_epoch(number)
    return list(batches)


def classes(keys: list[RowKey]) -> Counter[str]:
    return Counter(LABELS[key.row] for key in keys)


def test_each_batch_and_each_epoch_is_balanced():
    batches = epoch(sampler(), 3)
    assert len(batches) == len(sampler()) == 13
    for batch in batches:
        assert sorted(classes(batch).values()) == [2, 3, 3]
    whole = classes([key for batch in batches for key in batch])
    assert sorted(whole.values()) == [34, 35, 35]


def test_a_batch_size_that_the_classes_divide_holds_as_many_of_each():
    for batch in epoch(sampler(batch_size=9)):
        assert classes(batch) == {"a": 3, "b": 3, "c": 3}
    assert len(sampler(batch_size=9)) == 12  # ceil(101 / 9)


def test_rows_of_rare_classes_come_again_before_any_is_drawn_a_third_time():
    keys = [key for batch in epoch(sampler()) for key in batch]
    assert len(set(keys)) == len(keys) == 104  # a repeat is counted: its crop is another
    times = Counter(key.row for key in keys)
    assert set(times.values()) <= {1, 2, 5, 6}
    for row, number in times.items():
        assert number in {"a": (1,), "b": (1, 2), "c": (5, 6)}[LABELS[row]]
        assert sorted(key.repeat for key in keys if key.row == row) == list(range(number))
    assert sum(LABELS[row] == "a" for row in times) in (34, 35)


def test_no_batch_holds_one_row_twice_if_it_need_not():
    for number in range(5):
        for batch in epoch(sampler(), number):
            assert len({key.row for key in batch}) >= BATCH - 1
    small = epoch(sampler(batch_size=30))  # ten of the six of class c
    assert all(classes(batch) == {"a": 10, "b": 10, "c": 10} for batch in small)


def test_seed_and_epoch_decide():
    assert epoch(sampler(), 2) == epoch(sampler(), 2)
    assert epoch(sampler(), 2) != epoch(sampler(seed=2), 2)
    rows = [{key.row for batch in epoch(sampler(), n) for key in batch} for n in range(8)]
    assert len(set(map(frozenset, rows))) == 8
    assert set.union(*rows) == set(range(len(LABELS)))
    assert {key.epoch for batch in epoch(sampler(), 2) for key in batch} == {2}


def test_a_resumed_run_continues_at_its_place():
    whole, resumed = epoch(sampler(), 5), sampler()
    resumed.done = (5, 7)
    assert epoch(resumed, 5) == whole[7:]
    assert epoch(resumed, 6) == epoch(sampler(), 6)


@pytest.mark.parametrize("size", [6, 8, 12])
def test_processes_share_each_class(size):
    whole = epoch(sampler(batch_size=size), 4)
    ranks = [epoch(sampler(batch_size=size, rank=r, world_size=2), 4) for r in range(2)]
    for batch, *shares in zip(whole, *ranks, strict=True):
        assert sorted(batch) == sorted(key for share in shares for key in share)
        assert [len(share) for share in shares] == [size // 2] * 2
        one, other = map(classes, shares)
        assert all(abs(one[c] - other[c]) <= 1 for c in "abc")
        assert size != 12 or one == other == {"a": 2, "b": 2, "c": 2}


def test_lengths_of_frequent_classes_are_alike():
    lengths = np.random.default_rng(1).uniform(0.5, 10, 400)
    batches = epoch(sampler(seconds=lengths, labels=["a", "b"] * 200))
    padding = np.mean([np.ptp(lengths[[key.row for key in batch]]) for batch in batches])
    assert padding < 2  # of 9.5 s; 7 if lengths are mixed


def test_a_batch_without_room_for_a_class_is_one_line():
    with pytest.raises(UserError) as caught:
        sampler(batch_size=2)
    assert str(caught.value) == (
        "trainer.batch_size=2: dataset.balance=batches needs a row of each of the 3 classes of"
        " train in every batch: 3 or more"
    )
