"""Batches that hold a speaker's clips together."""

from itertools import pairwise

import numpy as np

from spectrobert.data.batches import _partners
from spectrobert.data.speaker_batches import MOST, SpeakerBatches

SPEAKERS = ["a"] * 10 + ["b"] * 7 + ["c"]


def batches(is_training: bool, epoch: int = 0, **more) -> list[list[int]]:
    options = {"batch_size": 8, "seed": 0, "shuffle": is_training, "together": 4} | more
    made = SpeakerBatches([1.0] * len(SPEAKERS), SPEAKERS, **options)
    made.set_epoch(epoch)
    drawn = [[key.row for key in batch] for batch in made]
    assert len(drawn) == len(made)
    return drawn


def test_every_row_comes_once_in_groups_of_a_speaker():
    drawn = batches(True)
    assert sorted(row for batch in drawn for row in batch) == list(range(18))
    groups = [row for batch in drawn for row in batch]
    # ten clips in groups of 4, 3 and 3, seven in two, one by itself: six groups, two per batch
    changes = sum(SPEAKERS[a] != SPEAKERS[b] for a, b in pairwise(groups))
    assert len(drawn) == 3
    assert changes <= 5
    assert all(len(batch) <= 8 for batch in drawn)


def test_epochs_differ_and_are_drawn_again():
    assert batches(True, 0) == batches(True, 0)
    assert batches(True, 0) != batches(True, 1)
    assert batches(True, 0) != batches(True, 0, seed=1)


def test_evaluation_takes_all_of_a_speaker():
    assert batches(False) == [list(range(10)), list(range(10, 17)), [17]]
    many = SpeakerBatches([1.0] * 300, ["a"] * 300, 8, 0, False, 4)
    assert [len(list(batch)) for batch in many] == [100, 100, 100]
    assert max(len(list(batch)) for batch in many) <= MOST


def test_partners_are_of_the_same_speaker():
    partners = _partners([7, 7, 3, 7, 3, 5]).tolist()
    assert partners == [1, 3, 4, 0, 2, 5]
    assert _partners([0, 0, 0]).tolist() == [1, 2, 0]
    assert np.sort(partners).tolist() == list(range(6))
