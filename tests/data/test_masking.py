"""Hidden words: their choice, their number, and the targets of the loss."""

import numpy as np
import pytest

from spectrobert.data.masking import mask_words
from spectrobert.models.batch import IGNORED

SPECIAL = frozenset({0, 1, 2, 3, 4})
MASK = 4
VOCABULARY = 105
WORDS = VOCABULARY - len(SPECIAL)
LENGTH = 200_000


@pytest.fixture(scope="module")
def masked():
    """A long text in which every tenth piece is special: what went in, what is read, the labels."""
    generator = np.random.default_rng(0)
    ids = generator.integers(len(SPECIAL), VOCABULARY, LENGTH)
    ids[::10] = generator.choice(sorted(SPECIAL), LENGTH // 10)
    before = ids.copy()
    read, labels = mask_words(ids, SPECIAL, MASK, VOCABULARY, 0.15, generator)
    assert np.array_equal(ids, before), "the text itself was written to"
    return ids, read, labels


def within_four_sigma(count: int, draws: int, probability: float) -> bool:
    return abs(count - draws * probability) < 4 * np.sqrt(draws * probability * (1 - probability))


def test_fifteen_in_a_hundred_are_chosen(masked):
    ids, _, labels = masked
    words = ~np.isin(ids, list(SPECIAL))
    assert within_four_sigma((labels != IGNORED).sum(), words.sum(), 0.15)


def test_of_the_chosen_eight_in_ten_are_masked_and_one_is_random_and_one_stays(masked):
    ids, read, labels = masked
    chosen = labels != IGNORED
    by_chance = 0.1 / WORDS  # a random piece may be the one that was there
    shares = {
        "masked": (read == MASK, 0.8),
        "random": ((read != ids) & (read != MASK), 0.1 - by_chance),
        "kept": (read == ids, 0.1 + by_chance),
    }
    for name, (is_so, probability) in shares.items():
        assert within_four_sigma((is_so & chosen).sum(), chosen.sum(), probability), name


def test_special_tokens_are_neither_chosen_nor_drawn(masked):
    ids, read, labels = masked
    special = np.isin(ids, list(SPECIAL))
    assert (labels[special] == IGNORED).all()
    assert np.array_equal(read[special], ids[special])
    replaced = (read != ids) & (read != MASK)
    assert set(read[replaced]) == set(range(VOCABULARY)) - SPECIAL


def test_random_words_are_drawn_evenly(masked):
    ids, read, _ = masked
    replaced = read[(read != ids) & (read != MASK)]
    counts = np.bincount(replaced, minlength=VOCABULARY)[len(SPECIAL) :]
    expected = len(replaced) / WORDS
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_square - WORDS) < 4 * np.sqrt(2 * WORDS)


def test_labels_are_the_original_where_chosen_and_all_else_is_read_as_it_was(masked):
    ids, read, labels = masked
    chosen = labels != IGNORED
    assert np.array_equal(labels[chosen], ids[chosen])
    assert np.array_equal(read[~chosen], ids[~chosen])


def test_every_position_is_equally_likely():
    generator = np.random.default_rng(1)
    ids = np.array([2, 10, 11, 12, 13, 3])
    draws = 20_000
    chosen = np.zeros(len(ids), dtype=int)
    for _ in range(draws):
        chosen += mask_words(ids, SPECIAL, MASK, VOCABULARY, 0.15, generator)[1] != IGNORED
    assert chosen[0] == chosen[-1] == 0
    assert all(within_four_sigma(count, draws, 0.15) for count in chosen[1:-1])


@pytest.mark.parametrize(("probability", "count"), [(0.0, 0), (1.0, 3)])
def test_none_and_all(probability, count):
    ids = np.array([2, 10, 11, 12, 3])
    generator = np.random.default_rng(0)
    _, labels = mask_words(ids, SPECIAL, MASK, VOCABULARY, probability, generator)
    assert (labels != IGNORED).sum() == count


def test_a_text_of_special_tokens_alone_is_left_alone():
    ids = np.array([2, 3])
    read, labels = mask_words(ids, SPECIAL, MASK, VOCABULARY, 1.0, np.random.default_rng(0))
    assert read.tolist() == [2, 3]
    assert labels.tolist() == [IGNORED, IGNORED]


def test_the_same_generator_state_gives_the_same_masks():
    ids = np.arange(5, 105)
    one, other = (
        mask_words(ids, SPECIAL, MASK, VOCABULARY, 0.5, np.random.default_rng(7)) for _ in range(2)
    )
    assert np.array_equal(one[0], other[0])
    assert np.array_equal(one[1], other[1])
