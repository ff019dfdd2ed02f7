"""A share of the training rows: per class, nested, and recorded with the split."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from spectrobert.audio.segment import Segment
from spectrobert.config import DatasetConfig
from spectrobert.corpora.example import Example
from spectrobert.data import split_record
from spectrobert.data.preparation import Prepared, prepare
from spectrobert.data.rows import to_table
from spectrobert.data.splits import UNUSED
from spectrobert.data.train_share import few, leave_out
from spectrobert.errors import UserError
from spectrobert.settings import composition
from spectrobert.settings.schemas import dataset_class

from ..helpers.sounds import noise, noise_table

LABELS = ["a"] * 40 + ["b"] * 8 + ["c"] * 2 + ["a"] * 6
SIDES = ["train"] * 50 + ["val"] * 3 + ["test"] * 3
EXAMPLES = [Example(f"row{i}", (Segment(f"{i}.wav"),), label=c) for i, c in enumerate(LABELS)]


def used(share: float, seed: int = 0) -> set[str]:
    """Ids of the training rows that are left."""
    sides = leave_out(to_table(EXAMPLES), SIDES, share, seed)
    assert sides[50:] == SIDES[50:]
    assert set(sides[:50]) <= {"train", UNUSED}
    return {e.id for e, side in zip(EXAMPLES, sides) if side == "train"}


def counts(ids: set[str]) -> dict[str, int]:
    return Counter(e.label for e in EXAMPLES if e.id in ids)


@pytest.mark.parametrize(
    ("share", "left"),
    [
        (1.0, {"a": 40, "b": 8, "c": 2}),
        (0.5, {"a": 20, "b": 4, "c": 1}),
        (0.25, {"a": 10, "b": 2, "c": 1}),
        (0.01, {"a": 1, "b": 1, "c": 1}),
    ],
)
def test_each_class_keeps_its_share_and_one_row_at_least(share, left):
    assert counts(used(share)) == left


def test_smaller_shares_are_parts_of_larger_ones():
    shares = [used(percent / 100) for percent in range(1, 101)]
    assert all(small <= large for small, large in pairwise(shares))
    assert used(0.5) == used(0.5)
    assert used(0.5) != used(0.5, seed=1)


def shot(number: int, seed: int = 0) -> set[str]:
    sides = few(to_table(EXAMPLES), SIDES, number, seed)
    assert sides[50:] == SIDES[50:]
    return {e.id for e, side in zip(EXAMPLES, sides) if side == "train"}


def test_shots_are_so_many_of_each_class_and_nested():
    assert counts(shot(1)) == {"a": 1, "b": 1, "c": 1}
    assert counts(shot(4)) == {"a": 4, "b": 4, "c": 2}  # there are no more of c
    assert shot(1) < shot(4) < shot(16)
    assert shot(4) != shot(4, seed=1)


def test_shots_of_no_classes_or_next_to_a_share_are_refused():
    with pytest.raises(UserError, match=r"shots=4 and dataset.train_share=0\.5 both"):
        DatasetConfig(shots=4, train_share=0.5)
    words = ["task=dimensional", "dataset=csv", "dataset.shots=4"]
    with pytest.raises(UserError, match="shots=4: task 'dimensional' has no classes"):
        composition.compose(words)


def test_the_order_of_the_rows_does_not_matter():
    sides = leave_out(to_table(EXAMPLES[::-1]), SIDES[::-1], 0.25, 0)
    assert {e.id for e, s in zip(EXAMPLES[::-1], sides) if s == "train"} == used(0.25)


def test_rows_without_a_class_count_as_one():
    rows = [Example(f"row{i}", (Segment(f"{i}.wav"),)) for i in range(20)]
    assert Counter(leave_out(to_table(rows), ["train"] * 20, 0.25, 0)) == {"train": 5, UNUSED: 15}


@pytest.mark.parametrize("share", [0.0, -0.5, 1.01, float("nan")])
def test_a_value_out_of_bounds_is_one_line(share):
    with pytest.raises(UserError) as caught:
        DatasetConfig(train_share=share)
    assert str(caught.value) == f"dataset.train_share={share}: must be above 0 and 1 at most"


# ---------------------------------------------------------------- a corpus


def table(folder: Path, **options) -> DatasetConfig:
    """Three of four of 32 rows are of class a; 24 are in train."""
    sides = ("train", "train", "train", "val", "test")
    rows = (f"{'aaab'[i % 4]},{sides[min(i // 8, 4)]},t{i}" for i in range(40))
    return noise_table(folder, "label,split,text", rows, **options)


def ids(prepared: Prepared) -> dict[str, list[str]]:
    return {split: list(rows["id"]) for split, rows in prepared.splits.items()}


def test_one_changes_nothing(tmp_path):
    plain, whole = (prepare("ser", table(tmp_path, **o), "") for o in ({}, {"train_share": 1.0}))
    assert ids(plain) == ids(whole)
    assert plain.summary == whole.summary
    assert "train_share" not in plain.summary.to_dict()
    assert UNUSED not in plain.record.column("split").to_pylist()


def test_the_share_is_part_of_the_split(tmp_path):
    plain = prepare("ser", table(tmp_path), "")
    quarter = prepare("ser", table(tmp_path, train_share=0.25), "")
    assert Counter(quarter.splits["train"]["label"]) == {"a": 5, "b": 2}  # of 18 and 6: 4.5, 1.5
    for split in ("val", "test"):
        assert ids(quarter)[split] == ids(plain)[split]
    summary = quarter.summary.to_dict()
    assert summary["counts"] == {"train": 7, "val": 8, "test": 8}
    assert summary["labels"]["train"] == {"a": 5, "b": 2}
    assert summary["train_share"] == {"share": 0.25, "used": 7, "of": 24}
    assert summary["definition"] == (
        f"{plain.summary.definition}; 7 of 24 training rows used (dataset.train_share=0.25, seed 0)"
    )
    assert Counter(quarter.record.column("split").to_pylist()) == {
        "train": 7,
        UNUSED: 17,
        "val": 8,
        "test": 8,
    }


def test_balance_sees_the_rows_that_are_used(tmp_path):
    prepared = prepare("ser", table(tmp_path, train_share=0.25, balance="prune"), "")
    record = prepared.summary.to_dict()
    assert record["balance"]["before"] == {"a": 5, "b": 2}
    assert Counter(prepared.splits["train"]["label"]) == {"a": 2, "b": 2}
    assert record["train_share"]["used"] == 7


def test_a_recorded_split_keeps_its_rows(tmp_path):
    """Whatever the order of ids would choose now."""
    options = table(tmp_path, train_share=0.25)
    first = prepare("ser", options, "")
    sides = first.record.column("split").to_pylist()
    swapped = [sides.index("train"), sides.index(UNUSED)]
    sides[swapped[0]], sides[swapped[1]] = UNUSED, "train"
    record = first.record.set_column(1, "split", [sides])
    split_record.write(tmp_path / "split.csv", record)
    again = prepare("ser", options, "", recorded=split_record.read(tmp_path / "split.csv"))
    rows = record.column("id").to_pylist()
    assert ids(again)["train"] == [i for i, side in zip(rows, sides) if side == "train"]
    assert ids(again)["train"] != ids(first)["train"]
    assert again.summary.definition == first.summary.definition
    assert again.record == record


def test_a_row_left_out_may_be_missing_but_not_tested_later(tmp_path):
    options = table(tmp_path, train_share=0.25)
    split_record.write(tmp_path / "split.csv", prepare("ser", options, "").record)
    recorded = split_record.read(tmp_path / "split.csv")
    unused = [row["id"] for row in recorded.table.to_pylist() if row["split"] == UNUSED]
    lines = (tmp_path / "table.csv").read_text().splitlines()
    left = [line for line in lines if not line.startswith(f"{unused[0]},")]
    (tmp_path / "table.csv").write_text("\n".join(left))
    assert len(prepare("ser", options, "", recorded=recorded).splits["train"]) == 7
    moved = [
        line.replace("train", "test") if line.startswith(unused[0]) else line for line in lines
    ]
    (tmp_path / "table.csv").write_text("\n".join(moved))
    message = rf"1 row that the owner moved from its split \(unused 1; the first: {unused[0]}\)"
    with pytest.raises(split_record.CorpusChanged, match=message):
        prepare("ser", options, "", recorded=recorded)


def test_each_corpus_of_a_mixture_has_its_share(tmp_path):
    lines = ["audio,text,split"]
    for i in range(16):
        noise(tmp_path / f"own/{i}.wav", i)
        lines.append(f"own/{i}.wav,text {i},{'train' if i < 12 else 'val'}")
    (tmp_path / "own.csv").write_text("\n".join(lines))
    for i in range(24):
        noise(tmp_path / f"ravdess/03-01-01-01-0{i % 2 + 1}-01-{i + 1:02}.wav", i + 20)
    config = composition.compose(
        [
            *("task=pre", "model=tiny", "dataset=csv+ravdess", f"data_dir={tmp_path}"),
            *(f"dataset.csv.file={tmp_path}/own.csv", "dataset.weights=[1,1]"),
            "dataset.train_share=0.5",
        ]
    )
    prepared = prepare("pre", config.dataset, str(tmp_path))
    own = prepare("pre", dataset_class("csv")(file=str(tmp_path / "own.csv"), train_share=0.5), "")
    parts = prepared.summary.to_dict()["parts"]
    assert parts["csv"]["counts"]["train"] == len(own.splits["train"]) == 6
    assert parts["csv"]["train_share"] == {"share": 0.5, "used": 6, "of": 12}
    assert "6 of 12 training rows used" in prepared.summary.definition
    train = list(prepared.splits["train"]["id"])
    assert train[:6] == [f"csv/{row_id}" for row_id in own.splits["train"]["id"]]
    assert prepared.quotas[0].size == 6
    assert sum(quota.size for quota in prepared.quotas) == len(train)
