"""Letters of a text, numbered by hand."""

import pytest

from spectrobert.data.letters import LETTERS, numbers
from spectrobert.models.objectives import unit_ctc


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("Don\u2019t STOP!", "don't stop"),
        ("  Stra\u00dfe, caf\u00e9 -- 42 ", "stra e cafe"),
        ("42", ""),
    ],
)
def test_letters_are_lower_case_without_accents(text, spelt):
    assert "".join(LETTERS[number - 1] for number in numbers(text)) == spelt


def test_the_objective_has_a_logit_for_each():
    assert len(LETTERS) == unit_ctc.LETTERS
