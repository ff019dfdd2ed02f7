"""A zip cut into NAME.z01, NAME.z02, ..., NAME.zip, read as one file without joining it on disk.

`zipfile` refuses such archives, and a joined copy of WavCaps' would take another 700 GB. The parts
in a row are the archive, but positions are counted from the beginning of each part: here its end is
replaced by one that counts from the first, and `zipfile`'s members are moved accordingly.
Structures: APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.
"""

import io
import struct
import zipfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

from ...errors import UserError

END = struct.Struct("<4s4H2IH")
END64 = struct.Struct("<4sQ2H2I4Q")
LOCATOR64 = struct.Struct("<4sIQI")
LONGEST_COMMENT = 1 << 16
BUFFER = 1 << 20
FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF  # "see the zip64 record"


class Concatenation(io.RawIOBase):
    """The beginnings of files, so many bytes of each, as one readable file."""

    def __init__(self, files: Sequence[BinaryIO], lengths: Sequence[int]) -> None:
        self.files = files
        self.starts = list(accumulate(lengths, initial=0))
        self.at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = offset + {io.SEEK_CUR: self.at, io.SEEK_END: self.starts[-1]}.get(whence, 0)
        if self.at < 0:
            raise ValueError(f"negative position {self.at}")
        return self.at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer from the file in which the position lies."""
        number = bisect_right(self.starts, self.at) - 1
        if number >= len(self.files):
            return 0
        self.files[number].seek(self.at - self.starts[number])
        block = self.files[number].read(min(len(buffer), self.starts[number + 1] - self.at))
        buffer[: len(block)] = block
        self.at += len(block)
        return len(block)


def parts_of(last: Path) -> list[Path]:
    """All parts of a split archive in order, `last` included; only `last` if it is not split."""
    return [*sorted(last.parent.glob(f"{last.stem}.z[0-9]*"), key=_number), last]


def _number(part: Path) -> int:
    return int(part.suffix[2:])


@contextmanager
def open_split(last: Path) -> Iterator[zipfile.ZipFile]:
    """Open the archive whose last part is NAME.zip.

    Raises UserError: parts are missing, or the end of the archive is no end of a zip.
    """
    paths = parts_of(last)
    lengths = [path.stat().st_size for path in paths]
    starts = list(accumulate(lengths, initial=0))
    try:
        position, disk, directory_disk, entries, size, offset = _read_end(last)
        missing = sorted(set(range(1, disk + 1)) - {_number(path) for path in paths[:-1]})
        if missing:
            named = ", ".join(f"{last.stem}.z{number:02}" for number in missing[:5])
            raise UserError(f"{last}: {len(missing)} of its {disk + 1} parts missing: {named}")
        start = starts[directory_disk] + offset
    except (struct.error, IndexError) as error:
        raise UserError(f"{last} is not the end of a zip archive: {error}") from error
    tail = (
        END64.pack(b"PK\x06\x06", END64.size - 12, 45, 45, 0, 0, entries, entries, size, start)
        + LOCATOR64.pack(b"PK\x06\x07", 0, start + size, 1)
        + END.pack(b"PK\x05\x06", 0, 0, FULL16, FULL16, FULL32, FULL32, 0)
    )
    with ExitStack() as stack:
        files: list[BinaryIO] = [stack.enter_context(open(path, "rb")) for path in paths]
        whole = Concatenation([*files, io.BytesIO(tail)], [*lengths[:-1], position, len(tail)])
        archive = stack.enter_context(zipfile.ZipFile(io.BufferedReader(whole, BUFFER)))
        for info in archive.infolist():
            info.header_offset += starts[info.volume]
            if hasattr(info, "_end_offset"):  # newer releases compare it with unmoved positions
                info._end_offset = None
        yield archive


def _read_end(last: Path) -> tuple[int, int, int, int, int, int]:
    """The end records of the last part, of which newer ones come first and count for more.

    Returns their position in it, its number from 0, and of the directory: the number of its part,
    entries, bytes, and position in its part.
    """
    size = last.stat().st_size
    with open(last, "rb") as file:
        file.seek(max(0, size - END.size - LONGEST_COMMENT))
        start, tail = file.tell(), file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0:
            raise UserError(f"{last} is not the end of a zip archive: is the download whole?")
        _, disk, directory_disk, _, entries, length, offset, _ = END.unpack_from(tail, at)
        if tail[at - LOCATOR64.size : at].startswith(b"PK\x06\x07"):
            _, _, at64, parts = LOCATOR64.unpack_from(tail, at - LOCATOR64.size)
            file.seek(at64)
            fields = END64.unpack(file.read(END64.size))
            disk, (directory_disk, _, entries, length, offset) = parts - 1, fields[5:]
            return at64, disk, directory_disk, entries, length, offset
    return start + at, disk, directory_disk, entries, length, offset
