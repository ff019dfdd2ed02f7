"""A mismatched sound never belongs to the text after all."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from spectrobert.data import rows
from spectrobert.data.clips import with_lengths
from spectrobert.data.example import Example, Segment
from spectrobert.data.mismatches import Mismatches, require
from spectrobert.errors import UserError


def pairs(*given: tuple[str, str | Segment], labels: str = "") -> list[Example]:
    """(text, sound) rows."""
    return [
        Example(str(i), (s if isinstance(s, Segment) else Segment(s),), t, label=labels[i : i + 1])
        for i, (t, s) in enumerate(given)
    ]


def table(examples: list[Example]):
    found = with_lengths(rows.to_table(examples), np.ones(len(examples)))
    return found.select(["id", "text", "label", "sound"])


def partners(examples: list[Example], row: int) -> set[int]:
    found = Mismatches(table(examples))
    generator = np.random.default_rng(0)
    return {found.draw(row, generator) for _ in range(200)}


def test_another_caption_of_a_recording_that_has_this_one_too_is_no_mismatch():
    """The bark in B is "a dog" as well, so row 2 is true of row 0; only C is not."""
    examples = pairs(("a dog", "A"), ("a dog", "B"), ("in the yard", "B"), ("rain", "C"))
    assert partners(examples, 0) == partners(examples, 1) == partners(examples, 2) - {0} == {3}
    assert partners(examples, 2) == {0, 3}
    assert partners(examples, 3) == {0, 1, 2}


def test_overlapping_stretches_are_one_sound_and_others_are_not():
    stretch = [Segment("A", 0, 5), Segment("A", 4, 8), Segment("A", 8, 9), Segment("A", 20)]
    examples = pairs(*((f"text {i}", s) for i, s in enumerate([*stretch, Segment("B", 0, 5)])))
    assert partners(examples, 0) == {2, 3, 4}
    assert partners(examples, 2) == {0, 1, 3, 4}
    whole = pairs(("all", Segment("A")), ("part", Segment("A", 7, 8)), ("other", Segment("B")))
    assert partners(whole, 0) == {2}


def test_scenes_differ_where_one_part_or_onset_does():
    def scene(*parts: Segment) -> Example:
        return Example(str(parts), parts, f"text {parts}")

    dog, bell, rain = (Segment(name) for name in "abc")
    one = scene(dog, bell._replace(onset=2.0))
    examples = [one, scene(dog, bell._replace(onset=3.0)), scene(dog, rain), scene(dog)]
    sound = table(examples).column("sound").to_pylist()
    assert len(set(sound)) == 4
    again = table([*examples, Example("again", one.audio, "other")]).column("sound").to_pylist()
    assert again[4] == again[0]


def test_of_another_class_where_there_is_one():
    examples = pairs(("x", "A"), ("y", "B"), ("z", "C"), labels="aab")
    assert partners(examples, 0) == {2}
    alike = pairs(("x", "A"), ("y", "B"), labels="aa")
    assert partners(alike, 0) == {1}


def test_require_names_the_split_and_the_row_that_finds_none():
    with pytest.raises(UserError, match=r"two different texts in split 'val'.*2 examples"):
        require("val", table(pairs(("same", "A"), ("same", "B"))))
    stuck = pairs(("one", "A"), ("one", "B"), ("two", "B"), ("three", "A"))
    with pytest.raises(UserError, match=r"split 'test' every other example .* of 0"):
        require("test", table(stuck))
    require("train", table([*stuck, *pairs(("four", "D"))]))


def test_more_pairs_than_32_bits_number():
    count = 50_000
    numbers = [str(i) for i in range(count)]
    columns = {"id": numbers, "text": numbers, "label": [""] * count, "sound": range(count)}
    rows_of_one = pa.table(columns)
    found = Mismatches(rows_of_one)
    assert found.pairs.max() == count * count - 1
    assert found.is_match(count - 1, count - 1)
    assert not found.is_match(count - 1, count - 2)
    require("train", rows_of_one)
