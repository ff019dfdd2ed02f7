"""A corpus from where its owner keeps it to `<data_dir>/<name>`.

All work is done in a folder next to the corpus', `.<name>.download`, and whole files are moved from
there. So the corpus' folder never holds half a file, and a later call resumes. `.downloaded.json`
in it records the source and checksum of what was fetched.
"""

import json
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from filelock import FileLock, Timeout
from rich.console import Console

from ...errors import UserError, unknown
from ...files import read_json, write_whole
from ...terminal import print_line
from ..sources import HubFiles, Source, WebFile
from . import archives, hub

RECORD = ".downloaded.json"
ALL = "all"

Item = WebFile | HubFiles


def choose(name: str, source: Source, parts: Sequence[str]) -> list[Item]:
    """The items of the parts, and those that come with every part. Raises UserError."""
    known = source.parts
    if known and not parts:
        raise UserError(
            f"{name} comes in parts: {', '.join(known)}; name them with --part, or --part {ALL} "
            f"({source.size})"
        )
    for part in parts:
        if not known:
            raise UserError(f"{name} comes as one: it has no part {part!r}")
        if part not in (*known, ALL):
            raise unknown(f"part of {name}", part, known)
    return [item for item in source.items if item.part in ("", *parts) or ALL in parts]


def acquire(
    name: str, root: Path, items: Sequence[Item], console: Console, mirror: str = ""
) -> None:
    """Fetch, check, unpack and put in place what is not in `root` yet.

    Raises UserError: all that download, hub and archives raise, another process at the same work,
    a folder that was filled by other means or that cannot be written.
    """
    work = work_folder(root)
    try:
        record = _record(root)
        ahead = [item for item in items if _key(item) not in record]
        if not ahead:
            print_line(console, f"{name}: all of it is in {root} already")
            return
        work.mkdir(parents=True, exist_ok=True)
        with FileLock(work / "lock", timeout=0):
            for answer in work.glob("zenodo-*.json"):
                answer.unlink()  # of another day
            for item in ahead:
                record[_key(item)] = _bring(item, root, work, mirror, console)
                write_whole(root / RECORD, json.dumps(record, indent=2))
        if not any(work.glob("files-*")):  # else a part that was begun earlier is still ahead
            shutil.rmtree(work)
    except Timeout as error:
        raise UserError(f"another process downloads {name} into {work}") from error
    except OSError as error:
        place = error.filename or root
        raise UserError(f"cannot write {place}: {error.strerror or error}") from error
    print_line(console, f"{name}: done, in {root}")


def work_folder(root: Path) -> Path:
    """The folder of unfinished files of the corpus in `root`."""
    root = root.resolve()  # a link may lead to the disk where there is room
    return root.with_name(f".{root.name}.download")


def has_files(root: Path) -> bool:
    """True if a corpus' folder is there and holds anything."""
    return root.is_dir() and any(root.iterdir())


def _record(root: Path) -> dict[str, Any]:
    """The items fetched into the folder so far. Raises UserError if it was filled by hand: files of
    the same names would be replaced."""
    if (root / RECORD).exists():
        return read_json(root / RECORD)
    if has_files(root):
        raise UserError(
            f"{root} holds files that did not come by this command; "
            "move them away, or name another --data_dir"
        )
    return {}


def _key(item: Item) -> str:
    return item.url if isinstance(item, WebFile) else f"{item.repo}: {', '.join(item.patterns)}"


def _bring(item: Item, root: Path, work: Path, mirror: str, console: Console) -> dict[str, str]:
    """Fetch an item, unpack it, and move it into `root`. Returns its entry in the record."""
    stage, unpacked = work / f"files-{zlib.crc32(_key(item).encode()):08x}", work / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    for copy in stage.glob("tmp*"):
        copy.unlink()  # pooch's, if it was killed in a checksum
    if isinstance(item, WebFile):
        checksum = _fetch_web(item, stage, work, mirror, console)
    else:
        stage.mkdir(exist_ok=True)
        endpoint = mirrored("https://huggingface.co", mirror) if mirror else None
        hub.fetch(item.repo, item.patterns, stage, console, endpoint)
        checksum = "the Hub's, of every file"
    for archive in item.archives:
        path = stage / archive.name
        path = path if path.exists() else unpacked / archive.name  # it came out of another
        print_line(console, f"unpacking {path.name}")
        archives.unpack(path, unpacked / archive.into, archive.inside)
        for part in archives.parts_of(path):
            part.unlink()
    shutil.rmtree(stage / ".cache", ignore_errors=True)  # the Hub client's notes
    for folder in (unpacked, stage):
        if folder.is_dir():
            archives.merge(folder, root)
            shutil.rmtree(folder)
    return {"checksum": checksum or "none published", "mirror": mirror}


def _fetch_web(item: WebFile, stage: Path, work: Path, mirror: str, console: Console) -> str:
    """Fetch a file to `stage`. Returns its published checksum; "" if there is none."""
    from . import download  # pooch: what lists corpora does without

    checksum = item.checksum
    if item.zenodo:
        answer = work / f"zenodo-{item.zenodo}.json"
        url = mirrored(f"https://zenodo.org/api/records/{item.zenodo}", mirror)
        download.fetch(url, answer, console)
        checksum = zenodo_checksum(answer.read_text(encoding="utf-8"), item.file_name)
    if not checksum:
        note = "its owner publishes no checksum, only its length is checked"
        print_line(console, f"{item.file_name}: {note}")
    download.fetch(mirrored(item.url, mirror), stage / item.file_name, console, checksum)
    return checksum


def zenodo_checksum(record: str, name: str) -> str:
    """The checksum of one file in the JSON that Zenodo's API answers for a record.

    Raises UserError if that is no record, or one without the file.
    """
    try:
        checksums = {file["key"]: str(file["checksum"]) for file in json.loads(record)["files"]}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"Zenodo's answer is not a record with files and checksums: {error!r}"
        ) from error
    if name not in checksums:
        raise UserError(
            f"Zenodo's record has no checksum for {name}; its files: {', '.join(checksums)}"
        )
    return checksums[name]


def mirrored(url: str, mirror: str) -> str:
    """An address on a mirror, which keeps each host's files under the host's name.

    Raises UserError if the mirror is no address.

    >>> mirrored("https://zenodo.org/records/1", "http://10.0.0.1:8000/data/")
    'http://10.0.0.1:8000/data/zenodo.org/records/1'
    """
    if not mirror:
        return url
    there, base = urlsplit(url), urlsplit(mirror)
    if base.scheme not in ("http", "https") or not base.netloc:
        raise UserError(f"mirror {mirror!r} must begin with http:// or https://")
    path = f"{base.path.rstrip('/')}/{there.netloc}{there.path}"
    return urlunsplit((base.scheme, base.netloc, path, there.query, ""))
