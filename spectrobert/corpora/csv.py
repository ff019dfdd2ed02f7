"""Bring your own: one or several tables (CSV, TSV, JSONL, Parquet), one row per clip.

    dataset.file=mine.tsv dataset.audio=path dataset.text=transcript

Columns may have any names. Needed are, by task: `pre` audio, text; `aqa_binary` and `aqa_open`
audio, question, answer; `classification`, `ser` and `sentiment` audio, label (and text, if there is
one); `dimensional`, `sentiment_regression` and `ser_multilabel` audio and the columns of numbers
that `dataset.targets=[arousal,valence]` names (and text, if there is one). If they exist, id,
split, fold, speaker, group, start and end (seconds) are used too (the options for split and fold
are `split_column` and `fold_column`: `dataset.split` says how to split, `dataset.fold` which fold
is tested, see folds.py); a column that was given a name of its own has to exist, and an empty name
means not to look. Without an id column, row_ids.py makes ids from the rows' content.

Paths are absolute, or relative to `audio_dir`, else to the table's folder; in Parquet, audio may be
the bytes of a file, or a record {bytes, path}. Answers are stripped and put in lower case;
`aqa_binary` takes the rows answered yes or no (true, false, 1 and 0 are not read as such: "1" may
be a count), `aqa_open` all others. A speaker of one name in two tables is one speaker.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..audio.segment import Segment
from ..errors import UserError
from . import Corpus, folds, row_ids
from .answers import left_out
from .csv_columns import NEEDED, TARGET_TASKS, choose_task, first_file, idle_options, used_columns
from .example import Dropped, Example
from .manifest import Row, read_manifest

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


def load(
    root: Path,
    task: str,
    *,
    file: str | list[str] = "",
    audio_dir: str = "",
    id: str = "id",
    audio: str = "audio",
    text: str = "text",
    label: str = "label",
    question: str = "question",
    answer: str = "answer",
    split_column: str = "split",
    fold_column: str = "fold",
    fold: str | None = None,
    val_fold: str = folds.NEXT,
    speaker: str = "speaker",
    group: str = "group",
    start: str = "start",
    end: str = "end",
    targets: list[str] | tuple[str, ...] = (),
) -> Iterator[Example | Dropped]:
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
        "fold_column": fold_column,
        "speaker": speaker,
        "group": group,
        "start": start,
        "end": end,
    }
    first_file(file)
    files = [Path(name) for name in ([file] if isinstance(file, str) else file) if name]
    if audio_dir and not os.path.isdir(audio_dir):
        raise UserError(f"dataset.audio_dir={audio_dir}: no such folder")
    bases = {path: Path(audio_dir or path.parent) for path in files}
    targets = targets if task in TARGET_TASKS else ()
    # Twice over the tables: which keys are unique is known at their end
    ids = row_ids.RowIds(
        _key(row, used, task, os.path.abspath(bases[path]))
        for path in files
        for used, row in _rows(path, names, task, targets)
        if "id" not in used
    )
    cells = (
        _fold(f"{path} row {number}", row, used, fold)
        for path in files
        for number, (used, row) in enumerate(_rows(path, names, task, targets), 1)
    )
    by_fold = fold not in (None, "")
    chosen = folds.Folds(fold_column, cells, str(fold), str(val_fold)) if by_fold else None
    other_answers: set[str] = set()
    own: dict[str, str] = {}  # id of an id column -> where it stands
    is_empty = True
    for path in files:
        folder = os.path.abspath(bases[path])
        for number, (used, row) in enumerate(_rows(path, names, task, targets), 1):
            where = f"{path} row {number}"
            numbers = tuple(_target(where, name, row.get(name), task) for name in targets)
            key = "" if "id" in used else _key(row, used, task, folder)
            side = chosen.split(_fold(where, row, used, fold)) if chosen else None
            example = _example(key, where, bases[path], row, used, task, numbers, side)
            if ids.is_repeated(key):
                example = replace(example, id=ids.draw(key, example, path))
            elif not key and (first := own.setdefault(example.id, where)) != where:
                raise UserError(
                    f"{where}: id {example.id!r} is that of {first} too; ids must differ"
                    " (dataset.id= ignores the column)"
                )
            if reason := left_out(task, example.label):
                other_answers.add(example.label)
                yield Dropped(reason, example.id)
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
    used = used_columns(path, columns, names, task)
    if missing := [name for name in targets if name not in columns]:
        raise UserError(
            f"{path}: no column {missing[0]!r} of dataset.targets; found: {', '.join(columns)}"
        )
    for row in rows:
        yield used, row


def _key(row: Row, used: Mapping[str, str], task: str, folder: str) -> str:
    """The row's key of row_ids; `folder` is the one that its paths start from."""
    audio, name = _audio(row.get(used["audio"]))
    start, end = (_cell(row.get(used[o])) if o in used else "" for o in ("start", "end"))
    text = next((_cell(row.get(used[o])) for o in NEEDED[task] if o in ("question", "text")), "")
    return row_ids.key(folder, audio, name, start, end, text)


def _fold(where: str, row: Row, used: Mapping[str, str], fold: str | None) -> str:
    """The fold of a row. Raises UserError if it has none."""
    if "fold_column" not in used:
        raise UserError(
            f"{where}: no column of folds, for dataset.fold={fold};"
            " name it with dataset.fold_column=COLUMN"
        )
    cell = _cell(row.get(used["fold_column"]))
    if not cell:
        raise UserError(f"{where}: column {used['fold_column']!r} is empty")
    return cell


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
    side: str | None,
) -> Example:
    """A row. `side` is the split of its fold, None if splits are not drawn by fold."""
    cells = {option: _cell(row.get(column)) for option, column in used.items() if option != "audio"}
    audio, _ = _audio(row.get(used["audio"]))
    if isinstance(audio, str) and "\0" in audio:
        raise UserError(f"{where}: column {used['audio']!r} has a NUL character: {audio!r}")
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
    if side is None:
        side = _split(where, cells, used)
    return Example(
        id=cells.get("id", id),
        audio=(Segment(recording, start, end),),
        text=cells.get("text", ""),
        question=cells.get("question", ""),
        label=cells["answer"].lower() if "answer" in cells else cells.get("label", ""),
        targets=targets,
        split=side,
        speaker=cells.get("speaker", ""),
        group=cells.get("group", ""),
    )


def _split(where: str, cells: Mapping[str, str], used: Mapping[str, str]) -> str:
    """The split that the row names, or "". Raises UserError for a name that is none."""
    split = cells.get("split_column", "").lower()
    if split not in SPLIT_NAMES:
        raise UserError(
            f"{where}: unknown split {split!r} in column {used['split_column']!r}; "
            f"known: {', '.join(filter(None, SPLIT_NAMES))} "
            "(dataset.split_column= ignores the column)"
        )
    if "fold_column" in used and "split_column" not in used:
        column = used["fold_column"]
        raise UserError(
            f"{where}: column {column!r} has folds: dataset.fold={cells['fold_column']} tests one"
            " of them, dataset.fold_column= ignores the column"
        )
    return SPLIT_NAMES[split]


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
    idle_options=idle_options,
    files=("file",),
    folders=("audio_dir",),
    choose_task=choose_task,
)
