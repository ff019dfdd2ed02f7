"""Bring your own: one or several tables (CSV, TSV, JSONL, Parquet), one row per clip.

    dataset.file=mine.tsv dataset.audio=path dataset.text=transcript

Columns may have any names. Needed are, by task: `pre` audio, text; `caption` audio, caption (or
caption_1, caption_2, ..., each its own row) and question, if there is one; `aqa_binary` and
`aqa_open` audio, question, answer; `classification`, `ser` and `sentiment` audio, label (and text,
if there is one); `dimensional`, `sentiment_regression` and `ser_multilabel` audio and the columns
of numbers that `dataset.targets=[arousal,valence]` names (and text, if there is one). If they
exist, id, split, fold, speaker, group, start and end (seconds), video (a path) and phones (numbers,
one per 10 ms, or a path) are used too (the options for split and fold are `split_column` and
`fold_column`: `dataset.split` is the way to split, `dataset.fold` the fold that is tested, see
folds.py); a column that was given a name of its own has to exist, and
an empty name ignores the column. Columns `votes.<class>` hold how many annotators chose a class, an
empty cell nobody (`dataset.votes=` ignores them). A column `words` holds the words of the text with
their times (word_times.py), in seconds into the recording, as start and end are; a row without a
text reads them as its text. `dataset.traits=[sex,age]` names columns that `evaluate --slices` takes
scores by. Without an id column, row_ids.py makes ids from the rows' content.

Paths are absolute, or relative to `audio_dir`, else to the table's folder; in Parquet, audio may be
the bytes of a file, or a record {bytes, path}. Answers are stripped and put in lower case;
`aqa_binary` takes the rows answered yes or no (true, false, 1 and 0 are not read as such: "1" may
be a count), `aqa_open` all others. A speaker of one name in two tables is one speaker.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from ..audio.segment import Segment
from ..errors import UserError
from . import Corpus, folds, row_ids, word_times
from .answers import left_out
from .csv_columns import (
    NEEDED,
    caption_columns,
    choose_task,
    first_file,
    idle_options,
    require_columns,
    used_columns,
    vote_columns,
)
from .example import Dropped, Example, Word
from .label_files import number
from .manifest import read_manifest
from .own_targets import TARGET_TASKS, check_targets, read_target
from .split_names import SPLIT_NAMES
from .votes import tally

RAW = ("audio", "words")  # columns whose cells need not be text


def load(
    root: Path,
    task: str,
    *,
    file: str | list[str] = "",
    audio_dir: str = "",
    id: str = "id",
    audio: str = "audio",
    text: str = "text",
    words: str = "words",
    caption: str = "caption",
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
    video: str = "video",
    phones: str = "phones",
    targets: list[str] | tuple[str, ...] = (),
    votes: str = "votes.",
    traits: list[str] | tuple[str, ...] = (),
) -> Iterator[Example | Dropped]:
    """The rows of all files, in order. `root` is unused.

    Raises UserError, naming file and row, for what cannot be used, and for an id that occurs twice.
    """
    check_targets(task, targets)
    names = {
        "id": id,
        "audio": audio,
        "text": text,
        "words": words,
        "caption": caption,
        "label": label,
        "question": question,
        "answer": answer,
        "split_column": split_column,
        "fold_column": fold_column,
        "speaker": speaker,
        "group": group,
        "start": start,
        "end": end,
        "video": video,
        "phones": phones,
        "votes": votes,
    }
    first_file(file)
    files = [Path(name) for name in ([file] if isinstance(file, str) else file) if name]
    if audio_dir and not os.path.isdir(audio_dir):
        raise UserError(f"dataset.audio_dir={audio_dir}: no such folder")
    numbers = tuple(targets) if task in TARGET_TASKS else ()
    more = (tuple(numbers), tuple(traits))
    tables = [_Table(path, Path(audio_dir or path.parent), names, task, *more) for path in files]
    chosen = None
    if fold not in (None, ""):
        cells = (row.fold(fold) for row in chain.from_iterable(tables))
        chosen = folds.Folds(fold_column, cells, str(fold), str(val_fold))
    return _examples(tables, task, chosen)


def _examples(
    tables: Sequence[_Table], task: str, chosen: folds.Folds | None
) -> Iterator[Example | Dropped]:
    """The rows of all tables, with their ids."""
    # Twice over the tables: which keys are unique is known at their end
    rows = chain.from_iterable(tables)
    ids = row_ids.RowIds(row.key() for row in rows if "id" not in row.columns)
    other_answers: set[str] = set()
    own: dict[str, str] = {}  # id of an id column -> its row
    is_empty = True
    for row in chain.from_iterable(tables):
        key = "" if "id" in row.columns else row.key()
        example = row.example(key, chosen.split(row.fold(chosen.test)) if chosen else None)
        if ids.is_repeated(key):
            example = replace(example, id=ids.draw(key, example, row.table.path))
        elif not key and (first := own.setdefault(example.id, row.where)) != row.where:
            raise UserError(
                f"{row.where}: id {example.id!r} is that of {first} too; ids must differ"
                " (dataset.id= ignores the column)"
            )
        if reason := left_out(task, example.label):
            other_answers.add(example.label)
            yield Dropped(reason, example.id)
            continue
        is_empty = False
        # Rows of several files: mismatched pairs are drawn within a file, or it gave them away
        yield replace(example, source=str(row.table.path) if len(tables) > 1 else "")
    if is_empty and other_answers:
        wanted = "is yes or no" if task == "aqa_binary" else "is other than yes or no"
        found = ", ".join(sorted(other_answers)[:5])
        raise UserError(f"{tables[0].path}: no answer {wanted}; found: {found}")
    if is_empty:
        raise UserError(f"{tables[0].path}: no rows")


@dataclass(frozen=True)
class _Table:
    """One of the user's tables, read as often as its rows are asked for."""

    path: Path
    folder: Path  # that relative audio paths start from
    names: Mapping[str, str]  # option -> column
    task: str
    targets: tuple[str, ...]  # columns of numbers
    traits: tuple[str, ...]  # columns that scores are taken by

    def __iter__(self) -> Iterator[_Row]:
        columns, rows = read_manifest(self.path)
        used = used_columns(self.path, columns, self.names, self.task)
        require_columns(self.path, columns, "targets", self.targets)
        require_columns(self.path, columns, "traits", self.traits)
        voted = vote_columns(columns, self.names["votes"], self.task)
        for line, row in enumerate(rows, 1):
            cells = {option: _cell(row.get(used[option])) for option in used if option not in RAW}
            numbers = {name: _cell(row.get(name)) for name in self.targets}
            votes = {name: _cell(row.get(name)) for name in voted}
            traits = {name: _cell(row.get(name)) for name in self.traits}
            recording = _audio(row.get(used["audio"]))
            said = row.get(used["words"]) if "words" in used else None
            where = f"{self.path} row {line}"
            for own in self._captioned(where, columns, row, cells):
                yield _Row(where, self, used, own, numbers, votes, traits, said, *recording)

    def _captioned(
        self, where: str, columns: Sequence[str], row: Mapping[str, Any], cells: dict[str, str]
    ) -> Iterator[dict[str, str]]:
        """The cells of a row, once per caption if its captions have columns with numbers.

        Raises UserError if all of them are empty.
        """
        if self.task != "caption":
            yield cells
            return
        named = caption_columns(self.path, columns, self.names["caption"])
        if len(named) == 1:
            yield cells
            return
        given = {name: text for name in named if (text := _cell(row.get(name)))}
        if not given:
            raise UserError(f"{where}: columns {', '.join(named)} are empty")
        for name, text in given.items():
            own_id = {"id": f"{cells['id']}#{name.rpartition('_')[2]}"} if cells.get("id") else {}
            yield cells | {"caption": text} | own_id


