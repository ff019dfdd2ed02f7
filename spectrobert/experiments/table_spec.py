"""A table of results as data: conf/table/<name>.yaml, or a user's own YAML file."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import UserError, unknown
from ..settings import conf
from ..settings.conf import choices, options_of

CURVES = ("val/macro_f1", "val/accuracy", "val/unweighted_accuracy")  # by epoch
THESIS = "thesis"  # the source that needs no protocol: docs/thesis.md has it


@dataclass(frozen=True)
class Row:
    """One line: a run per seed and fold, or only a published figure."""

    name: str  # as it is shown
    experiment: str = ""  # file of conf/experiment
    overrides: tuple[str, ...] = ()  # of the file; the runs are then named after the row
    # Of a pre-training, or in a matrix; other rows, and a pre-training without, have the table's
    dataset: str = ""
    # Name of the pre-training, or of a row above, whose runs its own start from; a pre-training
    # continues one before it
    needs: str = ""
    silenced: str = ""  # name of the row whose runs are scored again with every waveform zeroed
    # name of the row whose runs are scored again, reading the other modality: zero-shot transfer
    swapped: str = ""
    baseline: str = ""  # name of the row that it is tested against, in place of the table's
    # metric -> published figure, as a table shows it: percent if the column is in percent;
    # "epoch" -> epoch
    published: Mapping[str, float] = field(default_factory=dict)
    source: str = ""  # of its published figures, if it is not the table's
    protocol: str = ""  # of its published figures, if it is not the table's
    # In a matrix: the row of the file that it is of; the row whose runs are scored
    # again, if it has none itself; the corpus that is scored
    recipe: str = ""
    of: str = ""
    tested_on: str = ""

    @property
    def is_trained(self) -> bool:
        """False if another row's runs are scored, or only a published figure is shown."""
        return bool(self.experiment or self.overrides) and not self.of

    @property
    def scored(self) -> str:
        """The row whose runs are scored again; "" if it has runs of its own, or none."""
        return self.silenced or self.swapped or self.of


@dataclass(frozen=True)
class Table:
    """Runs, and how they are shown."""

    title: str
    task: str
    dataset: str
    metrics: tuple[str, ...]  # columns, by their names in results.json; the first one is tested
    rows: tuple[Row, ...]
    baseline: str = ""  # name of the row that the others are tested against
    pretraining: tuple[Row, ...] = ()
    source: str = THESIS  # of the published figures: short, the heading of their columns
    protocol: str = ""  # theirs, in one sentence: corpus, split, n, choice of the checkpoint
    notes: tuple[str, ...] = ()
    # Metric whose values by epoch are written next to the table, as val/macro_f1
    curve: str = ""
    # Of a matrix, each corpus trained on and tested on: corpus -> its options, as labels.map=...
    corpora: Mapping[str, Sequence[str]] = field(default_factory=dict)
    classes: tuple[str, ...] = ()  # of a matrix: those that all corpora have
    name: str = ""  # of its file
    home: str = ""  # the corpus of the file
    recipes: tuple[Row, ...] = ()  # of a matrix: the rows of its file

    def row(self, name: str) -> Row:
        """The row or pre-training of that name."""
        return next(row for row in (*self.rows, *self.pretraining) if row.name == name)

    def source_of(self, row: Row) -> str:
        """Short name of the source of the row's published figures."""
        return row.source or self.source

    def protocol_of(self, row: Row) -> str:
        """Protocol of the row's published figures; empty if none is stated.

        Another source than the table's does not share the table's protocol.
        """
        return row.protocol or (self.protocol if self.source_of(row) == self.source else "")

    def on(self, dataset: str) -> Table:
        """The same rows on another corpus; of a matrix on several of its corpora.

        Raises UserError for a corpus that a matrix does not list.
        """
        if not dataset:
            return self
        other = dataclasses.replace(self, dataset=dataset)
        return _matrix(other, "--dataset") if self.corpora else other

    @property
    def stem(self) -> str:
        """Stem of the files that are written about it."""
        return self.name if self.dataset == self.home else f"{self.name}_{self.dataset}"


def load(name_or_path: str) -> Table:
    """A table of conf/table by its name, or any YAML file.

    Raises UserError, in one line with the file and the row, if it cannot be read or run.
    """
    path, values = conf.read("table", "table", name_or_path)
    table = _build(Table, values, str(path), name=path.stem)
    table = dataclasses.replace(table, home=table.dataset)
    _check(table, str(path))
    if not table.corpora:
        return table
    return _matrix(dataclasses.replace(table, recipes=table.rows), f"{path}: dataset")


