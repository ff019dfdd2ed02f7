"""The forced alignment in IEMOCAP's release: a line per word, as Sphinx writes it.

Session1/sentences/ForcedAlignment/DIALOG/TURN.wdseg:

    SFrm  EFrm    SegAScr Word
       0    64     -46480 <s>
      65    76    -190730 EXCUSE
      77    87    -161021 ME(2)

First and last frame, a score, a word. A frame is 10 ms, and the last one belongs to its word.
`<s>`, `<sil>` and `++LAUGHTER++` are no words, `(2)` is a second pronunciation.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import UserError
from . import word_times
from .example import Dropped, Example, Word
from .label_files import read_text

FRAME_SECONDS = 0.01
LINE = re.compile(r"\s*(\d+)\s+(\d+)\s+-?\d+\s+(\S+)\s*")
FILLER = re.compile(r"<.*>|\+\+.*\+\+|\[.*\]")


def with_words(root: Path, row: Example | Dropped) -> Example | Dropped:
    """A turn with the times of its words, if its alignment has the words of its transcript."""
    if isinstance(row, Dropped):
        return row
    dialogue = row.id.rpartition("_")[0]
    folder = root / f"Session{row.id[4]}" / "sentences" / "ForcedAlignment"
    path = folder / dialogue / f"{row.id}.wdseg"
    words = tuple(aligned(path)) if path.is_file() else ()
    try:
        word_times.owners(row.text, words)
    except UserError:
        return row
    return replace(row, words=words)


def aligned(path: Path) -> Iterator[Word]:
    """The words of a file. Raises UserError if it is no text."""
    for line in read_text(path, fallback="latin-1").splitlines():
        parts = LINE.fullmatch(line)
        if parts and not FILLER.fullmatch(parts[3]):
            first, last = int(parts[1]), int(parts[2]) + 1
            word = re.sub(r"\(\d+\)$", "", parts[3])
            yield Word(word, first * FRAME_SECONDS, last * FRAME_SECONDS)
