"""Bring your own: one or several tables (CSV, TSV, JSONL, Parquet), one row per clip.

    dataset.file=mine.tsv dataset.audio=path dataset.text=transcript

Columns may have any names. Needed are, by task: `pre` audio, text; `aqa_binary` and `aqa_open`
audio, question, answer; `classification`, `ser` and `sentiment` audio, label (and text, if there is
one); `dimensional`, `sentiment_regression` and `ser_multilabel` audio and the columns of numbers
that `dataset.targets=[arousal,valence]` names (and text, if there is one). If they exist, id,
split, speaker, start and end (seconds) are used too (the option for split is `split_column`:
`dataset.split` says how to split); a column that was given a name of its own has to exist, and an
empty name means not to look. Without an id column, row_ids.py makes ids from the rows' content.

Paths are absolute, or relative to the table's folder; in Parquet, audio may be the bytes of a file,
or a record {bytes, path}. Answers are stripped and put in lower case; `aqa_binary` takes the rows
answered yes or no (true, false, 1 and 0 are not read as such: "1" may be a count), `aqa_open` all
others. A speaker of one name in two tables is one speaker.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import UserError
from ..example import Example, Segment
from . import Corpus, row_ids
from .manifest import Row, read_manifest

NEEDED = {
    "pre": ("audio", "text"),
    "aqa_binary": ("audio", "question", "answer"),
    "aqa_open": ("audio", "question", "answer"),
    "classification": ("audio", "label"),
    "ser": ("audio", "label"),
    "sentiment": ("audio", "label"),
    "dimensional": ("audio",),
    "sentiment_regression": ("audio",),
    "ser_multilabel": ("audio",),
}
TARGET_TASKS = ("dimensional", "sentiment_regression", "ser_multilabel")
USED_IF_THERE = {
    "pre": (),
    "aqa_binary": (),
    "aqa_open": (),
    "classification": ("text",),
    "ser": ("text",),
    "sentiment": ("text",),
    "dimensional": ("text",),
    "sentiment_regression": ("text",),
    "ser_multilabel": ("text",),
}
ALWAYS_USED_IF_THERE = ("id", "split_column", "speaker", "start", "end")
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
    id: str = "id",
    audio: str = "audio",
    text: str = "text",
    label: str = "label",
    question: str = "question",
    answer: str = "answer",
    split_column: str = "split",
    speaker: str = "speaker",
    start: str = "start",
    end: str = "end",
    targets: list[str] | tuple[str, ...] = (),
) -> Iterator[Example]:
    """The rows of all files, in order. `root` is unused.

    Raises UserError, naming file and row, for what cannot be used, and for an id that occurs twice.
    """
    _check_targets(task, targets)
    names = {
        "id": id,
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
    targets = targets if task in TARGET_TASKS else ()
    # Twice over the tables: which keys are unique is known at their end
    ids = row_ids.RowIds(
        _key(row, used, task, os.path.abspath(path.parent))
        for path in files
        for used, row in _rows(path, names, task, targets)
        if "id" not in used
    )
    other_answers: set[str] = set()
    own: dict[str, str] = {}  # id of an id column -> where it stands
    is_empty = True
    for path in files:
        folder = os.path.abspath(path.parent)
        for number, (used, row) in enumerate(_rows(path, names, task, targets), 1):
            where = f"{path} row {number}"
            numbers = tuple(_target(where, name, row.get(name), task) for name in targets)
            key = "" if "id" in used else _key(row, used, task, folder)
            example = _example(key, where, path.parent, row, used, task, numbers)
            if ids.is_repeated(key):
                example = replace(example, id=ids.draw(key, example, path))
            elif not key and (first := own.setdefault(example.id, where)) != where:
                raise UserError(
                    f"{where}: id {example.id!r} is that of {first} too; ids must differ"
                    " (dataset.id= ignores the column)"
                )
            if task.startswith("aqa") and (example.label in YES_NO) != (task == "aqa_binary"):
                other_answers.add(example.label)
                continue
            is_empty = False
            # Rows of several files: what tells them apart must not tell which pairs match
            yield replace(example, source=str(path) if len(files) > 1 else "")
    if is_empty and other_answers:
        wanted = "is yes or no" if task == "aqa_binary" else "is other than yes or no"
        raise UserError(
            f"{files[0]}: no answer {wanted}; found: {', '.join(sorted(other_answers)[:5])}"
        )
    if is_empty:
        raise UserError(f"{files[0]}: no rows")


def _rows(
    path: Path, names: Mapping[str, str], task: str, targets: Sequence[str]
) -> Iterator[tuple[dict[str, str], Row]]:
    """The columns that are used (option -> column) and the rows of a table."""
    columns, rows = read_manifest(path)
    used = _columns(path, columns, names, task)
    if missing := [name for name in targets if name not in columns]:
        raise UserError(
            f"{path}: no column {missing[0]!r} of dataset.targets; found: {', '.join(columns)}"
        )
    for row in rows:
        yield used, row


def _key(row: Row, used: Mapping[str, str], task: str, folder: str) -> str:
    """The row's key of row_ids; `folder` is that of its table."""
    audio, name = _audio(row.get(used["audio"]))
    start, end = (_cell(row.get(used[o])) if o in used else "" for o in ("start", "end"))
    text = next((_cell(row.get(used[o])) for o in NEEDED[task] if o in ("question", "text")), "")
    return row_ids.key(folder, audio, name, start, end, text)


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


