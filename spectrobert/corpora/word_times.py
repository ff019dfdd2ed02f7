"""Words and their times: as a cell of a table spells them, and which part of a text each word is.

Text and words are compared letter by letter: case, accents, punctuation and spaces do not count, so
that "Well-known!" is the words "well" and "known".
"""

import json
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from unicodedata import category, normalize

from ..errors import UserError
from .example import Word
from .label_files import number

NONE = -1  # in `owners`: a character of no word
SPELLINGS = '[["good", 0.31, 0.55], ["film", 0.58, 0.97]], or good 0.31 0.55 film 0.58 0.97'


def parse(cell: Any) -> tuple[Word, ...]:
    """The words of a cell: JSON (a list of [word, start, end], or of records with these keys), such
    a list itself (JSONL, Parquet), or word, start and end, divided by spaces.

    Raises UserError for anything else, for times that are no seconds, and for words out of order.
    """
    words = tuple(_word(*entry) for entry in _entries(cell))
    for before, word in pairwise(words):
        if word.start < before.start:
            raise UserError(
                f"{word.text!r} at {word.start:g} s stands behind {before.text!r} at"
                f" {before.start:g} s; words must be in order"
            )
    return words


def _entries(cell: Any) -> list[tuple[Any, Any, Any]]:
    """Word, start and end of each entry."""
    if isinstance(cell, str):
        cell = _read(cell.strip())
    rows = cell if isinstance(cell, list) else [cell]
    entries = [_of_record(row) if isinstance(row, dict) else row for row in rows]
    for row in entries:
        if not (isinstance(row, list) and len(row) == 3):
            shown = " ".join(map(str, row)) if isinstance(row, list) else str(row)
            raise UserError(f"{shown[:40]!r} is no word with its times; write {SPELLINGS}")
    return [(text, start, end) for text, start, end in entries]


def _of_record(row: dict[str, Any]) -> list[Any]:
    return [row.get("word", row.get("text")), row.get("start"), row.get("end")]


def _read(cell: str) -> Any:
    if not cell.startswith(("[", "{")):
        parts = cell.split()
        return [parts[place : place + 3] for place in range(0, len(parts), 3)]
    try:
        return json.loads(cell)
    except ValueError as error:
        raise UserError(f"not JSON: {error}; write {SPELLINGS}") from None


def _word(text: Any, start: Any, end: Any) -> Word:
    """Raises UserError for what is no word, or no stretch of time."""
    if not isinstance(text, str):
        raise UserError(f"{text!r} is no word; write {SPELLINGS}")
    first, last = _seconds(start), _seconds(end)
    if first is None or last is None or not 0 <= first <= last:
        raise UserError(
            f"{text!r} from {start} to {end}: times must be seconds, 0 or more, the end not before"
            " the start"
        )
    return Word(text, first, last)


def _seconds(cell: Any) -> float | None:
    return number(cell) if isinstance(cell, str | int | float) else None


def owners(text: str, words: Sequence[Word]) -> list[int]:
    """The number of the word that each character of a text is of, NONE at spaces and punctuation.

    Raises UserError if text and words have not the same letters and digits.
    """
    letters = _letters(text)
    said = [(c, n) for n, word in enumerate(words) for c, _ in _letters(word.text)]
    if [c for c, _ in letters] != [c for c, _ in said]:
        raise UserError(_difference(text, letters, words, said))
    own = [NONE] * len(text)
    for (_, place), (_, owner) in zip(letters, said, strict=True):
        own[place] = owner
    for place, character in enumerate(text[1:], 1):
        if category(character).startswith("M"):  # an accent or a vowel sign
            own[place] = own[place - 1]
    return own


def _letters(text: str) -> list[tuple[str, int]]:
    """Letters and digits as they are compared, each with its place in the text."""
    return [
        (part, place)
        for place, character in enumerate(text)
        for part in normalize("NFKD", normalize("NFKD", character).casefold())
        if part.isalnum()
    ]


def _difference(
    text: str, letters: list[tuple[str, int]], words: Sequence[Word], said: list[tuple[str, int]]
) -> str:
    """The first place in which text and words differ."""
    pairs = enumerate(zip(letters, said))
    first = next((i for i, (a, b) in pairs if a[0] != b[0]), min(len(letters), len(said)))
    if first == len(said):
        rest = text[letters[first][1] :]
        return f"words end before {rest.split(maxsplit=1)[0]!r} of the text"
    number = said[first][1]
    word = f"word {number + 1}, {words[number].text!r},"
    if first == len(letters):
        return f"{word} is not in the text, which ends before it"
    here = letters[first][1]
    there = text[text.rfind(" ", 0, here) + 1 :].split(maxsplit=1)[0]
    return f"{word} is not what the text has there: {there!r}"


def inside(words: Sequence[Word], start: float, end: float | None) -> tuple[Word, ...]:
    """Words of a recording as words of its stretch, in seconds from the beginning of that.

    Raises UserError for a word that lies outside.
    """
    for word in words:
        if word.end < start or (end is not None and word.start > end):
            shown = "its end" if end is None else f"{end:g} s"
            raise UserError(
                f"{word.text!r} from {word.start:g} to {word.end:g} s lies outside the row's"
                f" stretch, {start:g} s to {shown}; times are seconds into the recording"
            )
    last = math.inf if end is None else end
    return tuple(
        Word(word.text, max(word.start, start) - start, min(word.end, last) - start)
        for word in words
    )


def proportional(text: str, seconds: float) -> tuple[Word, ...]:
    """Times in place of those that nobody states: each word has a share of the clip by its letters.

    This project's reading of a stand-in, `dataset.word_times=proportional`: pauses, and words said
    slowly, are not known to it.
    """
    chunks = [(chunk, len(_letters(chunk))) for chunk in text.split()]
    total = sum(count for _, count in chunks)
    words, done = [], 0
    for chunk, count in chunks:
        if count:
            times = (seconds * part / total for part in (done, done + count))
            words.append(Word(chunk, *times))
            done += count
    return tuple(words)


def has_letters(text: str) -> bool:
    """True if a text has something to be said."""
    return bool(_letters(text))