def _matrix(table: Table, where: str) -> Table:
    """A matrix whose rows are those of its cells: recipe by recipe, each corpus on each.

    The runs of a corpus are scored on its own test split, then, by `evaluate --dataset`, on the
    other corpora. Of three corpora or more, further runs are trained on all but one.

    Raises UserError if `table.dataset` names fewer than two corpora, or others than the table's.
    """
    names = table.dataset.split("+")
    for name in names:
        _require("corpus of the table", name, table.corpora, where)
    if len(set(names)) < max(2, len(names)):
        raise UserError(f"{where} {table.dataset}: two corpora are needed at least, each once")
    rows: list[Row] = []
    for recipe in table.recipes:
        for name in names:
            others = [other for other in names if other != name]
            rows += _runs(table, recipe, name, others)
            if len(names) > 2:
                rows += _runs(table, recipe, "+".join(others), [name])
    return dataclasses.replace(table, rows=tuple(rows))


def _runs(table: Table, recipe: Row, dataset: str, others: Sequence[str]) -> list[Row]:
    """Runs on `dataset`, and the same scored on each of the others."""
    run = _run(table, recipe, dataset)
    return [run, *(_cell(table, run, other) for other in others)]


def _run(table: Table, recipe: Row, dataset: str) -> Row:
    """Runs of a recipe on one corpus, or on several together, by the common classes."""
    names = dataset.split("+")
    own = [
        f"dataset.{name + '.' if len(names) > 1 else ''}{option.removeprefix('dataset.')}"
        for name in names
        for option in table.corpora[name]
    ]
    plain = re.sub(r"[^\w.+-]+", "-", recipe.name)
    kept = f"dataset.labels.keep=[{','.join(table.classes)}]"
    overrides = (*recipe.overrides, *own, kept, f"experiment_name={dataset}_cross_{plain}")
    title = f"{recipe.name}: {dataset} -> {dataset if len(names) == 1 else 'its own test splits'}"
    return dataclasses.replace(
        recipe, name=title, recipe=recipe.name, dataset=dataset, overrides=overrides
    )


def _cell(table: Table, run: Row, corpus: str) -> Row:
    """The runs of a row, scored on another corpus."""
    options = (*table.corpora[corpus], f"labels.keep=[{','.join(table.classes)}]")
    return Row(
        f"{run.recipe}: {run.dataset} -> {corpus}",
        overrides=options,
        dataset=run.dataset,
        recipe=run.recipe,
        of=run.name,
        tested_on=corpus,
    )


# key -> type and description of its value in YAML; a text if a key is not named
KINDS: dict[str, tuple[type, str]] = {
    "metrics": (list, "a list of names"),
    "overrides": (list, "a list of key=value"),
    "notes": (list, "a list of sentences"),
    "rows": (list, "a list of rows"),
    "pretraining": (list, "a list of rows"),
    "published": (dict, "figures by metric"),
    "corpora": (dict, "lists of options by corpus"),
    "classes": (list, "a list of names"),
}
# not from the file
OWN = {"Table": {"name", "home", "recipes"}, "Row": {"recipe", "of", "tested_on"}}


def _build(kind: type, values: Any, where: str, **more: Any) -> Any:
    """A Row or Table from plain YAML. Raises UserError for an unknown key or a wrong value."""
    if not isinstance(values, dict):
        raise UserError(f"{where}: must be keys and values, not {values!r}")
    fields = [f for f in dataclasses.fields(kind) if f.name not in OWN[kind.__name__]]
    for key, value in values.items():
        _require("key", key, [f.name for f in fields], where)
        expected, words = KINDS.get(key, (str, "a text"))
        if not isinstance(value, expected):
            raise UserError(f"{where}: {key} must be {words}, not {value!r}")
    none = dataclasses.MISSING
    for f in fields:
        if f.name not in values and f.default is none and f.default_factory is none:
            raise UserError(f"{where}: {f.name} is missing")
    parts = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    for group in (name for name in ("rows", "pretraining") if name in parts):
        rows = enumerate(parts[group], start=1)
        parts[group] = tuple(_build(Row, row, f"{where}: {group} {i}") for i, row in rows)
    return kind(**parts, **more)


def _require(kind: str, name: str, known: Collection[str], where: str) -> None:
    """Raise UserError for a name that is not known."""
    if name not in known:
        raise UserError(f"{where}: {unknown(kind, name, known)}")


