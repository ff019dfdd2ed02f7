"""The columns of a user's table: which a task needs, and which task they allow."""

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import UserError
from .answers import YES_NO
from .manifest import Row, read_manifest
from .own_targets import TARGET_TASKS

NEEDED = {
    "pre": ("audio", "text"),
    "caption": ("audio", "caption"),
    "aqa_binary": ("audio", "question", "answer"),
    "aqa_open": ("audio", "question", "answer"),
    "classification": ("audio", "label"),
    "ser": ("audio", "label"),
    "sentiment": ("audio", "label"),
    "dimensional": ("audio",),
    "sentiment_regression": ("audio",),
    "ser_multilabel": ("audio",),
}
# Besides those that a task needs, if the table has them
OPTIONAL = (
    *("id", "split_column", "fold_column", "speaker", "group", "start", "end"),
    *("video", "phones"),
)
READ_ROWS = 1000  # by which a task is chosen


def used_columns(
    path: Path, columns: Sequence[str], names: Mapping[str, str], task: str
) -> dict[str, str]:
    """Option -> column of this table, for those that the task uses and the table has.

    Raises UserError if a column is missing that the task needs, or that was given another name
    than its option.

    Args:
        names: option -> column.
    """
    used = {}
    for option in (*NEEDED[task], *_text_if_there(task), *_words_if_there(task), *OPTIONAL):
        name = names[option]
        if option == "caption":
            used[option] = caption_columns(path, columns, name)[0]
        elif name in columns:
            used[option] = name
        elif option in NEEDED[task] or name not in ("", option.removesuffix("_column")):
            raise UserError(
                f"{path}: no column {name!r}; found: {', '.join(columns)}; "
                f"name the right one with dataset.{option}=COLUMN"
            )
    return used


def caption_columns(path: Path, columns: Sequence[str], name: str) -> list[str]:
    """The column of that name, or those that are numbered: caption_1, caption_2, ...

    Raises UserError if a table has neither.
    """
    if name in columns:
        return [name]
    numbered = [c for c in columns if re.fullmatch(rf"{re.escape(name)}_\d+", c)]
    if not numbered:
        raise UserError(
            f"{path}: no column {name!r} or {name + '_1'!r}; found: {', '.join(columns)}; "
            "name the right one with dataset.caption=COLUMN"
        )
    return numbered


def require_columns(path: Path, columns: Sequence[str], option: str, names: Sequence[str]) -> None:
    """Raise UserError if a table lacks a column that an option names."""
    if missing := [name for name in names if name not in columns]:
        raise UserError(
            f"{path}: no column {missing[0]!r} of dataset.{option}; found: {', '.join(columns)}"
        )


def idle_options(task: str) -> tuple[str, ...]:
    """Options that a task does not read: columns of other tasks."""
    options = dict.fromkeys(option for needed in NEEDED.values() for option in needed)
    read = (*NEEDED[task], *_text_if_there(task), *_words_if_there(task))
    idle = tuple(option for option in (*options, "words") if option not in read)
    idle = idle if task in TARGET_TASKS else (*idle, "targets")
    return idle if _has_votes(task) else (*idle, "votes")


def vote_columns(columns: Sequence[str], prefix: str, task: str) -> list[str]:
    """The columns of votes for a class, those that begin with the prefix."""
    if not prefix or not _has_votes(task):
        return []
    return [name for name in columns if name.startswith(prefix) and name != prefix]


def _has_votes(task: str) -> bool:
    """True if a class is learnt, which annotators may have voted for."""
    return not {"label", "answer"}.isdisjoint(NEEDED[task])


def _text_if_there(task: str) -> tuple[str, ...]:
    if task == "caption":
        return ("question",)
    return () if "text" in NEEDED[task] or task.startswith("aqa") else ("text",)


def _words_if_there(task: str) -> tuple[str, ...]:
    """Words with their times, of a text that is said: no question is."""
    return () if task.startswith("aqa") else ("words",)


def choose_task(options: Mapping[str, Any]) -> tuple[str, str]:
    """The task that the columns of the first table allow, and why; of several the narrowest.

    Raises UserError if they allow none.
    """
    path = Path(first_file(options["file"]))
    columns, rows = read_manifest(path)
    named = {option: options[option] for needed in NEEDED.values() for option in needed}
    some = list(islice(rows, READ_ROWS))
    if targets := list(options["targets"]):
        is_set = all(str(row.get(name)) in ("0", "1") for row in some for name in targets)
        task = "ser_multilabel" if is_set else "dimensional"
        return task, f"dataset.targets=[{','.join(targets)}]"
    if {named["question"], named["answer"]} <= set(columns):
        binary = sum(_is_yes_no(row, named["answer"]) for row in some)
        task = "aqa_binary" if 2 * binary > len(some) else "aqa_open"
        return task, f"columns {named['question']!r} and {named['answer']!r}"
    for option, task in (("label", "classification"), ("text", "pre"), ("caption", "caption")):
        if named[option] in columns:
            return task, f"column {named[option]!r}"
    raise UserError(
        f"{path}: no column {named['label']!r}, {named['text']!r}, or {named['question']!r} and"
        f" {named['answer']!r}; found: {', '.join(columns)}; name one, as in dataset.label=COLUMN"
    )


def first_file(file: str | Sequence[str]) -> str:
    """Raises UserError if no table is named."""
    files = [name for name in ([file] if isinstance(file, str) else file) if name]
    if not files:
        raise UserError(
            "dataset csv needs dataset.file=... (one or several of CSV, TSV, JSONL, Parquet)"
        )
    return files[0]


def _is_yes_no(row: Row, column: str) -> bool:
    return str(row.get(column)).strip().lower() in YES_NO
