"""Databases in audformat, which audEERING's corpora come in: a header `db.yaml` and tables.

The rows of a table are files, or stretches of them. A name that an option gives is that of a
column, else of the scheme of one (`emotion`), else of a field of a scheme (`gender` of a speaker).
Labels that a scheme gives a text for read as this text.

The table of the labels is that of each split (train, dev, test), or the only one that has them;
speakers, transcripts and splits are also looked up in the others, by stretch, else by file.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..audio.segment import Segment
from ..errors import UserError
from . import Corpus, row_ids
from .audformat_tables import Joined, Stretch, Tables
from .example import Dropped, Example
from .own_columns import UNNAMED, idle_columns, task_chooser
from .own_targets import TARGET_TASKS, check_targets, read_target
from .split_names import SPLIT_NAMES

LABELS = {"ser": "emotion", "sentiment": "sentiment", "classification": "label"}  # usual names
DIMENSIONS = ("arousal", "valence", "dominance")
TRUTHS = {"True": "1", "False": "0"}  # of columns of type bool, as numbers
TRAITS = ("sex", "gender", "age", "language")  # usual names, read if the table has them
NO_VALUES = Joined({}, {})


def load(
    root: Path,
    task: str,
    *,
    table: str | list[str] = "",
    label: str = "",
    targets: list[str] | tuple[str, ...] = (),
    text: str = "transcription",
    speaker: str = "speaker",
    split_column: str = "split",
    traits: list[str] | tuple[str, ...] = (),
) -> Iterator[Example | Dropped]:
    """The rows of the tables with labels, in order; those without one are dropped.

    Args:
        table: one or several, if it is not clear which are meant.
        label: column of the classes; "": emotion for `ser`, sentiment for `sentiment`, label for
            `classification`.
        targets: columns of numbers; for `dimensional` arousal, valence, dominance if none is named.
        text, speaker, split_column: one of another name than the usual has to exist, "" reads none.

        traits: columns that scores are taken by (`evaluate --slices`), besides sex, gender, age and
            language, which are read if the table of the labels has them.

    Raises UserError for a missing or ambiguous column, and for a database that cannot be read.
    """
    targets = tuple(targets) or CORPUS.targets.get(task, ())
    check_targets(task, targets)
    names, option = _needed(task, label, targets, text)
    tables = Tables(root)
    chosen = [name for name in ([table] if isinstance(table, str) else table) if name]
    others = {"speaker": speaker, "text": text, "split_column": split_column}
    for name, split in tables.choose(names, chosen, option).items():
        found = {of: _look_up(tables, name, of, column) for of, column in others.items()}
        people = _traits(tables, name, traits)
        needed = {column: tables.values(name, column) for column in names}
        for stretch in tables.stretches(name):
            row = _row(root, task, stretch, needed, found, split)
            own = tuple((trait, cell) for trait, of in people.items() if (cell := of.at(stretch)))
            yield replace(row, traits=own) if isinstance(row, Example) else row


def _needed(task: str, label: str, targets: Sequence[str], text: str) -> tuple[Sequence[str], str]:
    """The columns without which a row is of no use, and the option that names them."""
    if task in TARGET_TASKS:
        return targets, "dataset.targets=[COLUMN,...]"
    if task == "pre":
        if not text:
            raise UserError("task pre needs dataset.text=COLUMN, the transcripts")
        return (text,), "dataset.text=COLUMN"
    return (label or LABELS[task],), "dataset.label=COLUMN"


def _look_up(tables: Tables, table: str, option: str, column: str) -> Joined:
    """The values of an optional column. Raises UserError if one that was asked for is not there."""
    found = tables.joined(table, column) if column else NO_VALUES
    if found is None and CORPUS.options()[option].default != column:
        raise UserError(
            f"{tables.root}: no column {column!r} of dataset.{option}; {tables.summary()}"
        )
    return found or NO_VALUES


def _traits(tables: Tables, table: str, names: Sequence[str]) -> dict[str, Joined]:
    """Trait -> its values. Raises UserError if one that was asked for is not there."""
    found = {}
    for name in TRAITS:
        with suppress(UserError):  # nobody has asked for it
            if tables.source(table, name):
                found[name] = Joined(tables.values(table, name), {})
    for name in names:
        values = tables.joined(table, name)
        if values is None:
            raise UserError(
                f"{tables.root}: no column {name!r} of dataset.traits; {tables.summary()}"
            )
        found[name] = values
    return found


def _row(
    root: Path,
    task: str,
    stretch: Stretch,
    needed: Mapping[str, Mapping[Stretch, str]],
    others: Mapping[str, Joined],
    split: str,
) -> Example | Dropped:
    """A row of a table.

    Args:
        needed: column of a label, targets or a text -> its values.
        others: option -> the values of its column.
        split: that of the table, "" if it has none.
    """
    end = "" if stretch.end is None else str(stretch.end)
    id = row_ids.key(str(root), stretch.file, "", str(stretch.start), end, "")
    if missing := [column for column, values in needed.items() if not values.get(stretch)]:
        return Dropped(f"no {missing[0]}", id)
    cells = {column: values[stretch] for column, values in needed.items()}
    numbers = cells if task in TARGET_TASKS else {}
    where = f"{root}: {id}"
    return Example(
        id=id,
        audio=(Segment(str(root / stretch.file), stretch.start, stretch.end),),
        text=others["text"].at(stretch),
        label="".join(cells.values()) if task in LABELS else "",
        targets=tuple(
            read_target(where, column, TRUTHS.get(cell, cell), task)
            for column, cell in numbers.items()
        ),
        split=split or _split(where, others["split_column"].at(stretch)),
        speaker=others["speaker"].at(stretch),
    )


def _split(where: str, cell: str) -> str:
    """The split that a row names. Raises UserError for a name that is none."""
    if cell and cell.lower() not in SPLIT_NAMES:
        raise UserError(
            f"{where}: unknown split {cell!r}; known: {', '.join(SPLIT_NAMES)}"
            " (dataset.split_column= ignores the column)"
        )
    return SPLIT_NAMES.get(cell.lower(), "")


choose_task = task_chooser("ser", "the usual column 'emotion'; no other is named")

CORPUS = Corpus(
    load=load,
    tasks=(*LABELS, "pre", *TARGET_TASKS),
    targets={"dimensional": DIMENSIONS},
    notes={"dimensional": "numbers as the database has them"},
    layout="db.yaml, its tables db.TABLE.csv or .parquet, and the files they name; dataset.root= "
    "names the folder",
    source="the database's own",
    choose_task=choose_task,
    idle_options=idle_columns(LABELS),
    unnamed_caveat=UNNAMED,
)
