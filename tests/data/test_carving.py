"""Carved splits change little when the corpus does, and come near their shares, class by class."""

import random as shuffling

import numpy as np
import pytest

from spectrobert.audio.segment import Segment
from spectrobert.corpora.example import Example
from spectrobert.data.drawing import assign


def clip(id: str, label: str, speaker: str = "") -> Example:
    return Example(id, (Segment(f"{id}.wav"),), label=label, speaker=speaker)


def by_speaker(generator: shuffling.Random) -> list[Example]:
    """20 - 60 speakers of 5 - 40 clips, seven classes."""
    return [
        clip(f"{s}-{c}", generator.choice("abcdefg"), f"s{s}")
        for s in range(generator.randint(20, 60))
        for c in range(generator.randint(5, 40))
    ]


def by_clip(generator: shuffling.Random) -> list[Example]:
    """Some hundred clips without speakers, of classes of very unequal size."""
    sizes = [2 ** generator.randint(1, 7) for _ in range(8)]
    return [clip(f"{k}-{i}", f"k{k}", "") for k, size in enumerate(sizes) for i in range(size)]


def share_that_moves(before: list[Example], after: list[Example], seed: int, random: bool) -> float:
    """Share of the examples in both that are in another split."""
    one, two = (
        dict(zip((e.id for e in some), assign(some, seed=seed, random=random)[0], strict=True))
        for some in (before, after)
    )
    both = one.keys() & two.keys()
    return float(np.mean([one[id] != two[id] for id in both]))


@pytest.mark.parametrize("make", [by_speaker, by_clip])
@pytest.mark.parametrize("is_random", [False, True])
def test_a_row_more_or_less_moves_few_others(make, is_random: bool) -> None:
    moves = []
    for seed in range(20):
        generator = shuffling.Random(seed)
        before = make(generator)
        fewer = before.copy()
        fewer.pop(generator.randrange(len(fewer)))
        twin = generator.choice(before)
        more = [*before, clip("new", twin.label, twin.speaker)]
        generator.shuffle(more)
        moves += [share_that_moves(before, after, seed, is_random) for after in (fewer, more)]
    # drawn once more, 32 % of the examples would be in another split
    assert np.mean(moves) < 0.01
    assert np.median(moves) < 0.005
    assert max(moves) < 0.15


def test_a_speaker_who_leaves_moves_few_others() -> None:
    moves = []
    for seed in range(20):
        before = by_speaker(shuffling.Random(seed))
        moves.append(
            share_that_moves(before, [e for e in before if e.speaker != "s3"], seed, False)
        )
    assert np.mean(moves) < 0.05


@pytest.mark.parametrize("make", [by_speaker, by_clip])
def test_each_class_has_its_share(make) -> None:
    """Every class of four clips or more is tested, and no split is far from its tenth."""
    for seed in range(10):
        examples = make(shuffling.Random(seed))
        labels = assign(examples, seed=seed)[1].labels
        total, test = sum(labels["train"].values()), sum(labels["test"].values())
        assert 0.09 < test / total < 0.18
        for label, count in labels["train"].items():
            assert labels["test"].get(label, 0) > 0 or count < 4, label


def test_clips_without_speakers_are_drawn_class_by_class() -> None:
    sizes = {"a": 200, "b": 100, "c": 50}
    examples = [clip(f"{k}{i}", k) for k, n in sizes.items() for i in range(n)]
    assert assign(examples)[1].labels["test"] == {"a": 20, "b": 10, "c": 5}


def test_the_last_unit_of_a_class_stays_for_training() -> None:
    examples = [clip(f"{s}-{c}", "common", f"s{s}") for s in range(10) for c in range(10)]
    examples.append(clip("only", "rare", "s3"))
    for seed in range(20):
        assert assign(examples, seed=seed)[1].labels["train"]["rare"] == 1
