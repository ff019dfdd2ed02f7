"""A corpus from where its owner keeps it to `<data_dir>/<name>`.

All work is done in a folder beside the corpus', `.<name>.download`, and whole files are moved from
there. So the corpus' folder never holds half a file, and a later call goes on from what is there.
`.downloaded.json` in it says what came from where.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from filelock import FileLock, Timeout

from ..errors import UserError, unknown
from ..files import write_whole
from . import archives, checksums, download, hub
from .sources import Archive, HubFiles, Source, WebFile

RECORD = ".downloaded.json"
ALL = "all"


@dataclass(frozen=True)
class Talk:
    """How progress is told."""

    say: Callable[[str], None]
    transfer: Callable[[str], AbstractContextManager[download.Report]]


def choose(name: str, source: Source, parts: Sequence[str]) -> list[WebFile | HubFiles]:
    """The items of the parts, and those that come with every part. Raises UserError."""
    known = source.parts
    if known and not parts:
        raise UserError(
            f"{name} comes in parts: {', '.join(known)}; name them with --part, or --part {ALL} "
            f"({source.size})"
        )
    for part in parts:
        if part not in (*known, ALL):
            raise (
                unknown(f"part of {name}", part, known)
                if known
                else UserError(f"{name} comes as one: it has no part {part!r}")
            )
    return [item for item in source.items if item.part in ("", *parts) or ALL in parts]


def acquire(
    name: str,
    root: Path,
    items: Sequence[WebFile | HubFiles],
    talk: Talk,
    *,
    mirror: str = "",
    patience: download.Patience = download.PATIENCE,
) -> None:
    """Fetch, check, unpack and put in place what is not in `root` yet.

    Raises UserError: whatever download, hub and archives raise, another process at the same work,
    a folder that was filled by other means or that cannot be written.
    """
    work = work_folder(root)
    try:
        record = _record(root)
        ahead = [item for item in items if _key(item) not in record]
        if not ahead:
            talk.say(f"{name}: all of it is in {root} already")
            return
        work.mkdir(parents=True, exist_ok=True)
        with FileLock(work / "lock", timeout=0):
            for answer in work.glob("zenodo-*.json"):
                answer.unlink()  # of another day
            for item in ahead:
                record[_key(item)] = _bring(item, root, work, mirror, patience, talk)
                write_whole(root / RECORD, json.dumps(record, indent=2))
        shutil.rmtree(work)
    except Timeout as error:
        raise UserError(f"another process downloads {name} into {work}") from error
    except OSError as error:
        raise UserError(
            f"cannot write {error.filename or root}: {error.strerror or error}"
        ) from error
    talk.say(f"{name}: done, in {root}")


def work_folder(root: Path) -> Path:
    """Where unfinished files of the corpus in `root` lie."""
    root = root.resolve()  # a link may lead to the disk where there is room
    return root.with_name(f".{root.name}.download")


def has_files(root: Path) -> bool:
    """Whether a corpus' folder is there and holds anything."""
    return root.is_dir() and any(root.iterdir())


def _record(root: Path) -> dict[str, Any]:
    """What was fetched into the folder so far. Raises UserError where it was filled by hand: files
    of the same names would be replaced."""
    path = root / RECORD
    if not path.exists():
        if has_files(root):
            raise UserError(
                f"{root} holds files that did not come by this command; "
                "move them away, or name another --data_dir"
            )
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UserError(f"{path} is not the record of a download: delete it and {root} with it")
    return found


def _key(item: WebFile | HubFiles) -> str:
    return item.url if isinstance(item, WebFile) else f"{item.repo}: {', '.join(item.patterns)}"


def _bring(
    item: WebFile | HubFiles,
    root: Path,
    work: Path,
    mirror: str,
    patience: download.Patience,
    talk: Talk,
) -> dict[str, str]:
    """One item into `root`. Returns what to remember of it."""
    stage = work / "files"
    stage.mkdir(exist_ok=True)
    shutil.rmtree(work / "unpacked", ignore_errors=True)
    if isinstance(item, WebFile):
        checksum = _fetch_web(item, stage, work, mirror, patience, talk)
    else:
        hub.fetch(
            item.repo,
            item.patterns,
            stage,
            endpoint=mirrored("https://huggingface.co", mirror) if mirror else None,
            say=talk.say,
        )
        checksum = "sha256 of every large file"
    for archive in item.archives:
        _unpack(archive, stage, work / "unpacked", talk)
    shutil.rmtree(stage / ".cache", ignore_errors=True)  # the Hub client's notes
    for folder in (work / "unpacked", stage):
        if folder.is_dir():
            archives.merge(folder, root)
            shutil.rmtree(folder)
    return {"checksum": checksum or "none published", "mirror": mirror}


def _fetch_web(
    item: WebFile,
    stage: Path,
    work: Path,
    mirror: str,
    patience: download.Patience,
    talk: Talk,
) -> str:
    """Fetch a file to `stage`. Returns the checksum it has."""
    checksum = item.checksum
    if item.zenodo:
        answer = work / f"zenodo-{item.zenodo}.json"
        url = mirrored(f"https://zenodo.org/api/records/{item.zenodo}", mirror)
        download.fetch(url, answer, patience=patience, say=talk.say)
        checksum = checksums.of_zenodo(answer.read_text(encoding="utf-8"), item.file_name)
    if not checksum:
        talk.say(f"{item.file_name}: its owner publishes no checksum, only its length is checked")
    with talk.transfer(item.file_name) as report:
        download.fetch(
            mirrored(item.url, mirror),
            stage / item.file_name,
            checksum=checksum,
            patience=patience,
            report=report,
            say=talk.say,
        )
    return checksum


def _unpack(archive: Archive, stage: Path, folder: Path, talk: Talk) -> None:
    """Unpack, and delete the archive with its parts. One that came out of another lies with what
    was unpacked."""
    path = stage / archive.name
    path = path if path.exists() else folder / archive.name
    talk.say(f"unpacking {path.name}")
    archives.unpack(path, folder / archive.into, inside=archive.inside)
    for part in archives.parts_of(path):
        part.unlink()


def mirrored(url: str, mirror: str) -> str:
    """An address on a mirror, which keeps each host's files under the host's name.

    Raises UserError where the mirror is no address.

    >>> mirrored("https://zenodo.org/records/1", "http://10.0.0.1:8000/data/")
    'http://10.0.0.1:8000/data/zenodo.org/records/1'
    """
    if not mirror:
        return url
    there = urlsplit(url)
    base = urlsplit(mirror)
    if base.scheme not in ("http", "https") or not base.netloc:
        raise UserError(f"mirror {mirror!r} must begin with http:// or https://")
    path = f"{base.path.rstrip('/')}/{there.netloc}{there.path}"
    return urlunsplit((base.scheme, base.netloc, path, there.query, ""))
