"""A user's table with whatever columns it has: CSV, TSV, JSONL or Parquet, by extension.

The tables of published corpora, whose columns are known, are read by label_files.py.
"""

import csv
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from ..errors import UserError, unknown

Row = dict[str, Any]
Table = tuple[list[str], Iterator[Row]]  # the columns, and the rows as they are drawn
BATCH_ROWS = 32  # of a Parquet file, which may hold the audio itself


def read_manifest(path: Path) -> Table:
    """The columns and the rows of a table; cells of CSV and TSV are strings.

    Raises UserError for an unknown extension, a missing, empty or undecodable file and a column
    name that occurs twice, and, as the rows are drawn, for one that does not fit the header.
    """
    extension = path.suffix.lower()
    if extension not in READERS:
        raise unknown("kind of table", path.name, READERS)
    if not os.path.isfile(path):  # a name that is too long is no file either
        raise UserError(f"no file {path}")
    if not path.stat().st_size:
        raise UserError(f"{path}: empty file")
    columns, rows = READERS[extension](path)
    twice = [name for name, number in Counter(columns).items() if number > 1 and name]
    if twice:
        raise UserError(f"{path}: two columns are named {twice[0]!r}; rename one of them")
    return columns, rows


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets put a mark at the beginning
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: not UTF-8: {error.reason} at byte {error.start}; save it as UTF-8"
        ) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise UserError(f"{path}: NUL character in line {line}; save it as UTF-8 text")
    return text


def _csv(path: Path) -> Table:
    # strict, or a stray quotation mark swallows the rest of the file without a word
    return _with_header(path, csv.reader(StringIO(_text(path), newline=""), strict=True))


def _tsv(path: Path) -> Table:
    # Some programs quote cells, others write sentences with quotation marks as they are (Common
    # Voice). A cell cannot hold a tab, so lines are cut first and a whole cell's quotes taken off.
    lines = (line.split("\t") for line in _text(path).split("\n"))
    return _with_header(path, ([_unquoted(cell) for cell in line] for line in lines))


def _unquoted(cell: str) -> str:
    is_quoted = len(cell) > 1 and cell[0] == cell[-1] == '"'
    if not is_quoted or '"' in cell[1:-1].replace('""', ""):
        return cell
    return cell[1:-1].replace('""', '"')


def _with_header(path: Path, lines: Iterator[list[str]]) -> Table:
    header = [name.strip() for name in next(lines, [])]
    if not any(header):
        raise UserError(f"{path}: its first line is empty; expected the names of the columns")

    def rows() -> Iterator[Row]:
        number = 0
        try:
            for cells in lines:
                if cells in ([], [""]):
                    continue
                number += 1
                if len(cells) != len(header):
                    expected = f"{len(header)} columns"
                    raise UserError(f"{path} row {number}: {len(cells)} cells, but {expected}")
                yield dict(zip(header, cells, strict=True))
        except csv.Error as error:
            raise UserError(f"{path} row {number + 1}: {error}") from None

    return header, rows()


def _jsonl(path: Path) -> Table:
    # not str.splitlines: to that, some characters of ordinary text are line ends too
    lines = [line for line in _text(path).split("\n") if line.strip()]

    def rows() -> Iterator[Row]:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise UserError(f"{path} row {number}: not JSON: {error}") from None
            if not isinstance(row, dict):
                raise UserError(f"{path} row {number}: expected a JSON object, not {line[:40]!r}")
            yield row

    # A key may be absent from some rows: the columns are those of all.
    return list(dict.fromkeys(key for row in rows() for key in row)), rows()


def _parquet(path: Path) -> Table:
    import pyarrow  # here: half a second that other tables should not wait for
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(path)
    except pyarrow.ArrowInvalid as error:
        raise UserError(f"{path}: not Parquet: {str(error).splitlines()[0]}") from None
    batches = table.iter_batches(batch_size=BATCH_ROWS)
    return table.schema_arrow.names, (row for batch in batches for row in batch.to_pylist())


READERS: dict[str, Callable[[Path], Table]] = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}
