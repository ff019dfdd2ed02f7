"""Tables of an audformat database: columns by name, scheme or field of a scheme, joined by file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from pickle import PickleError
from typing import Any, NamedTuple

from ..errors import UserError, require_extra, unknown
from .label_files import first_line
from .split_names import SPLIT_NAMES

HEADER = "db.yaml"
# Raised of spoilt headers and tables; UserError, a ValueError, is never raised in their reading
FAULTS = (
    *(OSError, EOFError, RuntimeError, ValueError, LookupError),
    *(TypeError, AttributeError, PickleError),
)


class Stretch(NamedTuple):
    """A row of a table: a file, or seconds of it; end None: to its end."""

    file: str
    start: float = 0.0
    end: float | None = None


class Source(NamedTuple):
    """A column that has what a name asks for."""

    column: str
    words: Mapping[Any, Any]  # value of the column -> what its scheme has for it; empty: itself


class Joined(NamedTuple):
    """Values of one name from several tables."""

    of_stretch: Mapping[Stretch, str]
    of_file: Mapping[str, str]

    def at(self, stretch: Stretch) -> str:
        """The value of the very stretch, else of its file; "" if there is none."""
        return self.of_stretch.get(stretch, "") or self.of_file.get(stretch.file, "")


class Tables:
    """The tables of a database, each read when it is asked for.

    Raises UserError in one line if the package is missing, or for what it cannot read.
    """

    def __init__(self, root: Path):
        require_extra("audformat", "dataset audformat")
        import audformat  # pandas: half a second

        self.root = root
        if not (root / HEADER).is_file():
            raise UserError(f"{root}: no {HEADER}, the header of an audformat database")
        with self._one_line(HEADER):
            self.database = audformat.Database.load(str(root), load_data=False)

    @contextmanager
    def _one_line(self, what: str) -> Iterator[None]:
        """Raise UserError for what the library, and those below it, raise of a spoilt file."""
        import yaml

        try:
            yield
        except (*FAULTS, yaml.YAMLError) as error:
            why = first_line(error)
            raise UserError(f"{self.root}: audformat cannot read {what}: {why}") from error

    def choose(self, names: Sequence[str], tables: Sequence[str], option: str) -> dict[str, str]:
        """The tables to read, and their splits ("" if they have none): those with all the columns.

        Args:
            names: of columns.
            tables: chosen by the user; if there are none, those of the splits, else the only one.
            option: that names another column, for messages.

        Raises UserError if there is none, or if it is not clear which is meant.
        """
        known = self.database.tables
        for table in tables:
            if table not in known:
                raise unknown("table of dataset.table", table, known)
        fit = [t for t in tables or known if all(self.source(t, name) for name in names)]
        lacking = [t for t in tables if t not in fit]
        if lacking or not fit:
            who = f"table {lacking[0]!r}" if lacking else "no table"
            verb = "lacks" if lacking else "has"
            raise UserError(
                f"{self.root}: {who} {verb} {_columns(names)}; {self.summary()};"
                f" {option} names another"
            )
        splits = {table: self._split(table) for table in fit}
        return splits if tables else self._unambiguous(splits, names)

    def _split(self, table: str) -> str:
        """The split of a table; "" if it has none, or one of type `other`."""
        split = self.database.tables[table].split
        return "" if split is None else SPLIT_NAMES.get(split.type, "")

    def _unambiguous(self, splits: dict[str, str], names: Sequence[str]) -> dict[str, str]:
        """The tables that fit: one per split, with training among them, or the only one."""
        owned = {table: split for table, split in splits.items() if split}
        has_one_each = len(set(owned.values())) == len(owned) and "train" in owned.values()
        if has_one_each or len(splits) == 1:
            return owned or splits
        shown = ", ".join(f"{table} ({split or 'no split'})" for table, split in splits.items())
        raise UserError(
            f"{self.root}: several tables have {_columns(names)}: {shown};"
            " dataset.table=[...] names those to read"
        )

    def summary(self) -> str:
        """All tables with their columns."""
        tables = self.database.tables.items()
        return "; ".join(f"table {name}: {', '.join(table.columns)}" for name, table in tables)

    def source(self, table: str, name: str) -> Source | None:
        """The column of that name, else of a scheme of that name, else with such a field.

        Raises UserError if several columns have the scheme.
        """
        columns = self.database.tables[table].columns
        of_scheme = [id for id, column in columns.items() if column.scheme_id == name]
        direct = [name] if name in columns else of_scheme
        if len(direct) > 1:
            raise UserError(
                f"{self.root}: table {table} has several columns of scheme {name!r}:"
                f" {', '.join(direct)}; name one of them"
            )
        if direct:
            return Source(direct[0], self._words(columns[direct[0]]))
        fields = ((id, self._field(column, name)) for id, column in columns.items())
        return next((Source(id, words) for id, words in fields if words), None)

    def _words(self, column: Any) -> Mapping[Any, Any]:
        """Label -> text, if the scheme of a column has a text per label."""
        labels = column.scheme.labels if column.scheme else None
        texts = labels if isinstance(labels, dict) else {}
        return texts if all(isinstance(text, str) and text for text in texts.values()) else {}

    def _field(self, column: Any, name: str) -> Mapping[Any, Any]:
        """Label -> its field of that name, of a scheme with fields or with a table of them."""
        labels = column.scheme.labels if column.scheme else None
        if isinstance(labels, str):
            table = self.database.misc_tables[labels]
            with self._one_line(f"table {labels}"):
                return table.df[name].to_dict() if name in table.columns else {}
        pairs = labels.items() if isinstance(labels, dict) else ()
        fields = {label: of for label, of in pairs if isinstance(of, dict)}
        return {label: of[name] for label, of in fields.items() if name in of}

    def stretches(self, table: str) -> list[Stretch]:
        """The rows of a table."""
        with self._one_line(f"table {table}"):
            index = self.database.tables[table].index
            files = index.get_level_values("file").tolist()
            if index.nlevels == 1:
                return [Stretch(file) for file in files]
            starts, ends = (
                index.get_level_values(level).total_seconds().tolist() for level in ("start", "end")
            )
        # Seconds that are missing are no number, which is not equal to itself
        return [
            Stretch(file, start if start == start else 0.0, end if end == end else None)
            for file, start, end in zip(files, starts, ends, strict=True)
        ]

    def values(self, table: str, name: str) -> dict[Stretch, str]:
        """The values of a name in a table, without those that are missing."""
        source = self.source(table, name)
        if source is None:
            return {}
        rows = self.stretches(table)
        with self._one_line(f"table {table}"):
            cells = self.database.tables[table].df[source.column].astype(object)
            cells = cells.map(source.words) if source.words else cells
            pairs = list(zip(rows, cells.tolist(), cells.notna().tolist(), strict=True))
        return {row: str(cell).strip() for row, cell, is_there in pairs if is_there}

    def joined(self, table: str, name: str) -> Joined | None:
        """The values of a name in a table; if it has none, in all others; None if they have none.

        Raises UserError if two tables differ.
        """
        own = [table] if self.source(table, name) else []
        tables = own or [other for other in self.database.tables if self.source(other, name)]
        found: dict[Stretch, str] = {}
        for other in tables:
            for key, value in self.values(other, name).items():
                if found.setdefault(key, value) != value:
                    raise UserError(
                        f"{self.root}: {name} of {key.file} is {found[key]!r} and {value!r}, in"
                        f" tables {', '.join(tables)}"
                    )
        whole = {key.file: value for key, value in found.items() if key == Stretch(key.file)}
        return Joined(found, whole) if tables else None


def _columns(names: Sequence[str]) -> str:
    """The words for columns in a message."""
    return f"column{'s' if len(names) > 1 else ''} {', '.join(names)}"