def _check_targets(task: str, targets: Sequence[str]) -> None:
    """Raise UserError unless there are as many targets as the task learns, each once."""
    if task not in TARGET_TASKS:
        return
    if len(set(targets)) < max(1, len(targets)):
        raise UserError(
            f"task {task} needs dataset.targets=[COLUMN,...], each column once; given:"
            f" [{','.join(targets)}]"
        )
    if task == "sentiment_regression" and len(targets) > 1:
        raise UserError(f"task {task} has one target; dataset.targets=[{','.join(targets)}]")


def _target(where: str, column: str, value: Any, task: str) -> float:
    """The number in a cell; 0 or 1 where several labels are learnt."""
    cell = _cell(value)
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{where}: {column} {cell!r} is not a number")
    if task == "ser_multilabel" and number not in (0, 1):
        raise UserError(f"{where}: {column} {cell!r} is neither 0 nor 1")
    return number


def _example(
    id: str,
    where: str,
    folder: Path,
    row: Row,
    used: Mapping[str, str],
    task: str,
    targets: tuple[float, ...],
) -> Example:
    cells = {option: _cell(row.get(column)) for option, column in used.items() if option != "audio"}
    audio, _ = _audio(row.get(used["audio"]))
    recording = audio if isinstance(audio, bytes) or not audio else str(folder / audio)
    needed = (*NEEDED[task], *(["id"] if "id" in used else []))
    for option in needed:
        if not (recording if option == "audio" else cells[option]):
            ignored = " (dataset.id= ignores the column)" if option == "id" else ""
            raise UserError(f"{where}: column {used[option]!r} is empty{ignored}")
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
        id=cells.get("id", id),
        audio=(Segment(recording, start, end),),
        text=cells.get("text", ""),
        question=cells.get("question", ""),
        label=cells["answer"].lower() if "answer" in cells else cells.get("label", ""),
        targets=targets,
        split=SPLIT_NAMES[split],
        speaker=cells.get("speaker", ""),
    )


def _cell(value: Any) -> str:
    """A cell as text; "" for what Parquet and JSON have in place of an empty one."""
    return "" if value is None or value != value else str(value).strip()


def _audio(value: Any) -> tuple[str | bytes, str]:
    """The path in a cell, or the bytes of a file and its name; "" for none."""
    name = ""
    if isinstance(value, dict):
        name = _cell(value.get("path"))
        value = value.get("bytes") or name
    return (value if isinstance(value, bytes) else _cell(value)), name


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