class _Row(NamedTuple):
    """A row of a table, with errors that name it."""

    where: str  # file and number
    table: _Table
    columns: Mapping[str, str]  # option -> column, of those that are used
    cells: Mapping[str, str]  # option -> text; "" for an empty cell
    numbers: Mapping[str, str]  # column of a target -> text
    votes: Mapping[str, str]  # column of votes -> text
    traits: Mapping[str, str]  # column -> text
    said: Any  # words and their times, as the cell has them
    audio: str | bytes  # a path, or the bytes of a file
    name: str  # of the file whose bytes they are, if stated

    def key(self) -> str:
        """The key of row_ids."""
        start, end = self.cells.get("start", ""), self.cells.get("end", "")
        said = ("question", "text", "caption")
        asked = (self.cells[option] for option in NEEDED[self.table.task] if option in said)
        folder = os.path.abspath(self.table.folder)
        return row_ids.key(folder, self.audio, self.name, start, end, next(asked, ""))

    def fold(self, tested: str | None) -> str:
        """The fold of a row. Raises UserError if it has none."""
        if "fold_column" not in self.columns:
            raise UserError(
                f"{self.where}: no column of folds, for dataset.fold={tested};"
                " name it with dataset.fold_column=COLUMN"
            )
        if not self.cells["fold_column"]:
            raise UserError(f"{self.where}: column {self.columns['fold_column']!r} is empty")
        return self.cells["fold_column"]

    def example(self, key: str, side: str | None) -> Example:
        """The row, with the key as id if no column has ids.

        Args:
            side: the split of its fold; None if splits are not drawn by fold.
        """
        task = self.table.task
        targets = tuple(read_target(self.where, *of, task) for of in self.numbers.items())
        recording = self._recording()
        start = self._seconds("start") or 0.0
        end = self._seconds("end")
        if end is not None and end <= start:
            raise UserError(f"{self.where}: end {end:g} must lie after start {start:g}")
        cells = self.cells
        row_id = cells.get("id", key)
        text, words = self._words(start, end)
        return Example(
            id=row_id,
            audio=(Segment(recording, start, end),),
            text=text,
            question=cells.get("question", ""),
            caption=cells.get("caption", ""),
            label=cells["answer"].lower() if "answer" in cells else cells.get("label", ""),
            targets=targets,
            split=self._split() if side is None else side,
            speaker=cells.get("speaker", ""),
            group=cells.get("group", ""),
            votes=tally(map(self._votes, self.votes)),
            video=self._stream("video"),
            phones=self._stream("phones"),
            traits=tuple(self.traits.items()),
            words=words,
        )

    def _words(self, start: float, end: float | None) -> tuple[str, tuple[Word, ...]]:
        """The text and its words, whose times are then of the row's stretch.

        Raises UserError for words that are not those of the text, or lie outside the stretch.
        """
        text = self.cells.get("text", "")
        if not (self.said and _cell(self.said)):
            return text, ()
        try:
            words = word_times.parse(self.said)
            text = text or " ".join(word.text for word in words)
            word_times.owners(text, words)
            return text, word_times.inside(words, start, end)
        except UserError as error:
            named = self.cells.get("id") or self.name
            clip = named or (self.audio if isinstance(self.audio, str) else "")
            raise UserError(
                f"{self.where}, clip {clip}: column {self.columns['words']!r}: {error}"
                " (dataset.words= ignores the column)"
            ) from None

    def _recording(self) -> str | bytes:
        """The recording of the row. Raises UserError if it, or a cell that is needed, is empty."""
        audio = self.audio
        if isinstance(audio, str) and "\0" in audio:
            column = self.columns["audio"]
            raise UserError(f"{self.where}: column {column!r} has a NUL character: {audio!r}")
        needed = (*NEEDED[self.table.task], *(["id"] if "id" in self.columns else []))
        for option in needed:
            if not (audio if option == "audio" else self.cells[option]):
                ignored = " (dataset.id= ignores the column)" if option == "id" else ""
                column = self.columns[option]
                raise UserError(f"{self.where}: column {column!r} is empty{ignored}")
        return audio if isinstance(audio, bytes) else str(self.table.folder / audio)

    def _stream(self, option: str) -> str:
        """The path of a video, or of a file of phones, or the phones themselves; "" for none."""
        cell = self.cells.get(option, "")
        is_path = cell and (option == "video" or cell.endswith(".npy"))
        return os.path.abspath(self.table.folder / cell) if is_path else cell

    def _votes(self, column: str) -> tuple[str, float]:
        """The class of a column and the votes for it. Raises UserError for what is no count."""
        cell = self.votes[column]
        count = number(cell or "0")
        if count is None or count < 0:
            raise UserError(f"{self.where}: {column} {cell!r} is not a number of votes, 0 or more")
        name = column.removeprefix(self.table.names["votes"])
        return (name.lower() if "answer" in self.cells else name), count

    def _seconds(self, option: str) -> float | None:
        """The seconds in a start or end cell; None if there is none."""
        cell = self.cells.get(option, "")
        if not cell:
            return None
        value = number(cell)
        if value is None or value < 0:
            column = self.columns[option]
            raise UserError(f"{self.where}: {column} {cell!r} is not a time in seconds, 0 or more")
        return value

    def _split(self) -> str:
        """The split that the row names, or "". Raises UserError for a name that is none."""
        split = self.cells.get("split_column", "").lower()
        if split and split not in SPLIT_NAMES:
            raise UserError(
                f"{self.where}: unknown split {split!r} in column"
                f" {self.columns['split_column']!r}; known: {', '.join(SPLIT_NAMES)}"
                " (dataset.split_column= ignores the column)"
            )
        if "fold_column" in self.columns and "split_column" not in self.columns:
            raise UserError(
                f"{self.where}: column {self.columns['fold_column']!r} has folds:"
                f" dataset.fold={self.cells['fold_column']} tests one of them,"
                " dataset.fold_column= ignores the column"
            )
        return SPLIT_NAMES.get(split, "")


def _cell(value: Any) -> str:
    """A cell as text; "" for the empty cells of Parquet and JSON."""
    return "" if value is None or value != value else str(value).strip()


def _audio(value: Any) -> tuple[str | bytes, str]:
    """The path in a cell, or the bytes of a file and its name; "" for none."""
    name = ""
    if isinstance(value, dict):
        name = _cell(value.get("path"))
        value = value.get("bytes") or name
    return (value if isinstance(value, bytes) else _cell(value)), name


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
    votes="columns votes.<class>",
    words="a column words (dataset.words=COLUMN)",
)
