"""The record of a split: written and read, and compared with the rows of a corpus."""

from dataclasses import replace
from pathlib import Path

import pytest

from spectrobert.audio.segment import Segment
from spectrobert.corpora.example import SPLITS, Example
from spectrobert.data import rows, split_record
from spectrobert.errors import UserError


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,split\na,train\n", "its columns must be id, split, label, text"),
        ("", "cannot be read"),
        ("id,split,label,text\na,tain,x,\n", "split 'tain' is none of train, val, test"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, content, message):
    path = tmp_path / "split.csv"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        split_record.read(path)


def example(id: str, split: str = "", **more) -> Example:
    return Example(id, (Segment(f"{id}.wav"),), split=split, **more)


def recorded(folder: Path, examples: list[Example], splits: list[str]) -> split_record.SplitRecord:
    """The record of a split, written and read."""
    split_record.write(folder / "split.csv", split_record.record(rows.to_table(examples), splits))
    return split_record.read(folder / "split.csv")


def test_odd_cells_survive(tmp_path):
    odd = ['a,"b"', "null", "", "1", "NaN", "two\nlines", "ü"]
    examples = [example(f"{i}{text}", label=text, text=text) for i, text in enumerate(odd)]
    record = recorded(tmp_path, examples, ["train"] * len(odd))
    assert record.table == split_record.record(rows.to_table(examples), ["train"] * len(odd))
    record.places(rows.to_table(examples), False)


def test_what_the_owner_moves_is_refused(tmp_path):
    owned = ["train", "train", "train", "val", "test", "test"]
    examples = [example(str(i), split) for i, split in enumerate(owned)]
    record = recorded(tmp_path, examples, owned)
    examples[4] = replace(examples[4], split="train")
    moved = r"1 row that the owner moved from its split \(test 1; the first: 4"
    with pytest.raises(UserError, match=moved):
        record.places(rows.to_table(examples), False)
    record.places(rows.to_table(examples), True)  # a random split does not ask the owner


def test_rows_carved_from_the_owners_training_have_not_moved(tmp_path):
    owned = ["train", "train", "", "test"]
    examples = [example(str(i), split) for i, split in enumerate(owned)]
    drawn = ["train", "val", "val", "test"]
    places, names = recorded(tmp_path, examples, drawn).places(rows.to_table(examples), False)
    assert (places.tolist(), names) == ([0, 1, 2, 3], drawn)


def test_texts_and_targets_count(tmp_path):
    examples = [example(str(i), text=f"text {i}", targets=(i / 3,)) for i in range(3)]
    record = recorded(tmp_path, examples, list(SPLITS))
    examples[1] = replace(examples[1], text="other")
    examples[2] = replace(examples[2], targets=(0.5,))
    with pytest.raises(UserError) as caught:
        record.places(rows.to_table(examples), False)
    assert "1 row with another text (val 1; the first: 1)" in str(caught.value)
    label = "with another label (test 1; the first: 2: 0.6666666666666666 then, 0.5 now)"
    assert label in str(caught.value)


def test_parts_of_a_mixture_have_their_own_ids(tmp_path):
    examples = [example(f"{name}/{i}") for name in ("one", "two") for i in range(2)]
    record = recorded(tmp_path, examples, ["train", "val", "train", "test"])
    assert record.part("two").table.column("id").to_pylist() == ["0", "1"]
    own = rows.to_table([example("1"), example("0")])
    places, names = record.part("two").places(own, False)
    assert (places.tolist(), names) == ([1, 0], ["train", "test"])
