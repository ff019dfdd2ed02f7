"""Write a corpus as 16 kHz mono copies with the tables that training reads: `data prepare`.

The layout of the folder stands in data/copies.py.
"""

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

from ..audio import convert, io
from ..corpora.example import Example
from ..data import checks, copies, rows, store
from ..errors import UserError
from ..files import write_whole


class Written(NamedTuple):
    """One table of a prepared folder."""

    num_rows: int
    unusable: list[store.Unusable]


def processes(num_workers: int) -> ProcessPoolExecutor:
    """Processes that copy; they start with the first file."""
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

    Raises UserError if the corpus cannot be used, or the folder holds another one.
    """
    index = copies.read_index(out)
    if index["corpus"] not in ("", name):
        raise UserError(f"--out {out} holds {index['corpus']}: give {name} its own")
    parsed = store.parsed(name, root, task, options)
    own = copies.plain_options(name, options)
    variant = f"{task}-{_key(json.dumps(own, sort_keys=True))[:8]}"
    aside = out / f".{uuid4().hex}"
    unusable: list[store.Unusable] = []
    done = count(1)

    def examples() -> Iterator[Example]:
        for example, recording, fault in _copied(parsed, out, root.absolute(), pool):
            if fault:
                row = example.id, io.name(recording), fault, example.split
                unusable.append(store.Unusable(*row))
            else:
                yield example
            progress(next(done), parsed.table.num_rows)

    try:
        aside.mkdir(parents=True)
        store.write_folder(aside, chain(parsed.dropped, examples()))
        write_whole(aside / "unusable.json", json.dumps(unusable))
        shutil.rmtree(out / variant, ignore_errors=True)
        aside.rename(out / variant)
        tables = index["tables"] | {variant: {"task": task, "options": own}}
        index = {"corpus": name, "tables": tables}
        write_whole(out / copies.INDEX, json.dumps(index, indent=2))
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Written(parsed.table.num_rows - len(unusable), unusable)


def _copied(
    parsed: store.Parsed, out: Path, root: Path, pool: Executor
) -> Iterator[tuple[Example, io.Audio, str]]:
    """The examples with copies in place of their recordings; the first bad recording, its fault."""
    faults: dict[str, str] = {}  # copy -> what is wrong with its recording
    for batch in parsed.table.to_batches(max_chunksize=512):
        examples = list(rows.examples(batch))
        names = {s.audio: "" for example in examples for s in example.audio}
        names = {audio: _copy_name(audio, root) for audio in names}
        faults |= {n: "" for n in names.values() if n not in faults and (out / n).exists()}
        new = {audio: name for audio, name in names.items() if name not in faults}
        results = pool.map(convert.copy, new, (out / name for name in new.values()))
        faults |= zip(new.values(), results)
        for example in examples:
            copied = tuple(s._replace(audio=names[s.audio]) for s in example.audio)
            bad = (s.audio for s in example.audio if faults[names[s.audio]])
            recording = next(bad, "")
            fault = faults[names[recording]] if recording else ""
            yield replace(example, audio=copied), recording, fault


def _copy_name(audio: io.Audio, root: Path) -> str:
    """A name that lasts as long as the recording does not change, also if the corpus is moved."""
    if isinstance(audio, bytes):
        key = hashlib.sha256(audio).hexdigest()[:32]
    else:
        try:
            status = os.stat(audio)
            key = _key(f"{os.path.relpath(audio, root)}|{status.st_size}|{status.st_mtime_ns}")
        except OSError:
            key = _key(audio)
    return f"audio/{key[:2]}/{key}.flac"


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
