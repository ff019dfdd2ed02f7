"""Parsed corpora and findings about their audio, cached on disk.

Parsing 400,000 rows takes a minute, opening them again none.

$SPECTROBERT_CACHE/<corpus>/<fingerprint>/
    current.json        name of the present version, and the stamp of the corpus it was made of
    <version>/          never changed once it is there: others may have it open
        rows.arrow      rows.SCHEMA; audio embedded in Parquet is copied, so that it can be sought
        dropped.json    the rows that the parser leaves out
        findings.*.json lengths and faults of the audio
        equal.json      recordings that are equal files
$SPECTROBERT_CACHE/<corpus>.json   findings per file, of small corpora
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import corpora
from ..audio.segment import Segment
from ..corpora import example
from ..corpora.example import Dropped, Example
from ..errors import UserError
from ..files import write_whole
from . import checks, equal_files, rows, stamps

CURRENT = "current.json"
UNUSED_DAYS = 30  # after which a version that is no longer the present one is deleted


def cache_dir() -> Path:
    """The folder of all caches: $SPECTROBERT_CACHE, or one in the user's cache folder."""
    base = os.environ.get("SPECTROBERT_CACHE")
    return Path(base) if base else Path.home() / ".cache" / "spectrobert"


class Unusable(NamedTuple):
    """A row whose audio could not be copied."""

    id: str
    recording: str
    fault: str
    split: str  # the owner's


@dataclass(frozen=True)
class Parsed:
    """A corpus for one task."""

    folder: Path
    table: pa.Table  # rows.SCHEMA, memory-mapped
    dropped: list[Dropped]
    unusable: tuple[Unusable, ...] = ()  # rows that `data prepare` has left out


def parsed(name: str, root: Path, task: str, options: Mapping[str, Any]) -> Parsed:
    """The rows of a corpus, parsed again only if its files, its options or the code have changed.

    Raises UserError if the corpus cannot be used, or an id occurs twice in it.
    """
    corpora.require(name, root, task)
    root = root.absolute()
    found = corpora.corpus(name)
    options = {**options, **{o: _absolute(options[o]) for o in found.files if o in options}}
    options |= {o: os.path.abspath(options[o]) for o in found.folders if options.get(o)}
    home = cache_dir() / name / fingerprint(name, root, task, options)
    current = _current(home)
    if current is None:
        files = [path for option in found.files for path in _absolute(options[option])]
        try:
            current = _parse(home, files, name, root, task, options)
        except UnicodeEncodeError as error:
            raise UserError(f"dataset {name!r} has half a character in a cell: {error}") from error
        except OSError as error:
            raise UserError(
                f"cannot keep the rows of {name} in {home}: {error.strerror or error};"
                " SPECTROBERT_CACHE may name another folder"
            ) from error
    return current


def fingerprint(name: str, root: Path, task: str, options: Mapping[str, Any]) -> str:
    """Hash of all that a parser's rows depend on, except the corpus' files."""
    parsers = Path(corpora.__file__).parent.rglob("*.py")
    code = [Path(module) for module in (__file__, example.__file__, rows.__file__)]
    sources = hashlib.sha256(b"".join(p.read_bytes() for p in (*sorted(parsers), *code)))
    parts = [sources.hexdigest(), name, str(root), task, dict(options)]
    text = json.dumps(parts, sort_keys=True, default=list)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _absolute(names: str | Iterable[str]) -> list[str]:
    """A cached row must mean the same file from any working folder."""
    return [os.path.abspath(n) for n in ([names] if isinstance(names, str) else names) if n]


def _current(home: Path) -> Parsed | None:
    """The present version; None if there is none, it is damaged, or the corpus has changed."""
    try:
        kept = json.loads((home / CURRENT).read_text(encoding="utf-8"))
        if not stamps.holds(kept["stamp"]):
            return None
        return open_folder(home / kept["version"])
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        return None


def open_folder(folder: Path) -> Parsed:
    """A version. Raises OSError, ValueError or ArrowException if it is not whole."""
    with pa.memory_map(str(folder / "rows.arrow")) as source:
        table = pa.ipc.open_stream(source).read_all()
    dropped = json.loads((folder / "dropped.json").read_text(encoding="utf-8"))
    with suppress(OSError):  # another user's folder
        os.utime(folder)  # in use
    return Parsed(folder, table, [Dropped(*row) for row in dropped])


def _parse(
    home: Path, files: list[str], name: str, root: Path, task: str, options: Mapping[str, Any]
) -> Parsed:
    stamp = stamps.take(root, files)  # before parsing: changes meanwhile are read next time
    aside = home / f".{uuid4().hex}"
    aside.mkdir(parents=True)
    try:
        write_folder(aside, corpora.stream(name, root, task, **options))
        _refuse_repeated_ids(name, open_folder(aside).table)
        if corpora.corpus(name).makes_files:
            # else a folder that is deleted later looks as it did before there was one
            stamp = stamps.take(root, files)
        version = home / uuid4().hex
        aside.rename(version)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    write_whole(home / CURRENT, json.dumps({"version": version.name, "stamp": stamp}))
    _forget(home, version)
    return open_folder(version)


