"""Sentences in triples that differ in one word alone: positive, neutral, negative; our choice."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ...errors import UserError, unknown

POLARITIES = ("positive", "neutral", "negative")
COLUMNS = ("audio", "polarity")  # of a user's own table; the others are optional

# Frame -> its positive, neutral and negative word
FRAMES: dict[str, tuple[str, str, str]] = {
    "the weather was {} today": ("wonderful", "usual", "terrible"),
    "they told me {} news": ("happy", "local", "awful"),
    "we had a {} dinner": ("lovely", "late", "horrible"),
    "it was a {} journey": ("delightful", "short", "dreadful"),
    "her answer was {}": ("kind", "brief", "cruel"),
    "this is a {} letter": ("cheerful", "formal", "sad"),
    "the meeting was {}": ("excellent", "regular", "disastrous"),
    "he gave a {} speech": ("brilliant", "second", "hateful"),
    "my holiday was {}": ("perfect", "ordinary", "miserable"),
    "what a {} afternoon": ("beautiful", "quiet", "painful"),
    "the room looked {}": ("charming", "square", "disgusting"),
    "the result is {}": ("fantastic", "numeric", "tragic"),
}


class Spoken(NamedTuple):
    """A recording of a sentence."""

    audio: str
    text: str  # "" if it is not known
    polarity: str
    frame: str  # recordings of one frame and voice are compared
    voice: str


def sentences() -> Iterator[tuple[str, str, str]]:
    """Frame, polarity and text of each."""
    for frame, words in FRAMES.items():
        for polarity, word in zip(POLARITIES, words, strict=True):
            yield frame, polarity, frame.format(word)


def read(path: str) -> list[Spoken]:
    """Recordings of the user's own: a CSV with `audio`, `polarity`, and `frame`, `voice`, `text`.

    Without a frame every row of a voice is compared with all others of it. Raises UserError for a
    missing file or column, and for another polarity.
    """
    table = Path(path)
    if not table.is_file():
        raise UserError(f"--sentences {path}: no such file")
    with table.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    for name in COLUMNS:
        if not rows or name not in rows[0]:
            raise UserError(f"--sentences {path}: no column {name}, or no rows")
    found = []
    for row in rows:
        if row["polarity"] not in POLARITIES:
            raise unknown("polarity", row["polarity"], POLARITIES)
        words = (row.get(name) or "" for name in ("frame", "voice"))
        text = row.get("text") or ""
        found.append(Spoken(str(table.parent / row["audio"]), text, row["polarity"], *words))
    return found
