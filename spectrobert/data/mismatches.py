"""Pairs of a text and a sound that do not belong together (thesis 2.3.3)."""

from __future__ import annotations

from itertools import count

import numpy as np
import pyarrow as pa

from ..errors import UserError
from . import rows

MAX_DRAWS = 50
LONGEST = 1e6  # seconds; recordings are laid end to end, so that one sort finds overlaps in all


def sounds(flat: rows.Stretches, num_rows: int) -> np.ndarray:
    """(n,) a number for what is heard: equal for the same segments, and for stretches that overlap.

    A text that is true of a stretch may be true of one that overlaps it.
    """
    recording, _ = rows.codes(flat.recording)
    begin = recording * LONGEST + np.minimum(flat.start, LONGEST)
    stop = recording * LONGEST + np.minimum(flat.end, LONGEST)
    order = np.argsort(begin, kind="stable")
    reach = np.maximum.accumulate(stop[order])  # how far the stretches before have gone
    is_new = np.ones(len(order), bool)
    is_new[1:] = begin[order][1:] >= reach[:-1]
    stretch = np.empty(len(order), np.int64)
    stretch[order] = np.cumsum(is_new) - 1

    number = np.empty(num_rows, np.int64)
    number[flat.row] = stretch
    scenes: dict[tuple[tuple[int, float], ...], int] = {}
    segments_of = np.bincount(flat.row, minlength=num_rows)
    for row in np.flatnonzero(segments_of > 1).tolist():  # mixed on the fly: rare
        own = flat.row == row
        parts = tuple(zip(stretch[own].tolist(), flat.onset[own].tolist()))
        number[row] = scenes.setdefault(parts, len(order) + len(scenes))
    return number


class Mismatches:
    """Of n rows, which sounds no row gives this text.

    Args:
        table: with columns text, label and sound, as preparation makes it.
    """

    def __init__(self, table: pa.Table):
        self.text, _ = rows.codes(table.column("text"))
        self.label, labels = rows.codes(table.column("label"))
        self.no_label = labels.index("").as_py()  # -1 where all have one
        _, sound = np.unique(table.column("sound").to_numpy(), return_inverse=True)
        self.sound = sound.astype(np.int64)
        self.num_sounds = int(self.sound.max()) + 1
        self.pairs = np.unique(self.text * self.num_sounds + self.sound)

    def is_match(self, row: int, other: int) -> bool:
        """Whether some row gives the sound of `other` the text of `row`."""
        pair = int(self.text[row]) * self.num_sounds + int(self.sound[other])
        place = int(np.searchsorted(self.pairs, pair))
        return place < len(self.pairs) and int(self.pairs[place]) == pair

    def draw(self, row: int, generator: np.random.Generator) -> int:
        """A row whose sound does not belong to the text of `row`.

        Of another class too where the corpus has classes: "a dog barks" is true of every dog. Where
        that finds nothing in MAX_DRAWS draws, text and sound decide alone.
        """
        label = self.label[row]
        for draw in count():
            other = int(generator.integers(len(self.text)))
            is_alike = label != self.no_label and self.label[other] == label and draw < MAX_DRAWS
            if not is_alike and not self.is_match(row, other):
                return other
        raise AssertionError("unreachable: `require` makes sure that there is another row")


def require(split: str, table: pa.Table) -> None:
    """Raise UserError unless every row finds a sound that does not belong to it: else `draw` hangs.

    Args:
        table: as for `Mismatches`, with a column id.
    """
    found = Mismatches(table)
    num_texts = int(found.text.max()) + 1
    if num_texts < 2:
        raise UserError(
            f"pre-training needs two different texts in split {split!r} to build mismatched pairs;"
            f" it has {table.num_rows} examples with one text"
        )
    rows_of_sound = np.bincount(found.sound)
    text, sound = np.divmod(found.pairs, found.num_sounds)
    num_matching = np.bincount(text, weights=rows_of_sound[sound], minlength=num_texts)
    stuck = np.flatnonzero(num_matching[found.text] == table.num_rows)
    if len(stuck):
        where = table.column("id")[int(stuck[0])].as_py()
        raise UserError(
            f"pre-training needs mismatched pairs, but in split {split!r} every other example has"
            f" the text or the recording of {where}"
        )
