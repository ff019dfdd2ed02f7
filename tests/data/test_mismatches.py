"""A mismatched sound never belongs to the text after all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from spectrobert import corpora
from spectrobert.audio.segment import Segment
from spectrobert.corpora import demo, esc10
from spectrobert.corpora.demo.texts import COUNTS, NAMES
from spectrobert.corpora.example import Example
from spectrobert.data import rows
from spectrobert.data.clips import with_lengths
from spectrobert.data.mismatches import COLUMNS, Mismatches, holds, require
from spectrobert.errors import UserError

from ..helpers.corpus_files import esc10_folder


def pairs(*given: tuple[str, str | Segment], labels: str = "") -> list[Example]:
    """(text, sound) rows."""
    return [
        Example(str(i), (s if isinstance(s, Segment) else Segment(s),), t, label=labels[i : i + 1])
        for i, (t, s) in enumerate(given)
    ]


def table(examples: list[Example]):
    found = with_lengths(rows.to_table(examples), np.ones(len(examples)))
    return found.select(["id", *COLUMNS])


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


def test_a_scene_that_shares_a_part_is_no_mismatch():
    def scene(*parts: Segment) -> Example:
        return Example(str(parts), parts, f"text {parts}")

    dog, bell, rain, wind = (Segment(name) for name in "abcd")
    examples = [scene(dog, bell._replace(onset=2.0)), scene(bell, dog), scene(dog), scene(rain)]
    assert partners([*examples, scene(rain, wind)], 0) == {3, 4}
    assert partners([*examples, scene(rain, wind)], 3) == {0, 1, 2}


def test_case_and_spaces_do_not_make_another_text():
    examples = pairs(("a dog", "A"), (" A  Dog", "B"), ("rain", "C"))
    assert partners(examples, 0) == partners(examples, 1) == {2}


def test_claims_hold_of_a_content_that_has_them_in_their_order():
    assert holds(("bell",), ("siren", "bell", "two"))
    assert holds(("bell", "siren"), ("bell", "drum", "siren"))
    assert not holds(("siren", "bell"), ("bell", "siren"))
    assert not holds(("bell", "one"), ("siren", "bell", "two"))
    assert not holds((), ("bell",))
    assert not holds(("bell",), ())


def test_a_text_is_no_mismatch_to_a_sound_that_has_what_it_claims():
    heard = {"A": ("bell",), "B": ("siren", "bell"), "C": ("drum",), "D": ()}
    examples = [
        Example(name, (Segment(name),), f"text {name}", content=content, claims=content)
        for name, content in heard.items()
    ]
    assert partners(examples, 0) == {2, 3}
    assert partners(examples, 1) == {0, 2, 3}
    assert partners(examples, 3) == {0, 1, 2}


def demo_scenes_and_speech(tmp_path: Path) -> list[Example]:
    """Captions of the demo corpus; nothing is recorded."""
    clips = demo._clips("pre", 0, "train", 2400, 0.25)
    return [Example(c.id, (Segment(c.id),), **row) for c in clips for row in c.rows]


def esc10_clips_and_scenes(tmp_path: Path) -> list[Example]:
    return corpora.load("esc10", esc10_folder(tmp_path, "manifest"), "pre")[0]


@pytest.mark.parametrize("load", [demo_scenes_and_speech, esc10_clips_and_scenes])
def test_no_negative_of_a_made_corpus_is_true(load, tmp_path):
    """Pairs are judged from the words of the caption, not from the parser's claims."""
    examples = load(tmp_path)
    is_true = demo_caption_is_true if load is demo_scenes_and_speech else esc10_caption_is_true
    assert all(is_true(example.text, example) for example in examples)
    require("train", table(examples))
    found = Mismatches(table(examples))
    for epoch in range(2 if len(examples) > 1000 else 20):
        for row, example in enumerate(examples):
            other = examples[found.draw(row, np.random.default_rng([epoch, row]))]
            assert not is_true(example.text, other), (example.text, other)
            assert not {s.audio for s in example.audio} & {s.audio for s in other.audio}


