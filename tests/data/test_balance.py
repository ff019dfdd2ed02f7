"""Balanced classes: in train alone, seeded, and recorded."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from spectrobert.config import DatasetConfig
from spectrobert.data.balance import duplicate, prune, repeat
from spectrobert.data.preparation import prepare
from spectrobert.errors import UserError
from spectrobert.settings import composition

from ..helpers.sounds import noise_table

LABELS = ["a"] * 7 + ["b"] * 2 + ["c"] * 3


def test_prune_keeps_as_many_of_each_as_the_rarest_has():
    rows = prune(LABELS, 0)
    assert Counter(LABELS[i] for i in rows) == {"a": 2, "b": 2, "c": 2}
    assert len(set(rows)) == 6
    assert rows.tolist() == sorted(rows)
    assert np.array_equal(rows, prune(LABELS, 0))
    assert len({tuple(prune(LABELS, seed)) for seed in range(10)}) > 3


def test_duplicate_repeats_whole_classes_before_single_rows():
    rows = duplicate(LABELS, 0)
    assert Counter(LABELS[i] for i in rows) == {"a": 7, "b": 7, "c": 7}
    times = Counter(rows.tolist())
    assert [times[i] for i in range(7)] == [1] * 7
    assert sorted(times[i] for i in (7, 8)) == [3, 4]
    assert sorted(times[i] for i in (9, 10, 11)) == [2, 2, 3]
    assert np.array_equal(rows, duplicate(LABELS, 0))


def test_repeat_gives_the_counts_of_seed_000():
    labels = ["positive"] * 1279 + ["negative"] * 227 + ["neutral"] * 4223
    repeated = repeat(labels, 0)
    counts = Counter(labels[i] for i in repeated)
    assert counts == {"positive": 3837, "negative": 4086, "neutral": 4223}
    assert len(repeated) == 12_146
    assert set(Counter(repeated.tolist()).values()) == {1, 3, 18}
    assert len(prune(labels, 0)) == 681


def table(folder: Path, **options: str) -> DatasetConfig:
    """Three of four rows are of class a; half of all are in train."""
    sides = ("train", "train", "val", "test")
    rows = (f"{'aaab'[i % 4]},{sides[i // 6]},t{i}" for i in range(24))
    return noise_table(folder, "label,split,text", rows, **options)


@pytest.mark.parametrize(("method", "each"), [("prune", 3), ("duplicate", 9)])
def test_train_is_balanced_and_the_others_are_left_alone(tmp_path, method, each):
    plain = prepare("ser", table(tmp_path), "")
    balanced = prepare("ser", table(tmp_path, balance=method), "")
    assert Counter(balanced.splits["train"]["label"]) == {"a": each, "b": each}
    for split in ("val", "test"):
        assert list(balanced.splits[split]["id"]) == list(plain.splits[split]["id"])
    record = balanced.summary.to_dict()
    assert record["counts"] == plain.summary.counts
    assert record["balance"] == {
        "method": method,
        "before": {"a": 9, "b": 3},
        "after": {"a": each, "b": each},
    }
    assert "balance" not in plain.summary.to_dict()


@pytest.mark.parametrize("method", ["batches", "sampler"])
def test_what_is_drawn_in_each_epoch_leaves_all_rows_in_train(tmp_path, method):
    plain = prepare("ser", table(tmp_path), "")
    balanced = prepare("ser", table(tmp_path, balance=method), "")
    for split in ("train", "val", "test"):
        assert list(balanced.splits[split]["id"]) == list(plain.splits[split]["id"])
    record = balanced.summary.to_dict()["balance"]
    assert record == {"method": method, "before": {"a": 9, "b": 3}}


@pytest.mark.parametrize("method", ["prune", "batches", "sampler"])
def test_what_has_no_class_cannot_be_balanced(tmp_path, method):
    options = table(tmp_path, balance=method)
    with pytest.raises(UserError, match="rows of task 'pre' have no class"):
        prepare("pre", options, "")


def test_one_way_to_balance_at_a_time():
    for method in ("prune", "batches", "sampler"):
        with pytest.raises(UserError, match="choose one"):
            composition.compose(
                ["task=ser", "dataset=demo", "task.class_weights=true", f"dataset.balance={method}"]
            )
    with pytest.raises(
        UserError, match="allowed are none, prune, duplicate, repeat, batches, sampler"
    ):
        composition.compose(["task=ser", "dataset=demo", "dataset.balance=both"])
