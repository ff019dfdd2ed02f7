"""Times of words, and of the word pieces of a text, as a model that aligns them reads them.

Shapes: L word pieces, K words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..corpora import word_times
from ..corpora.example import Word
from ..errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NO_TIME = -1.0  # start and end of what is said at no time: [CLS], punctuation, padding
PROPORTIONAL = "proportional"  # of dataset.word_times
FIELDS = ("piece_times", "word_times")


def require_offsets(tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise UserError for a tokenizer that does not know which letters a piece is of."""
    if not tokenizer.is_fast:
        raise UserError(
            f"{type(tokenizer).__name__} does not state the letters of a word piece, by which the"
            " model finds its time: a text encoder with a fast tokenizer is needed"
        )


def offsets(tokenizer: PreTrainedTokenizerBase, text: str, limit: int) -> np.ndarray:
    """First letter of each word piece in the text, and the one behind its last: (L, 2).

    A special token has none: both are 0.
    """
    options = {"truncation": True, "max_length": limit, "return_offsets_mapping": True}
    cut: Any = tokenizer(text, **options)
    return np.asarray(cut["offset_mapping"], dtype=np.int64).reshape(-1, 2)


def of_row(row: Mapping[str, Any], source: str, seconds: float) -> tuple[Word, ...]:
    """The words of a row, in seconds into its clip.

    Args:
        source: `dataset.word_times`.
        seconds: of the whole clip.

    Raises UserError if nobody states them.
    """
    words = tuple(Word(**word) for word in row["words"])
    if words or not word_times.has_letters(row["text"]):
        return words
    if source != PROPORTIONAL:
        raise UserError(f"clip {row['id']}: its text has words, and no times of them")
    return word_times.proportional(row["text"], seconds)


def times(
    text: str, words: Sequence[Word], letters: np.ndarray, first: float
) -> dict[str, np.ndarray]:
    """`piece_times` (L, 2), and `word_times` (K, 2) of the words that do not end before `first`.

    Args:
        letters: (L, 2) of `offsets`.
        first: second of the clip that the model hears first; times begin there.

    Raises UserError if the words are not those of the text.
    """
    owner = np.array(word_times.owners(text, words), dtype=np.int64)
    of_words = np.array([word[1:] for word in words], dtype=np.float64).reshape(-1, 2)
    pieces = np.full((len(letters), 2), NO_TIME)
    for place, (begin, end) in enumerate(letters):
        own = owner[begin:end]
        if len(own := own[own != word_times.NONE]):
            pieces[place] = of_words[own, 0].min(), of_words[own, 1].max()
    return shifted({"piece_times": pieces, "word_times": of_words}, first)


def moved(spans: np.ndarray, first: float, rate: float = 1.0) -> np.ndarray:
    """Spans (n, 2) in seconds behind `first`, of a recording that is `rate` times as fast: float32.

    What ends before has no time.
    """
    is_heard = (spans[:, 1:] > first) | (spans[:, :1] >= first)
    is_heard &= spans[:, :1] != NO_TIME
    later = (spans - first).clip(min=0.0) / rate
    return np.where(is_heard, later, NO_TIME).astype(np.float32)


def shifted(item: Mapping[str, Any], first: float, rate: float = 1.0) -> dict[str, np.ndarray]:
    """The times of an item whose clip begins at `first` by now, and is `rate` times as fast; none
    if it has none.
    """
    found = {name: moved(item[name], first, rate) for name in FIELDS if name in item}
    if "word_times" in found:
        words = found["word_times"]
        found["word_times"] = words[words[:, 0] != NO_TIME]
    return found


def without_time(length: int) -> np.ndarray:
    """Times (L, 2) of pieces that are said at no time."""
    return np.full((length, 2), NO_TIME, dtype=np.float32)
