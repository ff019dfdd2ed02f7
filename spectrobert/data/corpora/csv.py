"""Bring your own: one or several tables (CSV, TSV, JSONL, Parquet), one row per clip.

    dataset.file=mine.tsv dataset.audio=path dataset.text=transcript

Columns may have any names. Needed are, by task: `pre` audio, text; `aqa_binary` and `aqa_open`
audio, question, answer; `ser` and `sentiment` audio, label (and text, if there is one). Where they
exist, split, speaker, start and end (seconds) are used too (the option for the first is
`split_column`: `dataset.split` says how to split); a column that was given a name of its own has to
exist, and an empty name means not to look.

Paths are absolute, or relative to the table's folder; in Parquet, audio may be the bytes of a file,
or a record {bytes, path}. Answers are stripped and put in lower case; `aqa_binary` takes the rows
answered yes or no (true, false, 1 and 0 are not read as such: "1" may be a count), `aqa_open` all
others. A speaker of one name in two tables is one speaker.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import UserError
from ..example import Example, Segment
from . import Corpus
from .manifest import Row, read_manifest

NEEDED = {
    "pre": ("audio", "text"),
    "aqa_binary": ("audio", "question", "answer"),
    "aqa_open": ("audio", "question", "answer"),
    "ser": ("audio", "label"),
    "sentiment": ("audio", "label"),
}
USED_IF_THERE = {
    "pre": (),
    "aqa_binary": (),
    "aqa_open": (),
    "ser": ("text",),
    "sentiment": ("text",),
}
ALWAYS_USED_IF_THERE = ("split_column", "speaker", "start", "end")
SPLIT_NAMES = {
    "": "",
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "eval": "test",
}
YES_NO = ("no", "yes")


def load(
    root: Path,
    task: str,
    *,
    file: str | list[str] = "",
    audio: str = "audio",
    text: str = "text",
    label: str = "label",
    question: str = "question",
    answer: str = "answer",
    split_column: str = "split",
    speaker: str = "speaker",
    start: str = "start",
    end: str = "end",
) -> Iterator[Example]:
    """The rows of all files, in order; `id` is file:row, both counted from 1. `root` is unused."""
    names = {
        "audio": audio,
        "text": text,
        "label": label,
        "question": question,
        "answer": answer,
        "split_column": split_column,
        "speaker": speaker,
        "start": start,
        "end": end,
    }
    files = [Path(name) for name in ([file] if isinstance(file, str) else file) if name]
    if not files:
        raise UserError(
            "dataset csv needs dataset.file=... (one or several of CSV, TSV, JSONL, Parquet)"
        )
    other_answers: set[str] = set()
    is_empty = True
    for file_number, path in enumerate(files, 1):
        columns, rows = read_manifest(path)
        used = _columns(path, columns, names, task)
        for number, row in enumerate(rows, 1):
            example = _example(
                f"{file_number}:{number}", f"{path} row {number}", path.parent, row, used, task
            )
            if task.startswith("aqa") and (example.label in YES_NO) != (task == "aqa_binary"):
                other_answers.add(example.label)
                continue
            is_empty = False
            yield example
    if is_empty and other_answers:
        wanted = "is yes or no" if task == "aqa_binary" else "is other than yes or no"
        raise UserError(
            f"{files[0]}: no answer {wanted}; found: {', '.join(sorted(other_answers)[:5])}"
        )
    if is_empty:
        raise UserError(f"{files[0]}: no rows")


def _columns(path: Path, columns: list[str], names: Mapping[str, str], task: str) -> dict[str, str]:
    """Option -> column of this table, for those that the task uses and the table has."""
    used = {}
    for option in (*NEEDED[task], *USED_IF_THERE[task], *ALWAYS_USED_IF_THERE):
        name = names[option]
        if name in columns:
            used[option] = name
        elif option in NEEDED[task] or name not in ("", CORPUS.options()[option].default):
            raise UserError(
                f"{path}: no column {name!r}; found: {', '.join(columns)}; "
                f"name the right one with dataset.{option}=COLUMN"
            )
    return used


def _example(
    id: str, where: str, folder: Path, row: Row, used: Mapping[str, str], task: str
) -> Example:
    cells = {option: _cell(row.get(column)) for option, column in used.items() if option != "audio"}
    recording = _recording(row.get(used["audio"]), folder)
    for option in NEEDED[task]:
        if not (recording if option == "audio" else cells[option]):
            raise UserError(f"{where}: column {used[option]!r} is empty")
    start = _seconds(where, used, cells, "start") or 0.0
    end = _seconds(where, used, cells, "end")
    if end is not None and end <= start:
        raise UserError(f"{where}: end {end:g} must lie after start {start:g}")
    split = cells.get("split_column", "").lower()
    if split not in SPLIT_NAMES:
        raise UserError(
            f"{where}: unknown split {split!r} in column {used['split_column']!r}; "
            f"known: {', '.join(filter(None, SPLIT_NAMES))} "
            "(dataset.split_column= ignores the column)"
        )
    return Example(
        id=id,
        audio=(Segment(recording, start, end),),
        text=cells.get("text", ""),
        question=cells.get("question", ""),
        label=cells["answer"].lower() if "answer" in cells else cells.get("label", ""),
        split=SPLIT_NAMES[split],
        speaker=cells.get("speaker", ""),
    )


def _cell(value: Any) -> str:
    """A cell as text; "" for what Parquet and JSON have in place of an empty one."""
    return "" if value is None or value != value else str(value).strip()


def _recording(value: Any, folder: Path) -> str | bytes:
    """The recording of a cell with a path, the bytes of a file, or {bytes, path}; "" for none."""
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return value
    name = _cell(value)
    return name and str(folder / name)


def _seconds(
    where: str, used: Mapping[str, str], cells: Mapping[str, str], option: str
) -> float | None:
    """The seconds in a start or end cell; None if there is none."""
    cell = cells.get(option, "")
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise UserError(f"{where}: {used[option]} {cell!r} is not a time in seconds, 0 or more")
    return value


CORPUS = Corpus(
    load=load,
    tasks=tuple(NEEDED),
    layout="dataset.file=... (one or several of CSV, TSV, JSONL, Parquet)",
    source="the user's own",
    needs_root=False,
    files=("file",),
)
