"""Ids of the rows of a user's table that survive edits: never the number of a row.

    angry/03.wav                     path of the recording, relative to the table's folder
    talk.flac[1.5-3.25]              a stretch of it, in seconds
    rain.wav|5d1f2c0a                and a hash of the question, or of the caption in pre-training
    rain.wav|5d1f2c0a#91b3e2         of several rows with all that: and a hash of their other cells
    rain.wav|5d1f2c0a#91b3e2.2       the second of several equal rows
    03.wav@6f0c1d9a7b32              audio embedded in Parquet: file name and hash of the bytes

Adding, removing or moving other rows changes no id, except that of a row which gets or loses its
last double.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from .example import Example


def key(folder: str, audio: str | bytes, name: str, start: str, end: str, text: str) -> str:
    """Recording, stretch and text: in most tables, of one row.

    Args:
        folder: absolute; paths are relative to it, however they are spelt.
        audio: the path of the recording, or the bytes of a file.
        name: of the file whose bytes they are, if the table gives it.
        start, end: the cells, "" if there are none.
        text: the text that the task requires, "" if it requires none.
    """
    if isinstance(audio, bytes):
        # its content: names of embedded files are often all the same
        recording = f"{os.path.basename(name) or 'audio'}@{hashlib.sha256(audio).hexdigest()[:12]}"
    else:
        whole = os.path.normpath(os.path.join(folder, audio))
        is_inside = whole.startswith(f"{folder}/")
        recording = whole[len(folder) + 1 :] if is_inside else os.path.relpath(whole, folder)
    begin, stop = _seconds(start), _seconds(end)
    stretch = "" if begin in ("", "0") and not stop else f"[{begin or 0}-{stop}]"
    return f"{recording}{stretch}" + (f"|{_hash(text, 8)}" if text else "")


class RowIds:
    """Ids from keys, for rows of which some keys occur more than once."""

    def __init__(self, keys: Iterable[str]):
        once: set[int] = set()
        self.repeated: set[int] = set()  # hash values: 400,000 keys need not stay in memory
        for number in map(hash, keys):
            (self.repeated if number in once else once).add(number)
        self.given = Counter[str]()

    def is_repeated(self, key: str) -> bool:
        """True if another row has this key; a key that is unique is the id of its row."""
        return hash(key) in self.repeated

    def draw(self, key: str, example: Example, table: Path) -> str:
        """The id of the next row with a key that is repeated."""
        parts = (table.parent.name, example.reads, example.label, *map(str, example.targets))
        named = f"{key}#{_hash(chr(0).join(parts), 6)}"
        self.given[named] += 1
        number = self.given[named]
        return named if number == 1 else f"{named}.{number}"


def _seconds(cell: str) -> str:
    """One spelling per number; the parser refuses other cells."""
    try:
        return cell and f"{float(cell):.12g}"
    except ValueError:
        return cell


def _hash(text: str, length: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]
