"""Parsed corpora, kept on disk: parsing 400,000 rows takes a minute, opening them again none.

$SPECTROBERT_CACHE/<corpus>/<fingerprint>/
    current.json        which version is the present one, and the stamp of the corpus it was made of
    <version>/          never changed once it stands there: others may have it open
        rows.arrow      rows.SCHEMA; audio embedded in Parquet is copied, so that it can be sought
        dropped.json    the rows that the parser leaves out
        findings.*.json what looking at the audio found
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import corpora
from ..corpora import example
from ..corpora.example import Dropped, Example
from ..errors import UserError
from ..files import write_whole
from . import checks, equal_files, rows, stamps

CURRENT = "current.json"
UNUSED_DAYS = 30  # after which a version that is no longer the present one is deleted


def cache_dir() -> Path:
    """Where parsed corpora and findings lie: $SPECTROBERT_CACHE, or the user's cache folder."""
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
    """The rows of a corpus, parsed anew only where its files, its options or the code have changed.

    Raises UserError where the corpus cannot be used, or an id occurs twice in it.
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
    """Of all that decides what a parser yields, but for the corpus' files."""
    parsers = Path(corpora.__file__).parent.rglob("*.py")
    code = [Path(module) for module in (__file__, example.__file__, rows.__file__)]
    sources = hashlib.sha256(b"".join(p.read_bytes() for p in (*sorted(parsers), *code)))
    parts = [sources.hexdigest(), name, str(root), task, dict(options)]
    told = json.dumps(parts, sort_keys=True, default=list)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _absolute(names: str | Iterable[str]) -> list[str]:
    """A cached row must mean the same file from any working folder."""
    return [os.path.abspath(n) for n in ([names] if isinstance(names, str) else names) if n]


def _current(home: Path) -> Parsed | None:
    """The present version; None where there is none, it is damaged, or the corpus has changed."""
    try:
        kept = json.loads((home / CURRENT).read_text(encoding="utf-8"))
        if not stamps.holds(kept["stamp"]):
            return None
        return open_folder(home / kept["version"])
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        return None


def open_folder(folder: Path) -> Parsed:
    """A version. Raises OSError, ValueError or ArrowException where it is not whole."""
    with pa.memory_map(str(folder / "rows.arrow")) as source:
        table = pa.ipc.open_stream(source).read_all()
    dropped = json.loads((folder / "dropped.json").read_text(encoding="utf-8"))
    with suppress(OSError):  # a folder of somebody else's
        os.utime(folder)  # in use
    return Parsed(folder, table, [Dropped(*row) for row in dropped])


def _parse(
    home: Path, files: list[str], name: str, root: Path, task: str, options: Mapping[str, Any]
) -> Parsed:
    stamp = stamps.take(root, files)  # before parsing: what changes meanwhile is read next time
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

    def kept() -> Iterator[Example]:
        for row in parsed:
            if isinstance(row, Dropped):
                dropped.append(row)
            else:
                yield row

    with pa.ipc.new_stream(str(folder / "rows.arrow"), rows.SCHEMA) as writer:
        for batch in rows.batches(kept()):
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
    """Delete versions that nobody has opened for long; another process may be using a fresh one."""
    for folder in home.iterdir():
        if folder.is_dir() and folder != present:
            age = time.time() - folder.stat().st_mtime
            if age > UNUSED_DAYS * 24 * 3600:
                shutil.rmtree(folder, ignore_errors=True)


def equal_recordings(parsed: Parsed, mode: str) -> list[list[str]]:
    """Recordings that are equal files (equal_files.py), looked for only if files have changed.

    None are looked for in mode "none", which opens no file.
    """
    if mode == "none":
        return []
    paths = rows.files(parsed.table)
    stamp = stamps.of_audio(paths)
    kept = parsed.folder / "equal.json"
    try:
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known["stamp"] == stamp:
            return known["equal"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none yet, or damaged
    found = equal_files.groups(paths.to_pylist())
    with suppress(OSError):
        write_whole(kept, json.dumps({"stamp": stamp, "equal": found}))
    return found


def findings(
    parsed: Parsed, name: str, mode: str, progress: checks.Progress = checks.no_progress
) -> checks.Findings:
    """What `checks.look` finds, looked for anew only where audio files have changed."""
    if mode == "none":
        return checks.look(parsed.table, mode, Path(), progress)
    stamp = stamps.of_audio(rows.files(parsed.table))
    path = parsed.folder / f"findings.{mode}.json"
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["stamp"] == stamp:
            faults = {row: (recording, fault) for row, recording, fault in kept["faults"]}
            return checks.Findings(np.array(kept["seconds"]), faults)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none yet, or damaged
    found = checks.look(parsed.table, mode, cache_dir() / f"{name}.json", progress)
    kept = {
        "stamp": stamp,
        "seconds": found.seconds.tolist(),
        "faults": [[row, *why] for row, why in found.faults.items()],
    }
    with suppress(OSError):  # a cache that cannot be written to is a slow one, nothing worse
        write_whole(path, json.dumps(kept))
    return found
