"""Label files, read row by row. All that is wrong with a file is one line that names it."""

import csv
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import UserError

AUDIO_SUFFIXES = (".flac", ".wav", ".ogg", ".mp3")


class Unquoted(csv.excel_tab):
    """Tab-separated as the owners write it: a bare " is a part of the sentence."""

    quoting = csv.QUOTE_NONE


def read_table(
    path: Path, columns: Sequence[str], *, delimiter: str = ",", fallback: str = ""
) -> Iterator[dict[str, str]]:
    """The rows of a CSV or TSV with a header, all its columns, cells stripped of surrounding space.

    `columns` must be there, in the header and in every row; other cells missing at the end of a
    row read as "". `fallback` is the encoding of a file that is not UTF-8. Raises UserError: no
    such file, wrong encoding, a column missing, a row cut short or too long.
    """
    style = csv.excel if delimiter != "\t" else Unquoted
    encoding = "utf-8-sig" if not fallback or _is_utf_8(path) else fallback
    try:
        with open(path, encoding=encoding, newline="") as file:
            reader = csv.reader(file, style, delimiter=delimiter)
            header = [name.strip() for name in next(reader, [])]
            require_columns(path, columns, header)
            needed = 1 + max((header.index(name) for name in columns), default=-1)
            for cells in reader:
                if not cells:  # a blank line is no row
                    continue
                if not needed <= len(cells) <= len(header):
                    raise UserError(
                        f"{path}, line {reader.line_num}: {len(cells)} cells where the header has "
                        f"{len(header)}; is the file whole?"
                    )
                cells += [""] * (len(header) - len(cells))
                yield {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not {error.encoding} text: {error.reason}") from error
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: not a table: {error}") from error


def _is_utf_8(path: Path) -> bool:
    try:
        path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return False
    except OSError:
        pass  # raised when the file is opened
    return True


def require_columns(path: Path, columns: Sequence[str], found: Sequence[str]) -> None:
    """Raise UserError, which names the missing columns and those found."""
    missing = [name for name in columns if name not in found]
    if missing:
        shown = ", ".join(found)[:200] or "none"
        raise UserError(f"{path} has no column {', '.join(missing)}; its columns: {shown!r}")


def read_text(path: Path, *, fallback: str = "") -> str:
    """A UTF-8 text file; with a fallback, also one in UTF-16 with its mark, or in the fallback.

    Raises UserError if it is missing or in another encoding.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    encodings = ["utf-8-sig", *filter(None, [fallback])]
    if fallback and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    for encoding in encodings:
        with suppress(UnicodeDecodeError):
            return data.decode(encoding)
    raise UserError(f"{path} is not {' or '.join(encodings)} text; is the file whole?")


def read_json(path: Path, *, keep: Sequence[str] = ()) -> Any:
    """The content of a JSON file; its shape is the caller's to check.

    `keep` names the keys to keep of every object, all if empty: it halves the memory of large
    files. Raises UserError if the file is missing or no JSON.
    """

    def trimmed(found: dict[str, Any]) -> dict[str, Any]:
        return {key: found[key] for key in keep if key in found}

    text = read_text(path)
    try:
        return json.loads(text, object_hook=trimmed if keep else None)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON: {error}; is the file whole?") from error


def read_parquet(path: Path, columns: Sequence[str], *, rows: int = 32) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, `rows` in memory at a time: with audio inside one is 0.2 MB.

    Raises UserError: no such file, not Parquet, a column missing.
    """
    import pyarrow as pa  # here: half a second that no CSV corpus should wait for
    import pyarrow.parquet as pq

    try:
        # A read-ahead of 1 MiB in place of the whole row group, which on the Hub is up to 100 MB.
        with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
            require_columns(path, columns, file.schema_arrow.names)
            for batch in file.iter_batches(batch_size=rows, columns=list(columns)):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path} as Parquet: {first_line(error)}") from error


def shards(root: Path, name: str) -> list[Path]:
    """The Parquet files of a split on the Hub: NAME/0000.parquet or NAME-00000-of-00014.parquet.

    Empty if there are none. Raises UserError if by their names some are missing.
    """
    files = sorted(root.glob(f"{name}/*.parquet")) or sorted(root.glob(f"{name}-*-of-*.parquet"))
    stated = re.search(r"-of-(\d+)", files[0].name) if files else None
    num_files = int(stated[1]) if stated else len(files)
    if len(files) != num_files:
        raise UserError(
            f"{root / name}-*.parquet: {len(files)} files of {num_files}; is the download whole?"
        )
    return files


def embedded_audio(cell: object) -> bytes:
    """The encoded file in a cell of a Hub audio column, `{"bytes", "path"}`; b"" for none."""
    data = cell.get("bytes") if isinstance(cell, dict) else None
    return data if isinstance(data, bytes) else b""


def first_line(error: BaseException) -> str:
    """The first line of an error's message: a library's may be many lines, ours are one."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def audio_files(folder: Path) -> Iterator[str]:
    """The paths of all audio files anywhere under a folder.

    One walk in place of one look-up per row: those are slow on a cluster's network disk.
    """
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        for name in sorted(names):
            if name.lower().endswith(AUDIO_SUFFIXES):
                yield os.path.join(parent, name)


def index_audio(folder: Path) -> dict[str, str]:
    """Path by file name without its ending; of several files the first."""
    found: dict[str, str] = {}
    for path in audio_files(folder):
        found.setdefault(os.path.splitext(os.path.basename(path))[0], path)
    return found


def require_known(where: str, column: str, cell: str, known: Iterable[str]) -> None:
    """Raise UserError for a cell that holds none of the known values."""
    if cell not in (values := tuple(known)):
        raise UserError(f"{where}: {column} {cell!r} is none of {', '.join(values)}")


def number(cell: str | float | None) -> float | None:
    """The finite number in a cell; None if there is none."""
    try:
        value = math.nan if cell is None else float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