def _check(table: Table, where: str) -> None:
    """Raise UserError if names do not fit each other, or cannot be run."""
    if not table.metrics:
        raise UserError(f"{where}: metrics is empty; name columns, such as accuracy")
    _require("task", table.task, choices("task"), where)
    own = [] if table.corpora else [table.dataset]
    given = [row.dataset for row in table.pretraining if row.dataset]
    for dataset in (*own, *table.corpora, *given):
        _require("dataset", dataset, choices("dataset"), where)
    if table.curve:
        _require("metric of a curve", table.curve, CURVES, where)
    _check_matrix(table, where)
    names = [row.name for row in (*table.rows, *table.pretraining)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{where}: two rows are named {twice!r}")
    trained = {row.name for row in table.rows if row.is_trained}
    if table.baseline:
        _require("row", table.baseline, trained, f"{where}: baseline")
    for row in (*table.rows, *table.pretraining):
        _check_row(row, table, trained, f"{where}: row {row.name!r}")


def _check_matrix(table: Table, where: str) -> None:
    """Raise UserError if a matrix lacks its classes, or has what it has no place for."""
    if not table.corpora:
        if table.classes:
            raise UserError(f"{where}: classes are of a table with corpora; it has none")
        return
    if len(table.classes) < 2:
        raise UserError(f"{where}: classes must list two names at least, which all corpora have")
    if table.baseline:
        raise UserError(f"{where}: baseline: a table with corpora tests no row against another")
    for name, options in table.corpora.items():
        for option in options if isinstance(options, list) else [options]:
            if not isinstance(option, str) or not option.startswith(("labels.map=", "dataset.")):
                raise UserError(
                    f"{where}: corpora: {name}: {option!r} is neither labels.map=... nor"
                    " dataset....=..."
                )
    for row in table.rows:
        if not row.is_trained or row.published:
            raise UserError(f"{where}: row {row.name!r}: with corpora, a row is an experiment")


def _check_row(row: Row, table: Table, trained: set[str], where: str) -> None:
    is_pretraining = row in table.pretraining
    if row.experiment:
        _require("experiment", row.experiment, options_of("experiment"), where)
    if row.needs:
        _require("pre-training", row.needs, _above(table, row), f"{where}: needs")
    for option in ("silenced", "swapped", "baseline"):
        if name := getattr(row, option):
            _require("row", name, trained, f"{where}: {option}")
    for option in ("silenced", "swapped"):
        if getattr(row, option) and (row.is_trained or row.needs):
            raise UserError(
                f"{where}: a {option} row scores another row's runs, and has none itself"
            )
    if row.silenced and row.swapped:
        raise UserError(f"{where}: silenced and swapped: one of the two")
    if row.dataset and not is_pretraining:
        raise UserError(f"{where}: dataset is the table's; only a pre-training has its own")
    if is_pretraining and not (row.is_trained or row.scored):
        raise UserError(f"{where}: experiment is missing")
    for override in row.overrides:
        if not isinstance(override, str) or "=" not in override:
            raise UserError(f"{where}: overrides: {override!r} is not key=value")
    _check_published(row, table, where)


def _above(table: Table, row: Row) -> list[str]:
    """Names of the pre-trainings above, and of the rows above whose runs start from none."""
    if row in table.pretraining:
        return [first.name for first in table.pretraining[: table.pretraining.index(row)]]
    above = itertools.takewhile(lambda other: other is not row, table.rows)
    rows = [other.name for other in above if other.is_trained and not other.needs]
    return [*(first.name for first in table.pretraining), *rows]


def _check_published(row: Row, table: Table, where: str) -> None:
    """Raise UserError for figures of no column, and for figures without a protocol."""
    for metric, figure in row.published.items():
        if metric != "epoch":
            _require("metric", metric, table.metrics, f"{where}: published")
        if isinstance(figure, bool) or not isinstance(figure, (int, float)):
            raise UserError(f"{where}: published: {metric} must be a number, not {figure!r}")
    source = table.source_of(row)
    if row.published and source != THESIS and not table.protocol_of(row):
        raise UserError(
            f"{where}: the figures of source {source!r} have no protocol; say in one sentence"
            " which corpus, split, n and choice of the checkpoint they are of"
        )
    if (row.source or row.protocol) and not row.published:
        raise UserError(f"{where}: source and protocol are of published figures; it has none")