def demo_caption_is_true(text: str, sound: Example) -> bool:
    if ("voice" in text or "says" in text) != bool(sound.speaker):
        return False
    words = text.replace(",", "").split()
    if sound.speaker:
        person, manner, said = sound.content
        named = {word for word in words if word in {"man", "woman", *demo.EMOTIONS}}
        _, colon, quoted = text.partition(": ")
        return named <= {person, manner} and (not colon or quoted == said)
    events = [word for word in words if word in NAMES]
    places = [sound.content.index(event) for event in events if event in sound.content]
    number = [word for word in words if word in COUNTS]
    return (
        len(places) == len(events)
        and places == sorted(places)
        and number in ([], [sound.content[-1]])
    )


def esc10_caption_is_true(text: str, sound: Example) -> bool:
    named = [name for name, (_, phrase) in esc10.SOUNDS.items() if phrase in text]
    if len(named) == 1:
        return named[0] in sound.content
    first, last = sorted(named, key=lambda name: text.index(esc10.SOUNDS[name][1]))
    return sound.content == ((last, first) if " after " in text else (first, last))


def test_of_another_class_where_there_is_one():
    examples = pairs(("x", "A"), ("y", "B"), ("z", "C"), labels="aab")
    assert partners(examples, 0) == {2}
    alike = pairs(("x", "A"), ("y", "B"), labels="aa")
    assert partners(alike, 0) == {1}


def test_like_negatives_are_of_the_source_and_of_like_length():
    seconds = np.random.default_rng(0).permutation(400) / 40.0 + 1
    sources = "ab" * 200
    examples = [
        Example(str(i), (Segment(str(i)),), "x" * round(10 * s) + str(i), source=sources[i])
        for i, s in enumerate(seconds)
    ]
    full = with_lengths(rows.to_table(examples), seconds)
    for negatives in ("like", "auto"):
        found = Mismatches(full, negatives)
        for row in range(0, 400, 7):
            drawn = [found.draw(row, np.random.default_rng(seed)) for seed in range(20)]
            assert {sources[other] for other in drawn} == {sources[row]}
            assert max(abs(seconds[other] - seconds[row]) for other in drawn) < 1.0
            assert len(set(drawn)) > 4
    spread = [Mismatches(full, "any").draw(0, np.random.default_rng(seed)) for seed in range(50)]
    assert {sources[other] for other in spread} == {"a", "b"}
    alone = rows.to_table([replace(example, source="a") for example in examples])
    assert not Mismatches(with_lengths(alone, seconds), "auto").is_like


def test_like_negatives_widen_if_all_that_are_alike_match():
    """One text per length: the nearest lengths have the same text."""
    texts = ["short"] * 40 + ["a longer text"] * 40
    examples = [Example(str(i), (Segment(str(i)),), t, source="a") for i, t in enumerate(texts)]
    examples.append(Example("b", (Segment("b"),), "of another source", source="b"))
    found = Mismatches(with_lengths(rows.to_table(examples), np.arange(81.0)), "like")
    drawn = {found.draw(0, np.random.default_rng(seed)) for seed in range(40)}
    assert drawn <= set(range(40, 80))
    assert len(drawn) > 10
    assert found.draw(80, np.random.default_rng(0)) < 80  # its source has no other row


def test_require_names_the_split_and_the_row_that_finds_none():
    with pytest.raises(UserError, match=r"two different texts in split 'val'.*2 examples"):
        require("val", table(pairs(("same", "A"), ("same", "B"))))
    stuck = pairs(("one", "A"), ("one", "B"), ("two", "B"), ("three", "A"))
    with pytest.raises(UserError, match=r"split 'test' the text of 0 is true of every other"):
        require("test", table(stuck))
    require("train", table([*stuck, *pairs(("four", "D"))]))


def test_more_pairs_than_32_bits_number():
    count = 50_000
    numbers = [str(i) for i in range(count)]
    nothing = pa.array([[]] * count, pa.list_(pa.string()))
    columns = {"id": numbers, "text": numbers, "label": [""] * count, "content": nothing}
    columns |= {"claims": nothing, "sound": [[i] for i in range(count)]}
    rows_of_one = pa.table(columns)
    found = Mismatches(rows_of_one)
    assert found.pairs.max() == count * count - 1
    assert found.is_match(count - 1, count - 1)
    assert not found.is_match(count - 1, count - 2)
    require("train", rows_of_one)
