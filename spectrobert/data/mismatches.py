"""Pairs of a text and a sound that do not belong together (thesis 2.3.3).

n rows, m segments (one per row, except in scenes mixed on the fly).
"""

from collections.abc import Iterable
from itertools import count, pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import UserError
from . import rows

MAX_DRAWS = 50
LONGEST = 1e6  # seconds; recordings are laid end to end, so that one sort finds overlaps in all
COLUMNS = ("text", "label", "sound", "content", "claims")
LIKENESS = ("source", "seconds")
SEPARATOR = "\x1f"
FEWEST_ALIKE = 16  # rows of the source that have about the length of a row


def sounds(flat: rows.Stretches, num_rows: int) -> pa.ListArray:
    """(n,) the numbers of the stretches heard; stretches that overlap have the same number.

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
    segments_of = np.bincount(flat.row, minlength=num_rows)
    offsets = np.concatenate([[0], np.cumsum(segments_of)])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(stretch))


def holds(claims: Iterable[str], content: Iterable[str]) -> bool:
    """True if the content has all claims, in their order; False if either is not stated."""
    heard = iter(content)
    found = [claim in heard for claim in claims]  # `in` continues after the claim before
    return bool(found) and all(found)


class Mismatches:
    """The sounds, among those of n rows, of which a text is not true.

    A text is true of the recordings that any row pairs with it, whatever its case and spacing, and,
    if the corpus states claims and content, of every sound that has all that the text claims.

    Args:
        table: with COLUMNS, as preparation makes it.
        negatives: task.negatives; all but "any" need the columns LIKENESS too.
    """

    def __init__(self, table: pa.Table, negatives: str = "any"):
        text = pc.utf8_lower(pc.utf8_trim_whitespace(table.column("text")))
        self.text, _ = rows.codes(pc.replace_substring_regex(text, r"\s+", " "))
        self.label, labels = rows.codes(table.column("label"))
        self.no_label = labels.index("").as_py()  # -1 if all have one
        lengths = pc.list_value_length(table.column("sound")).to_numpy()
        flat = pc.list_flatten(table.column("sound")).to_numpy()
        _, sound = np.unique(flat, return_inverse=True)
        self.sound = sound.astype(np.int64)  # (m,)
        self.first = np.concatenate([[0], np.cumsum(lengths)])  # (n + 1,) of a row in self.sound
        self.num_sounds = int(self.sound.max()) + 1
        self.pairs = np.unique(np.repeat(self.text, lengths) * self.num_sounds + self.sound)
        self.content, self.contents = _sequences(table.column("content"))
        self.claim, self.claims = _sequences(table.column("claims"))
        source = np.zeros(1, np.int64)
        if negatives != "any":
            source, _ = rows.codes(table.column("source"))
        self.is_like = negatives == "like" or bool(source.any())
        if self.is_like:
            length = pc.utf8_length(table.column("text")).to_numpy()
            seconds = table.column("seconds").to_numpy()
            self.order, self.ranges = _alike(source, seconds, length)

    def is_match(self, row: int, other: int) -> bool:
        """True if the text of `row` is true of the sound of `other`, or may be."""
        if holds(self.claims[self.claim[row]], self.contents[self.content[other]]):
            return True
        first = int(self.text[row]) * self.num_sounds
        for sound in self.sound[self.first[other] : self.first[other + 1]].tolist():
            place = int(np.searchsorted(self.pairs, first + sound))
            if place < len(self.pairs) and int(self.pairs[place]) == first + sound:
                return True
        return False

    def draw(self, row: int, generator: np.random.Generator) -> int:
        """A row whose sound does not belong to the text of `row`.

        Of another class too if the corpus has classes: "a dog barks" is true of every dog. If
        MAX_DRAWS draws find none, text and sound decide alone. Like negatives are of the source and
        of about the length of `row`; if MAX_DRAWS find none, only of the source.
        """
        label = self.label[row]
        for low, high in self.ranges[row].tolist() if self.is_like else ():
            for place in generator.integers(low, high, MAX_DRAWS).tolist():
                other = int(self.order[place])
                is_alike = label != self.no_label and self.label[other] == label
                if not is_alike and not self.is_match(row, other):
                    return other
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
    # A row of several sounds is counted several times, and claims are not: only these need a look
    most_matching = np.bincount(text, weights=rows_of_sound[sound], minlength=num_texts)
    has_claims = np.array([bool(claims) for claims in found.claims])[found.claim]
    is_doubtful = has_claims | (most_matching[found.text] >= table.num_rows)
    wording = found.text * len(found.claims) + found.claim
    _, first = np.unique(wording, return_index=True)  # one row per text and claims
    for row in first[is_doubtful[first]].tolist():
        if all(found.is_match(row, other) for other in range(table.num_rows)):
            where = table.column("id")[row].as_py()
            raise UserError(
                f"pre-training needs mismatched pairs, but in split {split!r} the text of {where}"
                " is true of every other example, or of its recording"
            )


def _alike(
    source: np.ndarray, seconds: np.ndarray, length: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The rows in an order in which those like a row are a range (n,), and two ranges (n, 2, 2).

    The narrower range: of the twentieth of the source with the nearest durations (FEWEST_ALIKE rows
    at least), the half with the nearest lengths of text. The wider: the source.
    """
    order = np.lexsort((seconds, source))
    ranges = np.empty((len(order), 2, 2), np.int64)
    bounds = np.flatnonzero(np.diff(source[order], prepend=-1, append=-1))
    for begin, end in pairwise(bounds.tolist()):
        num_blocks = max(1, (end - begin) // max(FEWEST_ALIKE, (end - begin) // 20))
        edges = np.linspace(begin, end, num_blocks + 1).astype(int).tolist()
        for low, high in pairwise(edges):
            block = order[low:high]
            block = block[np.argsort(length[block], kind="stable")]
            order[low:high] = block
            width = (high - low + 1) // 2
            first = np.clip(np.arange(low, high) - width // 2, low, high - width)
            ranges[block] = np.stack(
                [np.stack([first, first + width], 1), np.tile([begin, end], (len(block), 1))], 1
            )
    return order, ranges


def _sequences(cells: pa.ChunkedArray) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """A number for each cell, a list of strings (n,), and the lists that the numbers stand for."""
    numbers, joined = rows.codes(pc.binary_join(cells, SEPARATOR))
    return numbers, [tuple(line.split(SEPARATOR)) if line else () for line in joined.to_pylist()]
