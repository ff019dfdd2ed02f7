"""A corpus as 16 kHz mono copies with the tables that training reads: `data prepare`.

FOLDER/                 may be moved: paths in it are relative
    prepared.json       corpus; task and options of each table
    audio/ab/<key>.flac a copy of one recording; <key> is of its path, size and time of change
    <task>-<key>/       as a version in store.py
        unusable.json   rows whose audio cannot be used
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pyarrow as pa

from .. import corpora
from ..audio import convert
from ..corpora.example import Example
from ..errors import UserError
from ..files import write_whole
from ..settings.paths import file_options
from . import checks, rows, store

INDEX = "prepared.json"


class Written(NamedTuple):
    """One table of a prepared folder."""

    folder: Path
    num_rows: int
    unusable: list[store.Unusable]


def processes(num_workers: int) -> ProcessPoolExecutor:
    """What copies: processes that start with the first file to copy."""
    # Arrow's threads do not survive a fork
    return ProcessPoolExecutor(num_workers, mp_context=multiprocessing.get_context("spawn"))


def write(
    out: Path,
    name: str,
    root: Path,
    task: str,
    options: Mapping[str, Any],
    pool: Executor,
    progress: checks.Progress = checks.no_progress,
) -> Written:
    """Copy the recordings of a corpus that are not there yet, and write its table for one task.

    Args:
        pool: of `processes`; several tables may share it.

    Raises UserError where the corpus cannot be used, or the folder holds another one.
    """
    index = _index(out)
    if index["corpus"] not in ("", name):
        raise UserError(f"--out {out} holds {index['corpus']}: give {name} its own")
    parsed = store.parsed(name, root, task, options)
    variant = f"{task}-{_key(json.dumps(_plain(name, options), sort_keys=True))[:8]}"
    aside = out / f".{uuid4().hex}"
    try:
        aside.mkdir(parents=True)
        unusable: list[store.Unusable] = []
        copied = _copied(parsed, out, root.absolute(), pool, unusable, progress)
        store.write_folder(aside, chain(parsed.dropped, copied))
        write_whole(aside / "unusable.json", json.dumps(unusable))
        shutil.rmtree(out / variant, ignore_errors=True)
        aside.rename(out / variant)
        tables = index["tables"] | {variant: {"task": task, "options": _plain(name, options)}}
        write_whole(out / INDEX, json.dumps({"corpus": name, "tables": tables}, indent=2))
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Written(out / variant, parsed.table.num_rows - len(unusable), unusable)


def opened(folder: Path, name: str, task: str, options: Mapping[str, Any]) -> store.Parsed:
    """The table of a prepared folder for a task and options.

    Raises UserError where the folder is none, is of another corpus, or was not prepared for these.
    """
    index = _index(folder)
    if index["corpus"] != name:
        held = f"holds {index['corpus']}, not {name}" if index["corpus"] else "is not prepared"
        raise UserError(f"dataset.prepared={folder} {held}; write one with: data prepare {name}")
    asked = _plain(name, options)
    of_task = {
        v: _plain(name, t["options"]) for v, t in index["tables"].items() if t["task"] == task
    }
    # A corpus of the user's own need not be named again: its folder holds what its files said
    files = corpora.corpus(name).files
    is_any = bool(files) and not any(asked[option] for option in files) and len(of_task) == 1
    variants = [variant for variant, own in of_task.items() if is_any or own == asked]
    if not variants:
        held = "; ".join(f"{t['task']} {t['options'] or ''}" for t in index["tables"].values())
        raise UserError(
            f"dataset.prepared={folder} has no table of task {task} with {asked or 'no options'};"
            f" it has: {held}"
        )
    try:
        found = store.open_folder(folder / variants[0])
        unusable = json.loads((folder / variants[0] / "unusable.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise UserError(f"{folder / variants[0]} is damaged ({error}); prepare it again") from error
    if found.table.column_names != rows.SCHEMA.names:
        raise UserError(
            f"{folder / variants[0]} was written by another version of spectrobert;"
            " prepare it again"
        )
    table = rows.located(found.table, str(folder.absolute()))
    return store.Parsed(
        found.folder, table, found.dropped, tuple(store.Unusable(*row) for row in unusable)
    )


def _index(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"corpus": "", "tables": {}}
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / INDEX} cannot be read: {error}") from error


def _plain(corpus: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON holds them; paths of label files are one however they are spelt."""
    files = {
        option: [value] if isinstance(value, str) else value
        for option, value in file_options(corpus, options).items()
    }
    return json.loads(json.dumps({**options, **files}, default=list))


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _copied(
    parsed: store.Parsed,
    out: Path,
    root: Path,
    pool: Executor,
    unusable: list[store.Unusable],
    progress: checks.Progress,
) -> Iterator[Example]:
    """The examples with copies in place of their recordings; those without go to `unusable`."""
    faults: dict[str, str] = {}  # copy -> what is wrong with its recording
    done = count(1)
    for batch in parsed.table.to_batches(max_chunksize=512):
        examples = list(rows.examples(batch))
        names: dict[str | bytes, str] = {}
        for audio in {s.audio: None for e in examples for s in e.audio}:
            names[audio] = _copy_name(audio, root)
        for name in names.values():
            if name not in faults and (out / name).exists():
                faults[name] = ""
        new = {audio: name for audio, name in names.items() if name not in faults}
        found = pool.map(convert.copy, new, (out / name for name in new.values()))
        faults |= zip(new.values(), found)
        for example in examples:
            bad = [(s, f) for s in example.audio if (f := faults[names[s.audio]])]
            if bad:
                where = checks.recording(bad[0][0])
                unusable.append(store.Unusable(example.id, where, bad[0][1], example.split))
            else:
                yield replace(
                    example, audio=tuple(s._replace(audio=names[s.audio]) for s in example.audio)
                )
            progress(next(done), parsed.table.num_rows)


def _copy_name(audio: str | bytes, root: Path) -> str:
    """The same for a recording as long as it does not change, also where the corpus is moved."""
    if isinstance(audio, bytes):
        key = hashlib.sha256(audio).hexdigest()[:32]
    else:
        try:
            status = os.stat(audio)
            key = _key(f"{os.path.relpath(audio, root)}|{status.st_size}|{status.st_mtime_ns}")
        except OSError:
            key = _key(audio)
    return f"audio/{key[:2]}/{key}.flac"
