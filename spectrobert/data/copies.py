"""Prepared corpora: 16 kHz mono copies, and tables that training reads in place of a parser.

`data prepare` writes them (corpus_tools/prepare.py).

FOLDER/                 may be moved: paths in it are relative
    prepared.json       corpus; task and options of each table
    audio/ab/<key>.flac a copy of one recording; <key> is of its path, size and time of change
    <task>-<key>/       as a version in store.py
        unusable.json   rows whose audio cannot be used
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from .. import corpora
from ..errors import UserError
from ..settings.paths import file_options
from . import rows, store

INDEX = "prepared.json"


def opened(folder: Path, name: str, task: str, options: Mapping[str, Any]) -> store.Parsed:
    """The table of a prepared folder for a task and options.

    Raises UserError if the folder is none, is of another corpus, or was not prepared for these.
    """
    index = read_index(folder)
    if index["corpus"] != name:
        held = f"holds {index['corpus']}, not {name}" if index["corpus"] else "is not prepared"
        raise UserError(f"dataset.prepared={folder} {held}; write one with: data prepare {name}")
    asked = plain_options(name, options)
    # folders from before there was an option have no value of it
    defaults = {o: known.default for o, known in corpora.corpus(name).options().items()}
    usual = plain_options(name, defaults)
    of_task = {
        v: usual | plain_options(name, t["options"])
        for v, t in index["tables"].items()
        if t["task"] == task
    }
    # A corpus of the user's own need not be named again: its folder holds all of its files
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
    kept = rows.completed(found.table)
    if kept.column_names != rows.SCHEMA.names:
        raise UserError(
            f"{folder / variants[0]} was written by another version of spectrobert;"
            " prepare it again"
        )
    table = rows.located(kept, str(folder.absolute()))
    return store.Parsed(
        found.folder, table, found.dropped, tuple(store.Unusable(*row) for row in unusable)
    )


def read_index(folder: Path) -> dict[str, Any]:
    """The index of a prepared folder; an empty one if there is none. Raises UserError."""
    try:
        return json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"corpus": "", "tables": {}}
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / INDEX} cannot be read: {error}") from error


def plain_options(corpus: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as JSON holds them; paths of label files are one however they are spelt."""
    files = {
        option: [value] if isinstance(value, str) else value
        for option, value in file_options(corpus, options).items()
    }
    return json.loads(json.dumps({**options, **files}, default=list))
