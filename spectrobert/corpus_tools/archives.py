"""Archives unpacked so that nothing leaves the folder, and nothing half-written stays in it.

Members are copied one by one by code of our own: names are checked, links become copies of what
they point to in the archive, so no link is ever made on the disk, and devices are refused.
(tarfile's `data` filter does less, and the first releases of Python 3.10 lack it.) Everything goes
to a folder aside first; whole folders are then moved in place.
"""

from __future__ import annotations

import gzip
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from lzma import LZMAError
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from rich.filesize import decimal

from ..errors import UserError
from .disk import require_room
from .split_zip import open_split, parts_of

BLOCK = 1 << 20
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    LZMAError,
    EOFError,
    NotImplementedError,  # a compression that zipfile lacks
    RuntimeError,  # zipfile's word for an encrypted member
    OverflowError,
    ValueError,
)

Member = tuple[
    str, int, Callable[[], "IO[bytes] | None"]
]  # name, size, how to open; None: a folder
Report = Callable[[int, "int | None"], None]  # bytes unpacked, bytes in all if known


def unpack(
    archive: Path,
    folder: Path,
    *,
    inside: str = "",
    report: Report = lambda done, total: None,
) -> None:
    """Unpack an archive into `folder`, which may hold other files.

    `inside` is a folder of the archive: only what lies in it is taken, without its name. Raises
    UserError that names the archive: unknown kind, damaged, a member that would leave the folder
    or is neither file nor folder, no room on the disk. Then nothing was put in the folder.
    """
    reader = next((READERS[s] for s in READERS if archive.name.lower().endswith(s)), None)
    if reader is None:
        raise UserError(f"{archive}: unknown kind of archive; known: {', '.join(READERS)}")
    aside = archive.with_name(f"{archive.name}.unpacking")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        _extract(archive, reader(archive, aside), aside, report)
        top = aside / inside
        if not top.is_dir():
            found = ", ".join(sorted(path.name for path in aside.iterdir())[:5])
            raise UserError(f"{archive} holds no folder {inside}, but: {found}")
        merge(top, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def merge(source: Path, target: Path) -> None:
    """Move what is in `source` into `target`; folders in both are merged, files replaced."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        place = target / path.name
        if path.is_dir() and place.is_dir():
            merge(path, place)
        else:
            shutil.move(path, place)  # a rename, or a copy to another disk


def _extract(archive: Path, members: Iterator[Member], folder: Path, report: Report) -> None:
    """Write the members under `folder`. Raises UserError."""
    room = shutil.disk_usage(folder).free
    done = 0
    try:
        for name, size, open_member in members:
            place = folder / _safe(archive, name)
            content = open_member()
            if content is None:
                place.mkdir(parents=True, exist_ok=True)
                continue
            done += size
            if done > room:  # told before it is written: sizes of a tar are known one by one
                raise UserError(f"{archive} unpacks to more than {decimal(room)}, all that is free")
            place.parent.mkdir(parents=True, exist_ok=True)
            with content, open(place, "xb") as file:
                _copy(archive, name, content, file, size)
            report(done, None)
    except UserError:  # a ValueError too
        raise
    except DAMAGED as error:
        raise UserError(
            f"{archive} is damaged: {_first_line(error)}; delete it and fetch it again"
        ) from error
    except OSError as error:
        raise UserError(f"{archive} cannot be unpacked: {error.strerror or error}") from error


def _copy(archive: Path, name: str, content: IO[bytes], file: IO[bytes], size: int) -> None:
    """Copy a member, which must be as long as the archive says. Raises UserError."""
    left = size
    while block := content.read(min(BLOCK, left + 1)):
        left -= len(block)
        if left < 0:
            break
        file.write(block)
    if left:
        more = "more" if left < 0 else "less"
        raise UserError(f"{archive} is damaged: {name} has {more} than its {size} bytes")


def _safe(archive: Path, name: str) -> PurePosixPath:
    """A member's path, relative and without `..`. Raises UserError for any other."""
    path = PurePosixPath(name.replace("\\", "/"))
    drive = PureWindowsPath(name).drive
    if path.is_absolute() or drive or ".." in path.parts or "\0" in name:
        raise UserError(f"{archive} is refused: its member {name!r} would leave the folder")
    return path


def _zip_members(archive: Path, folder: Path) -> Iterator[Member]:
    """Whatever is declared must fit the disk; zipfile itself never gives out more than that, and
    checks each member's CRC."""
    with ExitStack() as stack:
        is_split = len(parts_of(archive)) > 1
        source = stack.enter_context(open_split(archive)) if is_split else archive
        opened = stack.enter_context(zipfile.ZipFile(source))
        infos = opened.infolist()
        require_room(folder, sum(info.file_size for info in infos), f"unpacking {archive}")
        for info in infos:
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise UserError(
                    f"{archive} is refused: its member {info.filename!r} is neither file nor folder"
                )
            if info.is_dir():
                yield info.filename, 0, lambda: None
            else:
                yield info.filename, info.file_size, lambda info=info: opened.open(info)  # type: ignore[misc]


def _tar_members(archive: Path, folder: Path) -> Iterator[Member]:
    with tarfile.open(archive, "r:*") as opened:
        for info in opened:
            if info.isdir():
                yield info.name, 0, lambda: None
                continue
            if not (info.isfile() or info.issym() or info.islnk()):
                raise UserError(
                    f"{archive} is refused: its member {info.name!r} is neither file nor folder"
                )
            target = _target(archive, opened, info)
            yield info.name, target.size, lambda target=target: opened.extractfile(target)  # type: ignore[misc]
        _check_end(archive, opened)


def _check_end(archive: Path, opened: tarfile.TarFile) -> None:
    """Raises UserError where what follows the last member is not the zeros that end a tar: tarfile
    takes a damaged header, or nothing at all, for the end. Reads all, for gzip's checksum stands
    behind it."""
    file = opened.fileobj
    assert file is not None
    is_whole = True
    if file.tell() < opened.offset + tarfile.BLOCKSIZE:  # else tarfile has read the first zeros
        file.seek(opened.offset)
        header = file.read(tarfile.BLOCKSIZE)
        is_whole = header == bytes(tarfile.BLOCKSIZE)
    while block := file.read(BLOCK):
        is_whole = is_whole and not block.strip(b"\0")
    if not is_whole:
        raise UserError(f"{archive} is damaged after {len(opened.getmembers())} members")


def _target(archive: Path, opened: tarfile.TarFile, info: tarfile.TarInfo) -> tarfile.TarInfo:
    """The file a member is or links to. Raises UserError where the archive has no such file."""
    name = info.linkname
    if info.issym():
        name = str(PurePosixPath(info.name).parent / info.linkname)
    try:
        target = opened.getmember(_normal(name)) if info.issym() or info.islnk() else info
    except KeyError:
        target = None
    if target is None or not target.isfile():
        raise UserError(
            f"{archive} is refused: its member {info.name!r} links to {info.linkname!r}, which is "
            "no file of the archive"
        )
    return target


def _normal(name: str) -> str:
    """`a/b/../c` as `a/c`, in text alone."""
    parts: list[str] = []
    for part in PurePosixPath(name).parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


READERS: dict[str, Callable[[Path, Path], Iterator[Member]]] = {
    ".zip": _zip_members,
    ".tar.gz": _tar_members,
    ".tgz": _tar_members,
    ".tar.bz2": _tar_members,
    ".tar": _tar_members,
}
