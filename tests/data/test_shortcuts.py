"""Shortcuts of sentence-audio pairs: their score without listening."""

from dataclasses import replace

import numpy as np
import pytest

from spectrobert.audio.segment import Segment
from spectrobert.config import DatasetConfig, PretrainingConfig
from spectrobert.corpora.example import Example
from spectrobert.data import vocabulary
from spectrobert.data.clips import ClipDataset, ReadOptions, RowKey, to_arrow
from spectrobert.data.shortcuts import summarise

SECONDS = np.random.default_rng(0).uniform(1, 10, 600)


def clips(examples: list[Example], negatives: str, is_training: bool) -> ClipDataset:
    words = vocabulary.train(["a b c"], 10)
    task = PretrainingConfig(negatives=negatives)
    read_options = ReadOptions(words, DatasetConfig(), {}, seed=0, pretraining=task)
    return ClipDataset(to_arrow(examples, SECONDS[: len(examples)]), read_options, is_training)


def summary(examples: list[Example], negatives: str = "any"):
    train, test = (clips(examples, negatives, is_training) for is_training in (True, False))
    return summarise(train, test, np.arange(len(examples)))


def mixed(sources: str) -> list[Example]:
    """The longer the clip the longer its text; no text twice."""
    return [
        Example(
            str(i), (Segment(str(i)),), f"{i} " * round(10 * s), source=sources[i % len(sources)]
        )
        for i, s in enumerate(SECONDS)
    ]


def test_like_negatives_take_the_shortcut_away():
    """Two sources alone are worth 75 %: half of the mismatched pairs betray themselves."""
    lengthless = [replace(e, text=e.text.split()[0].zfill(8)) for e in mixed("ab")]
    assert summary(lengthless).shortcut_accuracy == pytest.approx(0.75, abs=0.04)
    betrayed = summary(mixed("ab"))
    assert betrayed.drawn == "any"
    assert betrayed.shortcut_accuracy > 0.78
    like = summary(mixed("ab"), "auto")
    assert like.drawn == "like"
    assert like.shortcut_accuracy < 0.6
    assert like.ceiling == 1


def test_the_ceiling_counts_texts_that_seem_true():
    examples = [
        Example(str(i), (Segment(str(i)),), "A dog." if i % 3 else "a dog and rain")
        for i in range(600)
    ]
    test = clips(examples, "any", False)
    heard = np.array([test.heard(RowKey(0, row)) for row in range(600)])
    is_partial = np.array([row % 3 > 0 and other != row for row, other in enumerate(heard)])
    found = summary(examples)
    assert found.mismatched == (heard != np.arange(600)).sum()
    assert found.seems_true == is_partial.sum()
    assert found.ceiling == 1 - is_partial.sum() / 600
    stated = [replace(e, content=(w := tuple(e.text.split())), claims=w) for e in mixed("aa")[:100]]
    assert summary([replace(e, text="same " + e.id) for e in stated]).seems_true == 0


def test_heard_is_what_the_pair_was_made_of():
    test = clips(mixed("ab"), "auto", False)
    matched = [test.heard(RowKey(0, row)) == row for row in range(600)]
    assert 0.4 < np.mean(matched) < 0.6
