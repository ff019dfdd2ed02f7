"""split.csv of a run directory: the rows of its training, validation and test splits.

    id,split,label,text
    angry/03.wav,train,angry,1c291ca3

`label` is the class, or the targets with blanks between them; `text` is a checksum of the text that
the model reads; `split` is `unused` in training rows that dataset.train_share leaves out. A run
that is resumed or scored again takes its rows from here and draws no split; a corpus that has
changed meanwhile is refused.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ..corpora.example import SPLITS
from ..errors import UserError
from ..files import write_whole
from .splits import UNUSED

COLUMNS = ("id", "split", "label", "text")


class CorpusChanged(UserError):
    """A corpus differs from the one that a run was trained on."""


@dataclass(frozen=True)
class SplitRecord:
    """The split of a run, and how closely a corpus must agree with it."""

    table: pa.Table  # (n,) COLUMNS, strings
    folder: Path  # of the run
    needed: tuple[str, ...] = SPLITS  # splits whose rows must all be in the corpus, unchanged
    is_subset: bool = False  # rows that are not recorded are left out; else the corpus is refused

    def part(self, corpus: str) -> SplitRecord:
        """The rows of one corpus of a mixture, under the ids that they have in it."""
        ids = self.table.column("id")
        own = self.table.filter(pc.starts_with(ids, f"{corpus}/"))
        short = pc.utf8_slice_codeunits(own.column("id"), len(corpus) + 1)
        return replace(self, table=own.set_column(0, "id", short))

    def places(self, light: pa.Table, is_random: bool) -> tuple[np.ndarray, list[str]]:
        """Rows of a corpus that are in the split, in the recorded order, and their splits.

        Args:
            light: usable rows of the corpus, rows.SCHEMA.
            is_random: the owner's splits do not count.

        Raises CorpusChanged, in one line, for a corpus that differs.
        """
        found = pc.index_in(self.table.column("id"), value_set=_whole(light.column("id")))
        is_there = pc.is_valid(found)
        places = pc.drop_null(found).to_numpy()
        own = self.table.filter(is_there)
        present = record(light.take(places), own.column("split").to_pylist())
        is_new = pc.invert(pc.is_in(light.column("id"), value_set=_whole(self.table.column("id"))))
        is_needed = pc.is_in(own.column("split"), value_set=pa.array(self.needed))
        moved = np.zeros(len(own), bool) if is_random else _moved(light, places, own)
        differs = {
            name: pc.and_(pc.not_equal(own.column(name), present.column(name)), is_needed)
            for name in ("label", "text")
        }
        lost = self.table.filter(
            pc.and_(
                pc.invert(is_there), pc.is_in(self.table.column("split"), pa.array(self.needed))
            )
        )
        changes = [_some(lost, "missing")]
        if not self.is_subset:
            new = light.filter(is_new)
            changes.append(_some(new, "new", sides=False))
            changes.append(
                _some(own.filter(pa.array(moved)), "that the owner moved from its split")
            )
        changes += [
            _some(
                own.filter(differs["label"]), "with another label", present.filter(differs["label"])
            ),
            _some(own.filter(differs["text"]), "with another text"),
        ]
        if found := [change for change in changes if change]:
            raise CorpusChanged(
                f"the corpus has changed since {self.folder} was trained: {'; '.join(found)}"
                + ("" if self.is_subset else "; --recorded takes the recorded rows alone")
            )
        return places, own.column("split").to_pylist()


def record(light: pa.Table, splits: Sequence[str]) -> pa.Table:
    """The rows (rows.SCHEMA) of a corpus and their splits, as split.csv has them."""
    targets = light.column("targets").to_pylist()
    labels = light.column("label").to_pylist()
    return pa.table(
        {
            "id": _whole(light.column("id")),
            "split": pa.array(splits, pa.string()),
            "label": pa.array(
                [label or " ".join(map(repr, own)) for label, own in zip(labels, targets)],
                pa.string(),
            ),
            "text": pa.array(
                [
                    f"{zlib.crc32(text.encode()):08x}" if text else ""
                    for text in light.column("text").to_pylist()
                ],
                pa.string(),
            ),
        }
    )


def write(path: Path, table: pa.Table) -> None:
    """split.csv of a run directory."""
    sink = pa.BufferOutputStream()
    pa.csv.write_csv(table, sink, pa.csv.WriteOptions(quoting_style="needed"))
    write_whole(path, sink.getvalue().to_pybytes())


def read(path: Path) -> SplitRecord | None:
    """The split of a run; None of one from before there was split.csv. Raises UserError."""
    if not path.is_file():
        return None
    try:
        table = pa.csv.read_csv(
            path,
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(COLUMNS, pa.string()), strings_can_be_null=False
            ),
        )
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    if tuple(table.column_names) != COLUMNS:
        raise UserError(f"{path}: its columns must be {', '.join(COLUMNS)}")
    known = (*SPLITS, UNUSED)
    if strange := set(table.column("split").unique().to_pylist()) - set(known):
        raise UserError(f"{path}: split {strange.pop()!r} is none of {', '.join(known)}")
    return SplitRecord(table, path.parent)


def missing_line(folder: Path) -> str:
    """For a run without split.csv."""
    return f"{folder} has no split.csv, being of an older version: its split is drawn again"


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _moved(light: pa.Table, places: np.ndarray, own: pa.Table) -> np.ndarray:
    """(k,) True if the owner now names another split than the recorded one.

    The owner's training rows may have been carved for a split that the owner does not name.
    """
    owners = light.column("split")
    named = set(owners.unique().to_pylist())
    carved = [split for split in SPLITS if split not in named]
    stated = np.array(owners.take(places).to_pylist(), dtype=object)
    recorded = np.array(own.column("split").to_pylist(), dtype=object)
    is_free = np.isin(stated.astype(str), ("", "train"))
    may_be = np.isin(recorded.astype(str), ["train", UNUSED, *carved])
    return (stated != recorded) & ~(is_free & may_be)


def _some(table: pa.Table, what: str, now: pa.Table | None = None, sides: bool = True) -> str:
    """`3 rows missing (test 2, train 1; the first: a.wav)`; "" for none."""
    if not table.num_rows:
        return ""
    counts = ""
    if sides:
        column = table.column("split").to_pylist()
        found = {split: column.count(split) for split in (*SPLITS, UNUSED) if split in column}
        counts = f"{', '.join(f'{split} {number}' for split, number in found.items())}; "
    first = table.column("id")[0].as_py()
    if now is not None:
        first += f": {table.column('label')[0]} then, {now.column('label')[0]} now"
    rows = "1 row" if table.num_rows == 1 else f"{table.num_rows} rows"
    return f"{rows} {what} ({counts}the first: {first})"
