"""A zip cut into NAME.z01, NAME.z02, ..., NAME.zip, read as one file without joining it on disk.

`zipfile` refuses such archives, and a joined copy of WavCaps' would take another 700 GB. The parts
in a row are the archive, but its directory counts from the beginning of each part: it is read,
its positions are counted from the first part, and it is put behind the parts in memory.
Structures: APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import UserError

ENTRY = struct.Struct("<4s6H3I5H2I")  # of the central directory
END = struct.Struct("<4s4H2IH")
END64 = struct.Struct("<4sQ2H2I4Q")
LOCATOR64 = struct.Struct("<4sIQI")
LONGEST_COMMENT = 1 << 16
BUFFER = 1 << 20
FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF  # "see the zip64 field"
ZIP64 = 1  # id of the extra field


class End(NamedTuple):
    """What the end of the archive says of its directory."""

    disk: int  # number of the last part, from 0
    directory_disk: int
    entries: int
    size: int
    offset: int  # in its part


class Concatenation(io.RawIOBase):
    """Files, and bytes behind them, as one readable file."""

    def __init__(self, paths: Sequence[Path], length: int, tail: bytes = b"") -> None:
        """The first `length` bytes of the files in a row, then `tail`."""
        self.files = [io.FileIO(path) for path in paths]
        sizes = [path.stat().st_size for path in paths]
        self.starts = list(accumulate(sizes, initial=0))
        self.length, self.tail, self.at = length, tail, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.length + len(self.tail)}
        self.at = base[whence] + offset
        if self.at < 0:
            raise ValueError(f"negative position {self.at}")
        return self.at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer from the file, or the tail, in which the position lies."""
        view = memoryview(buffer).cast("B")
        if self.at >= self.length:
            start = self.at - self.length
            block = self.tail[start : start + len(view)]
        else:
            number = next(i for i, end in enumerate(self.starts[1:]) if self.at < end)
            self.files[number].seek(self.at - self.starts[number])
            block = self.files[number].read(min(len(view), self.length - self.at))
        view[: len(block)] = block
        self.at += len(block)
        return len(block)

    def close(self) -> None:
        for file in self.files:
            file.close()
        super().close()


def parts_of(last: Path) -> list[Path]:
    """All parts of a split archive in order, `last` included; only `last` where it is not split."""
    return [*sorted(last.parent.glob(f"{last.stem}.z[0-9]*"), key=_number), last]


def _number(part: Path) -> int:
    return int(part.suffix[2:])


def open_split(last: Path) -> io.BufferedReader:
    """The archive whose last part is NAME.zip, for `zipfile.ZipFile`.

    Raises UserError: parts are missing, or the end of the archive is no end of a zip.
    """
    paths = parts_of(last)
    try:
        end = _end(last)
        missing = sorted(set(range(1, end.disk + 1)) - {_number(path) for path in paths[:-1]})
        if missing:
            named = ", ".join(f"{last.stem}.z{number:02}" for number in missing[:5])
            raise UserError(f"{last}: {len(missing)} of its {end.disk + 1} parts missing: {named}")
        whole = Concatenation(paths, sum(path.stat().st_size for path in paths))
        with io.BufferedReader(whole) as file:
            start = whole.starts[end.directory_disk] + end.offset
            file.seek(start)
            directory = _counted_from_first(file.read(end.size), end.entries, whole.starts)
    except (struct.error, IndexError) as error:
        raise UserError(f"{last} is not the end of a zip archive: {error}") from error
    tail = directory + _new_end(end, start, directory)
    return io.BufferedReader(Concatenation(paths, start, tail), BUFFER)


def _end(last: Path) -> End:
    """The end record of the last part, its zip64 form where there is one."""
    size = last.stat().st_size
    with open(last, "rb") as file:
        file.seek(max(0, size - END.size - LONGEST_COMMENT))
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0:
            raise UserError(f"{last} is not the end of a zip archive: is the download whole?")
        _, disk, directory_disk, _, entries, length, offset, _ = END.unpack_from(tail, at)
        if tail[at - LOCATOR64.size : at].startswith(b"PK\x06\x07"):
            _, _, end64, parts = LOCATOR64.unpack_from(tail, at - LOCATOR64.size)
            file.seek(end64)
            fields = END64.unpack(file.read(END64.size))
            disk, (directory_disk, _, entries, length, offset) = parts - 1, fields[5:]
    return End(disk, directory_disk, entries, length, offset)


def _counted_from_first(directory: bytes, entries: int, starts: Sequence[int]) -> bytes:
    """The directory with every position counted from the beginning of the first part."""
    made = io.BytesIO()
    at = 0
    for _ in range(entries):
        fields = list(ENTRY.unpack_from(directory, at))
        if fields[0] != b"PK\x01\x02":
            raise struct.error("its directory is damaged")
        name_length, extra_length, comment_length = fields[10:13]
        at += ENTRY.size
        name = directory[at : at + name_length]
        extra = directory[at + name_length : at + name_length + extra_length]
        comment = directory[at + name_length + extra_length :][:comment_length]
        at += name_length + extra_length + comment_length
        large, others = _take_zip64(extra)
        packed, size, disk, offset = fields[8], fields[9], fields[13], fields[16]
        size = large.pop(0) if size == FULL32 else size
        packed = large.pop(0) if packed == FULL32 else packed
        offset = large.pop(0) if offset == FULL32 else offset
        disk = large.pop(0) & FULL32 if disk == FULL16 else disk
        extra = struct.pack("<2H3Q", ZIP64, 24, size, packed, starts[disk] + offset) + others
        fields[8], fields[9], fields[11], fields[13], fields[16] = (
            FULL32,
            FULL32,
            len(extra),
            0,
            FULL32,
        )
        made.write(ENTRY.pack(*fields) + name + extra + comment)
    return made.getvalue()


def _take_zip64(extra: bytes) -> tuple[list[int], bytes]:
    """The values of the zip64 field (the last, a part's number, has 4 bytes), and the other
    fields."""
    values: list[int] = []
    others = b""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        body = extra[at + 4 : at + 4 + length]
        if kind == ZIP64:
            padded = body + bytes(-len(body) % 8)
            values = list(struct.unpack(f"<{len(padded) // 8}Q", padded))
        else:
            others += extra[at : at + 4 + length]
        at += 4 + length
    return values, others


def _new_end(end: End, start: int, directory: bytes) -> bytes:
    """End records of an archive in one part, whose directory begins at `start`."""
    at = start + len(directory)
    entries, size = end.entries, len(directory)
    return (
        END64.pack(b"PK\x06\x06", END64.size - 12, 45, 45, 0, 0, entries, entries, size, start)
        + LOCATOR64.pack(b"PK\x06\x07", 0, at, 1)
        + END.pack(b"PK\x05\x06", 0, 0, FULL16, FULL16, FULL32, FULL32, 0)
    )
