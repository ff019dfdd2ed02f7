"""BLEU, ROUGE-L and CIDEr-D: one pair by hand, the library's own figures, and resamples."""

import math

import numpy as np
import pytest

pytest.importorskip("aac_metrics")

from spectrobert.metrics import captions

WRITTEN = ["a dog barks", "rain and then a bell", "a siren"]
GIVEN = [
    ("a dog barks loudly", "the dog barks"),
    ("rain and then a drum", "rain before a bell"),
    ("a bird sings",),
]


def values(written, given, clips=None):
    clips = np.arange(len(written)) if clips is None else clips
    found = captions.captions(written, given, clips)
    once = np.ones(len(written))
    return {name: statistic.of(once) for name, statistic in found.items()}, found


def test_one_pair_by_hand():
    found, statistics = values(["a dog barks"], [("a dog barks loudly",)])
    penalty = math.exp(1 - 4 / 3)  # three words of four
    assert found["bleu_1"] == pytest.approx(penalty, abs=1e-6)
    assert found["bleu_3"] == pytest.approx(penalty, abs=1e-6)
    # coco-caption's share of four words in a row, of which a text of three has none
    assert found["bleu_4"] == pytest.approx(penalty * (1e-15 / 1e-9) ** (1 / 4), rel=1e-6)
    precision, recall, beta = 1.0, 3 / 4, 1.2**2
    expected = (1 + beta) * precision * recall / (recall + beta * precision)
    assert found["rouge_l"] == pytest.approx(expected)
    assert found["exact_match"] == 0
    assert "cider_d" not in found  # no rarity of n-grams in one clip
    assert statistics["rouge_l"].unit == "clips"


def test_the_figures_are_those_of_the_library():
    from aac_metrics.functional.bleu import bleu
    from aac_metrics.functional.cider_d import cider_d
    from aac_metrics.functional.rouge_l import rouge_l

    found, _ = values(WRITTEN, GIVEN)
    theirs = (WRITTEN, [list(given) for given in GIVEN])
    for n in range(1, 5):
        assert found[f"bleu_{n}"] == pytest.approx(float(bleu(*theirs, False, n)), rel=1e-9)
    assert found["rouge_l"] == pytest.approx(float(rouge_l(*theirs, False)))
    assert found["cider_d"] == pytest.approx(float(cider_d(*theirs, False)))


def test_a_clip_of_several_rows_counts_once():
    rows = [0, 0, 1, 2, 2, 2]
    repeated, statistics = values(
        [WRITTEN[i] for i in rows], [GIVEN[i] for i in rows], np.array(rows)
    )
    assert repeated == pytest.approx(values(WRITTEN, GIVEN)[0])
    assert statistics["cider_d"].n == 3
    # a resample that holds the first clip twice, and the last one not at all
    drawn = statistics["bleu_2"].of(np.array([2.0, 2, 1, 0, 0, 0]))
    twice = values([WRITTEN[i] for i in (0, 0, 1)], [GIVEN[i] for i in (0, 0, 1)])[0]
    assert drawn == pytest.approx(twice["bleu_2"], rel=1e-6)


def test_texts_are_compared_without_case_and_punctuation():
    assert captions.words("  A dog, barking -- it's LOUD. ") == "a dog barking it's loud"
    assert captions.words("Ein Hund bellt: über 2 m") == "ein hund bellt über 2 m"
