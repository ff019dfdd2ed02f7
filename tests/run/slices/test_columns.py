import numpy as np
import pytest

from spectrobert.errors import UserError
from spectrobert.run.slices import columns


def parted(name, cells):
    numbers, values = columns.column({name: cells}, name)
    return [values[number] for number in numbers], values


def test_seconds_are_cut_at_powers_of_two():
    words, values = parted("seconds", ["0.5", "1", "3.9", "4", "40"])
    assert words == ["below 1 s", "1 to 2 s", "2 to 4 s", "4 to 8 s", "32 s or more"]
    assert values == words  # empty bins are left out


def test_age_is_cut_by_tens_and_a_missing_one_is_not_stated():
    words, values = parted("age", ["9", "20", "29", "30", ""])
    assert words == ["0 to 9", "20 to 29", "20 to 29", "30 to 39", "not stated"]
    assert values[-1] == "not stated"


def test_many_numbers_are_cut_at_quartiles_and_few_are_values():
    words, values = parted("level", [str(n) for n in range(16)])
    assert values == ["below 3.75", "3.75 to 7.5", "7.5 to 11.25", "11.25 or more"]
    assert [words.count(value) for value in values] == [4, 4, 4, 4]
    assert parted("level", ["10", "9", "10"])[1] == ["9", "10"]


def test_words_are_values():
    assert parted("sex", ["male", "female", "male"]) == (
        ["male", "female", "male"],
        ["female", "male"],
    )


def test_an_unknown_column_names_what_there_is():
    with pytest.raises(UserError, match=r"unknown slice 'sx' .*'sex'.*; known: seconds, sex$"):
        columns.column({"sex": ["m"], "seconds": ["1"]}, "sx")
    cells = [f"x{n}" for n in range(201)]
    with pytest.raises(UserError, match="--slices who: 201 values, where at most 200"):
        columns.column({"who": cells}, "who")
    assert np.array_equal(columns.column({"a": ["x"]}, "a")[0], [0])