def write_folder(folder: Path, parsed: Iterable[Example | Dropped]) -> None:
    """The files of a version, from a parser, with few rows in memory at any time."""
    dropped: list[Dropped] = []

    def examples() -> Iterator[Example]:
        for row in parsed:
            if isinstance(row, Dropped):
                dropped.append(row)
            else:
                yield row

    with pa.ipc.new_stream(str(folder / "rows.arrow"), rows.SCHEMA) as writer:
        for batch in rows.batches(examples()):
            writer.write_batch(batch)
    write_whole(folder / "dropped.json", json.dumps(dropped))


def _refuse_repeated_ids(name: str, table: pa.Table) -> None:
    ids = table.column("id")
    if pc.count_distinct(ids).as_py() == len(ids):
        return
    counts = pc.value_counts(ids.combine_chunks())
    repeated = counts.filter(pc.greater(pc.struct_field(counts, "counts"), 1)).to_pylist()
    raise UserError(
        f"dataset {name!r}: {len(repeated)} example ids occur more than once, the first:"
        f" {repeated[0]['values']!r}, {repeated[0]['counts']} times"
    )


def _forget(home: Path, present: Path) -> None:
    """Delete versions not opened for long; another process may be using a fresh one."""
    for folder in home.iterdir():
        if folder.is_dir() and folder != present:
            age = time.time() - folder.stat().st_mtime
            if age > UNUSED_DAYS * 24 * 3600:
                shutil.rmtree(folder, ignore_errors=True)


def equal_recordings(parsed: Parsed, mode: str) -> list[list[str]]:
    """Recordings that are equal files; none in mode "none", which opens no file."""
    if mode == "none":
        return []
    files = rows.files(parsed.table)
    return _kept(parsed.folder / "equal.json", files, lambda: equal_files.groups(files.to_pylist()))


def findings(
    parsed: Parsed, name: str, mode: str, progress: checks.Progress = checks.no_progress
) -> checks.Findings:
    """Findings of `checks.look`, made again only if audio files have changed."""
    if mode == "none":
        return checks.look(parsed.table, mode)

    def look() -> dict[str, Any]:
        num_recordings = pc.count_distinct(rows.stretches(parsed.table).recording).as_py()
        is_small = num_recordings <= checks.MAX_STATTED
        known = KnownFindings(cache_dir() / f"{name}.json") if is_small else None
        found = checks.look(
            parsed.table, mode, known.look_at if known else checks.look_at, progress
        )
        if known:
            known.write()
        faults = [[row, *why] for row, why in found.faults.items()]
        return {"seconds": found.seconds.tolist(), "faults": faults}

    kept = _kept(parsed.folder / f"findings.{mode}.json", rows.files(parsed.table), look)
    faults = {row: (recording, fault) for row, recording, fault in kept["faults"]}
    return checks.Findings(np.array(kept["seconds"]), faults)


def _kept(path: Path, files: pa.Array, find: Callable[[], Any]) -> Any:
    """A finding about audio files, read from disk as long as they do not change."""
    stamp = stamps.of_audio(files)
    with suppress(OSError, ValueError, KeyError, TypeError):  # none yet, or damaged
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["stamp"] == stamp:
            return kept["found"]
    found = find()
    with suppress(OSError):  # a cache that cannot be written to is a slow one, nothing worse
        write_whole(path, json.dumps({"stamp": stamp, "found": found}))
    return found


class KnownFindings:
    """Findings by (path, size, time of change, stretch, decoded or not), kept in one JSON file.

    A damaged entry, or file, is left out: those recordings are looked at again.
    """

    def __init__(self, path: Path):
        self.path = path
        self.is_changed = False
        known: Any = None
        with suppress(OSError, ValueError):  # ValueError: neither JSON nor UTF-8
            known = json.loads(path.read_text(encoding="utf-8"))
        self.known: dict[str, list] = {
            key: finding
            for key, finding in (known.items() if isinstance(known, dict) else ())
            if isinstance(finding, list) and [type(part) for part in finding] == [str, float]
        }

    def look_at(self, segment: Segment, decode: bool) -> checks.Found:
        """`checks.look_at`, for stretches that are not known yet."""
        key = self._key(segment, decode)
        if key not in self.known:
            found = checks.look_at(segment, decode)
            if not key:
                return found
            self.known[key] = list(found)
            self.is_changed = True
        fault, length = self.known[key]
        return fault, length

    def _key(self, segment: Segment, decode: bool) -> str:
        """Identity of a stretch; "" for a missing file."""
        audio = segment.audio
        if isinstance(audio, bytes):
            recording = hashlib.sha256(audio).hexdigest()
        elif version := stamps.file_version(audio):
            recording = f"{os.path.abspath(audio)}|{version[0]}|{version[1]}"
        else:
            return ""
        return f"{recording}|{segment.start}|{segment.end}|{int(decode)}"

    def write(self) -> None:
        if self.is_changed:
            with suppress(OSError):
                write_whole(self.path, json.dumps(self.known))
