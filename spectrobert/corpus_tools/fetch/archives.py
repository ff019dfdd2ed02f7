"""Archives unpacked so that nothing leaves the folder, and nothing half-written stays in it.

`zipfile` and tarfile's `data` filter extract the members. Names that point elsewhere, devices, and
two members of one name are refused here, and links become copies of the file that they point to in
the archive: no link is ever made on the disk. Everything goes to a folder aside first; whole
folders are then moved in place.
"""

import gzip
import posixpath
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from lzma import LZMAError
from pathlib import Path, PurePosixPath, PureWindowsPath

from rich.filesize import decimal

from ...errors import UserError
from .split_zip import open_split, parts_of
from .transfers import require_room

BLOCK = 1 << 20
NO_FILE = " is refused: its member {!r} is neither file nor folder"
DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, LZMAError, EOFError),
    *(OverflowError, ValueError),
    RuntimeError,  # of zipfile: an encrypted member, or a compression that it lacks
)


def unpack(archive: Path, folder: Path, inside: str = "") -> None:
    """Unpack an archive into `folder`, which may hold other files.

    `inside` is a folder of the archive: only its content is taken, without its name. Raises
    UserError that names the archive: unknown kind, damaged, a member that would leave the folder
    or is neither file nor folder, no room on the disk. Then nothing was put in the folder.
    """
    extract = next((EXTRACT[s] for s in EXTRACT if archive.name.lower().endswith(s)), None)
    if extract is None:
        raise UserError(f"{archive}: unknown kind of archive; known: {', '.join(EXTRACT)}")
    aside = archive.with_name(f"{archive.name}.unpacking")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        extract(archive, aside)
        top = aside / inside
        if not top.is_dir():
            names = ", ".join(sorted(path.name for path in aside.iterdir())[:5])
            raise UserError(f"{archive} holds no folder {inside}, but: {names}")
        merge(top, folder)
    except UserError:  # a ValueError too
        raise
    except DAMAGED as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{archive} is damaged: {reason}; delete it and fetch it again") from error
    except OSError as error:
        raise UserError(f"{archive} cannot be unpacked: {error.strerror or error}") from error
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


def _safe(archive: Path, name: str, folder: Path) -> str:
    """A member's path in `folder`. Raises UserError if it leads out, or to another member's."""
    path = PurePosixPath(name.replace("\\", "/"))
    drive = PureWindowsPath(name).drive
    if path.is_absolute() or drive or ".." in path.parts or "\0" in name:
        raise UserError(f"{archive} is refused: its member {name!r} would leave the folder")
    if (folder / path).is_file():
        raise UserError(f"{archive} is refused: it holds {name!r} twice")
    return str(path)


def _extract_zip(archive: Path, folder: Path) -> None:
    """Extract a zip, whose declared size must fit the disk: zipfile gives out no more than that,
    and checks each member's CRC."""
    is_split = len(parts_of(archive)) > 1
    with open_split(archive) if is_split else zipfile.ZipFile(archive) as opened:
        infos = opened.infolist()
        require_room(folder, sum(info.file_size for info in infos), f"unpacking {archive}")
        for info in infos:
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise UserError(f"{archive}{NO_FILE.format(info.filename)}")
            slash = "/" if info.is_dir() else ""
            info.filename = _safe(archive, info.filename, folder) + slash
            opened.extract(info, folder)


def _extract_tar(archive: Path, folder: Path) -> None:
    room, size = shutil.disk_usage(folder).free, 0
    with tarfile.open(archive, "r:*") as opened:
        for info in opened:
            name = _safe(archive, info.name, folder)
            source = _link_target(archive, opened, info) if info.issym() or info.islnk() else info
            if not (source.isfile() or source.isdir()):
                raise UserError(f"{archive}{NO_FILE.format(info.name)}")
            size += source.size
            if size > room:  # before it is written: sizes of a tar are known one by one
                raise UserError(f"{archive} unpacks to more than {decimal(room)}, all that is free")
            mode = 0o755 if source.isdir() else 0o644
            opened.extract(source.replace(name=name, mode=mode, deep=False), folder, filter="data")
        _check_end(archive, opened)


def _link_target(archive: Path, opened: tarfile.TarFile, info: tarfile.TarInfo) -> tarfile.TarInfo:
    """The file that a link points to. Raises UserError if the archive has no such file."""
    base = posixpath.dirname(info.name) if info.issym() else ""
    try:
        target = opened.getmember(posixpath.normpath(posixpath.join(base, info.linkname)))
    except KeyError:
        target = info
    if not target.isfile():
        raise UserError(
            f"{archive} is refused: its member {info.name!r} links to {info.linkname!r}, which is "
            "no file of the archive"
        )
    return target


def _check_end(archive: Path, opened: tarfile.TarFile) -> None:
    """Raise UserError if anything but the zeros that end a tar follows the last member: tarfile
    takes a damaged header, or nothing at all, for the end. Reads all, for gzip's checksum stands
    behind it."""
    file = opened.fileobj
    assert file is not None
    is_whole = True
    if file.tell() < opened.offset + tarfile.BLOCKSIZE:  # else tarfile has read the first zeros
        file.seek(opened.offset)
        is_whole = file.read(tarfile.BLOCKSIZE) == bytes(tarfile.BLOCKSIZE)
    while block := file.read(BLOCK):
        is_whole = is_whole and not block.strip(b"\0")
    if not is_whole:
        raise UserError(f"{archive} is damaged after {len(opened.getmembers())} members")


EXTRACT: dict[str, Callable[[Path, Path], None]] = {
    ".zip": _extract_zip,
    **dict.fromkeys((".tar.gz", ".tgz", ".tar.bz2", ".tar"), _extract_tar),
}
