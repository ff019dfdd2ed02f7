"""An entry on disk: a folder of safetensors shards whose presence is the state of its filling.

<cache folder>/prefix/<key>/
    000000.safetensors ...  written aside and renamed when whole; each with a part of the pairs:
        values  (V,)            of its pairs one after the other, words before sounds
        index   int64 (P, 4)    pair, word tokens, audio tokens, CRC-32 of their values
        and, as metadata, the CRC-32 of the index
    entry.json              for readers: corpus, what the values are and depend on

Opening reads headers and indices; values are memory-mapped, and a pair's checksum is compared when
it is read first. A pair that could not be read has no place in a shard: every run tries it again.

V values and P pairs of a shard. Words and sounds have widths of their own; 0 if none are cached.
"""

import json
import os
import shutil
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ...data.store import cache_dir
from ...errors import UserError
from ...files import write_whole, writing

HEADER, SUFFIX = "entry.json", ".safetensors"
# A shard is written when it is this large or this old: the most that a killed process loses
MISSING = -1  # in place of a shard
SHARD_BYTES, SHARD_SECONDS = 64_000_000, 30.0


def open_shard(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Its values, memory-mapped, and its index. Raises ValueError if it is damaged."""
    try:
        with safe_open(path, "pt") as file:
            values, index = (file.get_tensor(name).numpy() for name in ("values", "index"))
            checksum = file.metadata()["index"]
    except (SafetensorError, OSError, KeyError, TypeError) as error:
        raise ValueError(str(error)) from None
    if str(zlib.crc32(index.data)) != checksum:
        raise ValueError("the checksum of its index is wrong")
    return values, index


class Entry:
    """The pairs that an entry has. Processes that read it share its pages.

    Args:
        num_pairs: that it should have.
        widths: of words and sounds.
    """

    def __init__(self, folder: Path, num_pairs: int, widths: tuple[int, int]):
        self.folder, self.widths = folder, widths
        self.shards: list[tuple[Path, np.ndarray]] = []  # with their values (V,)
        self.damaged: dict[Path, str] = {}  # with the reasons
        # By pair, in arrays of plain numbers: a batch takes its own by one look-up
        self.words, self.sounds, self._checksums = np.zeros((3, num_pairs), np.int64)
        self._spans = np.full((num_pairs, 3), MISSING)  # shard, first value, end
        self._is_checked = np.zeros(num_pairs, bool)
        for path in shard_paths(folder):
            try:
                self._add(path, *open_shard(path))
            except ValueError as fault:
                self.damaged[path] = str(fault)
        with suppress(OSError):
            os.utime(folder / HEADER)  # when it was last used, for `list_entries`

    def _add(self, path: Path, values: np.ndarray, index: np.ndarray) -> None:
        pairs, words, sounds, checksums = index.T
        sizes = words * self.widths[0] + sounds * self.widths[1]
        ends = np.cumsum(sizes)
        shards = np.full(len(pairs), len(self.shards))
        self._spans[pairs] = np.stack([shards, ends - sizes, ends], axis=1)
        self.words[pairs], self.sounds[pairs] = words, sounds
        self._checksums[pairs] = checksums
        self.shards.append((path, values))

    def __len__(self) -> int:
        return len(self._spans)

    @property
    def missing(self) -> np.ndarray:
        """The pairs that it lacks."""
        return np.flatnonzero(self._spans[:, 0] == MISSING)

    @property
    def is_complete(self) -> bool:
        return not len(self.missing)

    @property
    def num_bytes(self) -> int:
        return sum(values.nbytes for _, values in self.shards)

    def values(self, pairs: np.ndarray) -> list[np.ndarray]:
        """The values (V,) of each of these pairs, words before sounds. It has them all.

        Raises UserError if they are not what was written; the shard is removed.
        """
        if not self._is_checked[pairs].all():
            self._check(pairs)
        spans = self._spans[pairs].tolist()
        return [self.shards[shard][1][start:end] for shard, start, end in spans]

    def _check(self, pairs: np.ndarray) -> None:
        for pair in pairs[~self._is_checked[pairs]].tolist():
            shard, start, end = self._spans[pair].tolist()
            path, stored = self.shards[shard]
            if zlib.crc32(stored[start:end].data) != self._checksums[pair]:
                with writing(path):
                    path.unlink(missing_ok=True)
                raise UserError(
                    f"{path} was damaged and has been removed; start again with --resume, which"
                    " computes it again"
                )
            self._is_checked[pair] = True


class Writer:
    """Adds shards to an entry. Only the holder of `lock` may have one.

    Args:
        header: facts for readers, with `corpus`, `what` and the number of `pairs`.
    """

    def __init__(self, entry: Entry, header: dict[str, Any]):
        self.folder = entry.folder
        unfinished = self.folder.glob(f".*{SUFFIX}.*")  # of a process that was killed
        for path in [*entry.damaged, *unfinished]:
            path.unlink(missing_ok=True)
        numbers = [int(path.stem) for path in shard_paths(self.folder)]
        self.number = max(numbers, default=-1) + 1
        self._write(HEADER, json.dumps(header, indent=2))
        self._begin()

    def _begin(self) -> None:
        self.values: list[np.ndarray] = []
        self.index: list[np.ndarray] = []
        self.began = time.monotonic()

    def append(
        self, pairs: np.ndarray, parts: list[np.ndarray], words: np.ndarray, sounds: np.ndarray
    ) -> None:
        """Add the values of some pairs, (V,) each, and (P,) counts of their tokens."""
        checksums = [zlib.crc32(part.data) for part in parts]
        self.values += parts
        self.index.append(np.stack([pairs, words, sounds, checksums], axis=1))
        is_large = sum(part.nbytes for part in self.values) >= SHARD_BYTES
        if is_large or time.monotonic() - self.began >= SHARD_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what has been added as a shard."""
        if self.index:
            values, index = np.concatenate(self.values), np.concatenate(self.index)
            tensors = {"values": torch.from_numpy(values), "index": torch.from_numpy(index)}
            content = save(tensors, {"index": str(zlib.crc32(index.data))})
            self._begin()
            self._write(f"{self.number:06}{SUFFIX}", content)
            self.number += 1

    def _write(self, name: str, content: str | bytes) -> None:
        try:
            write_whole(self.folder / name, content)
        except OSError:
            remove(self.folder)  # the disk is full, and half an entry is of no use
            raise


@contextmanager
def lock(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """One process at a time; `waiting` is called if another holds it. A killed one lets go.

    Raises OSError if the file system cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _lock_path(path).touch()  # FileLock tries for ever to make a file that cannot be made
    held = FileLock(_lock_path(path))
    try:
        held.acquire(timeout=0)
    except Timeout:
        waiting()
        held.acquire()
    try:
        yield
    finally:
        held.release()


def _lock_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def folder() -> Path:
    """The folder of all entries."""
    return cache_dir() / "prefix"


def shard_paths(entry: Path) -> list[Path]:
    """The shards of an entry; none if there is no entry."""
    return sorted(path for path in entry.glob(f"*{SUFFIX}") if path.stem.isdecimal())


def remove(path: Path) -> None:
    """Remove an entry. A run that reads it keeps its pages."""
    if path.exists():
        shutil.rmtree(path)
    _lock_path(path).unlink(missing_ok=True)


@dataclass(frozen=True)
class Listed:
    """An entry as `python -m spectrobert cache` shows it."""

    path: Path
    num_bytes: int
    used_at: float  # seconds since 1970
    what: str


def list_entries() -> list[Listed]:
    """All entries, the one used last first."""
    listed = []
    for path in folder().glob("*/"):
        size = sum(file.stat().st_size for file in path.iterdir() if file.is_file())
        header = path / HEADER
        used = (header if header.exists() else path).stat().st_mtime
        listed.append(Listed(path, size, used, _describe(path)))
    return sorted(listed, key=lambda entry: -entry.used_at)


def _describe(path: Path) -> str:
    try:
        header = json.loads((path / HEADER).read_text(encoding="utf-8"))
        what, pairs = f"{header['corpus']}: {header['what']}", int(header["pairs"])
        has = sum(len(open_shard(shard)[1]) for shard in shard_paths(path))
    except (OSError, ValueError, KeyError, TypeError):
        return "damaged"
    return what if has == pairs else f"{what}, {has} of {pairs} clips and texts"
