"""Balanced classes: in train alone, seeded, and recorded."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from spectrobert.data.balance import duplicate, prune
from spectrobert.data.preparation import prepare
from spectrobert.errors import UserError
from spectrobert.settings import composition
from spectrobert.settings.schemas import dataset_class

from ..helpers.sounds import noise

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


@pytest.fixture
def table(tmp_path) -> str:
    lines = ["audio,label,split,text"]
    for i in range(24):
        path = noise(tmp_path / f"{i}.wav", i)
        lines.append(f"{path},{'aaab'[i % 4]},{('train', 'train', 'val', 'test')[i // 6]},t{i}")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    return str(tmp_path / "table.csv")


@pytest.mark.parametrize(("method", "each"), [("prune", 3), ("duplicate", 9)])
def test_train_is_balanced_and_the_others_are_left_alone(table, method, each):
    plain = prepare("ser", dataset_class("csv")(file=table), "")
    balanced = prepare("ser", dataset_class("csv")(file=table, balance=method), "")
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


def test_what_has_no_class_cannot_be_balanced(table):
    options = dataset_class("csv")(file=table, balance="prune")
    with pytest.raises(UserError, match="rows of task 'pre' have no class"):
        prepare("pre", options, "")


def test_one_way_to_balance_at_a_time():
    with pytest.raises(UserError, match="choose one"):
        composition.compose(
            ["task=ser", "dataset=demo", "task.class_weights=true", "dataset.balance=prune"]
        )
    with pytest.raises(UserError, match="allowed are none, prune, duplicate"):
        composition.compose(["task=ser", "dataset=demo", "dataset.balance=both"])
