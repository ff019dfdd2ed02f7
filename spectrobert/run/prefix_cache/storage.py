"""An entry on disk: one folder, written aside and renamed when it is whole.

<cache folder>/prefix/<name>/
    values.bin    float32 (T, D): the tokens of all pairs, one after the other
    records.bin   RECORD (P,): where the tokens of each pair lie, and their checksum
    entry.json    sizes, checksum of the records, what the values depend on; written last

A pair that could not be read has no record, and every run tries it again.

T tokens of all pairs, P pairs, D width.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...data.store import cache_dir
from ...files import write_whole

VALUES, RECORDS, HEADER = "values.bin", "records.bin", "entry.json"
RECORD = np.dtype(
    [("pair", "<i8"), ("offset", "<i8"), ("words", "<i4"), ("sounds", "<i4"), ("crc", "<u4")]
)
ASIDE = ".part"  # of the folder that is being filled
THREADS = 4  # that compute checksums; zlib releases the interpreter meanwhile


class Damaged(Exception):
    """What is on disk is not what was written."""


@dataclass(frozen=True)
class Entry:
    """A whole entry, memory-mapped: processes that read it share its pages."""

    folder: Path
    header: dict[str, Any]
    values: np.ndarray  # (T, D)
    offset: np.ndarray  # (P,) first token of a pair
    words: np.ndarray  # (P,) tokens that are word pieces; 0 if the pair could not be read
    sounds: np.ndarray  # (P,) tokens that are audio

    @property
    def is_complete(self) -> bool:
        """True if every pair could be read."""
        return self.header["records"] == self.header["pairs"]

    @property
    def num_bytes(self) -> int:
        return self.values.nbytes


def folder() -> Path:
    """Where entries lie."""
    return cache_dir() / "prefix"


def read(path: Path) -> Entry | None:
    """The entry at `path`, every checksum compared; None where there is none.

    Raises Damaged, or OSError where another run removes it meanwhile.
    """
    try:
        header = json.loads((path / HEADER).read_text(encoding="utf-8"))
        sizes = (int(header[name]) for name in ("tokens", "width", "records", "pairs"))
        tokens, width, count, pairs = sizes
        records_crc = header["records_crc"]
    except OSError:
        if not path.exists():
            return None
        raise Damaged(f"it has no {HEADER}") from None
    except (ValueError, KeyError, TypeError):
        raise Damaged(f"{HEADER} cannot be read") from None
    for name, size in ((VALUES, tokens * width * 4), (RECORDS, count * RECORD.itemsize)):
        found = (path / name).stat().st_size if (path / name).is_file() else 0
        if found != size:
            raise Damaged(f"{name} has {found} bytes, not {size}")
    written = (path / RECORDS).read_bytes()
    if zlib.crc32(written) != records_crc:
        raise Damaged(f"the checksum of {RECORDS} is wrong")
    records = np.frombuffer(written, RECORD)
    values = np.memmap(path / VALUES, np.float32, "r", shape=(tokens, width))
    _compare(values, records)
    by_pair = np.zeros(pairs, RECORD)
    by_pair[records["pair"]] = records
    os.utime(path / HEADER)  # when it was last used, for `list_entries`
    return Entry(path, header, values, *(by_pair[n] for n in ("offset", "words", "sounds")))


def _compare(values: np.ndarray, records: np.ndarray) -> None:
    def is_right(record: np.void) -> bool:
        end = record["offset"] + record["words"] + record["sounds"]
        return zlib.crc32(values[record["offset"] : end].data) == record["crc"]

    with ThreadPoolExecutor(THREADS) as pool:
        for record, right in zip(records, pool.map(is_right, records)):
            if not right:
                raise Damaged(f"the checksum of pair {record['pair']} is wrong")


def reopen(path: Path) -> None:
    """Make a whole entry a draft again, for the pairs that it lacks.

    A run that reads it keeps its pages. Only the holder of `lock` may call it.
    """
    aside = path.with_name(path.name + ASIDE)
    if aside.exists():
        shutil.rmtree(aside)
    os.replace(path, aside)
    (aside / HEADER).unlink()


class Draft:
    """An entry that is being written; a process that is killed leaves it for the next one.

    Only the holder of `lock` may have one.
    """

    def __init__(self, path: Path, width: int):
        self.path = path
        self.width = width
        self.aside = path.with_name(path.name + ASIDE)
        self.aside.mkdir(parents=True, exist_ok=True)
        records = self._recover()
        self.done = set(records["pair"].tolist())
        self.tokens = int((records["words"] + records["sounds"]).sum())
        self.values = (self.aside / VALUES).open("ab")
        self.records = (self.aside / RECORDS).open("ab")

    def _recover(self) -> np.ndarray:
        """What an earlier process wrote, cut back to what is whole."""
        records_file, values_file = self.aside / RECORDS, self.aside / VALUES
        records_file.touch()
        values_file.touch()
        whole = records_file.stat().st_size // RECORD.itemsize
        records = np.fromfile(records_file, RECORD, whole)
        size = int((records["words"] + records["sounds"]).sum()) * self.width * 4
        if values_file.stat().st_size < size:  # the machine died before the disk had everything
            records, size = records[:0], 0
        os.truncate(records_file, records.nbytes)
        os.truncate(values_file, size)
        return records

    def append(
        self, pairs: np.ndarray, values: np.ndarray, words: np.ndarray, sounds: np.ndarray
    ) -> None:
        """The tokens of some pairs: (T', D) values in the order of the pairs, and (P',) counts."""
        lengths = words + sounds
        ends = np.cumsum(lengths)
        records = np.zeros(len(pairs), RECORD)
        records["pair"], records["words"], records["sounds"] = pairs, words, sounds
        records["offset"] = self.tokens + ends - lengths
        records["crc"] = [zlib.crc32(values[e - n : e].data) for e, n in zip(ends, lengths)]
        # Values first: a record says that its tokens are there
        self.values.write(values.data)
        self.values.flush()
        self.records.write(records.tobytes())
        self.records.flush()
        self.tokens += int(lengths.sum())
        self.done |= set(pairs.tolist())

    def finish(self, header: dict[str, Any]) -> None:
        """Write the header, which says how many `pairs` there are, and give the entry its name."""
        for file in (self.values, self.records):
            os.fsync(file.fileno())
        self.close()
        written = (self.aside / RECORDS).read_bytes()
        sizes = {"records": len(self.done), "tokens": self.tokens, "width": self.width}
        checked = sizes | {"records_crc": zlib.crc32(written)}
        write_whole(self.aside / HEADER, json.dumps(header | checked, indent=2))
        os.replace(self.aside, self.path)

    def close(self) -> None:
        self.values.close()
        self.records.close()


@contextmanager
def lock(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """One process at a time; `waiting` is called where another holds it. A killed one lets go.

    Raises OSError where the file system knows no locks or cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove(path: Path) -> None:
    """An entry or an unfinished fill. A run that reads it keeps its pages."""
    if path.exists():
        shutil.rmtree(path)
    path.with_name(f"{path.name.removesuffix(ASIDE)}.lock").unlink(missing_ok=True)


@dataclass(frozen=True)
class Listed:
    """An entry as `python -m spectrobert cache` shows it."""

    path: Path
    num_bytes: int
    used_at: float  # seconds since 1970
    what: str


def list_entries() -> list[Listed]:
    """All entries and unfinished fills, the one used last first."""
    found = []
    for place in folder().glob("*/"):
        header = place / HEADER
        try:
            described = json.loads(header.read_text(encoding="utf-8"))
            what = f"{described['corpus']}: {described['what']}"
            used = header.stat().st_mtime
        except (OSError, ValueError, KeyError, TypeError):
            what = "unfinished" if place.suffix == ASIDE else "damaged"
            used = place.stat().st_mtime
        size = sum(file.stat().st_size for file in place.iterdir() if file.is_file())
        found.append(Listed(place, size, used, what))
    return sorted(found, key=lambda entry: -entry.used_at)
