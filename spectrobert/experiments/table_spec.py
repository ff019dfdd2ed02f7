"""A table of results as data: conf/table/<name>.yaml, or a YAML file of the user's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UserError, unknown
from ..files import read_yaml
from ..settings.conf import CONF, choices, options_of


@dataclass(frozen=True)
class Row:
    """One line: a run per seed and fold, or only a published figure."""

    name: str  # as it is shown
    experiment: str = ""  # file of conf/experiment
    overrides: tuple[str, ...] = ()  # beside the file; the runs then bear the row's name
    dataset: str = ""  # of a pre-training; a row has the table's
    needs: str = ""  # name of the pre-training that its runs start from
    silenced: str = ""  # name of the row whose runs are scored again with every waveform zeroed
    thesis: Mapping[str, float] = field(default_factory=dict)  # metric -> percent; "epoch" -> epoch

    @property
    def is_run(self) -> bool:
        """False where only a published figure is shown."""
        return bool(self.experiment or self.overrides or self.silenced)


@dataclass(frozen=True)
class Table:
    """What is run and how it is shown."""

    title: str
    task: str
    dataset: str
    metrics: tuple[str, ...]  # columns, by their names in results.json; the first one is tested
    rows: tuple[Row, ...]
    baseline: str = ""  # name of the row that the others are tested against
    pretraining: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    name: str = ""  # of its file
    home: str = ""  # the corpus of the file, which the thesis' figures are of

    def row(self, name: str) -> Row:
        """The row or pre-training of that name."""
        return next(row for row in (*self.rows, *self.pretraining) if row.name == name)

    def on(self, dataset: str) -> Table:
        """The same rows on another corpus."""
        return dataclasses.replace(self, dataset=dataset) if dataset else self

    @property
    def stem(self) -> str:
        """File name of what is written about it."""
        return self.name if self.dataset == self.home else f"{self.name}_{self.dataset}"


def load(name_or_path: str) -> Table:
    """A table of conf/table by its name, or any YAML file.

    Raises UserError, in one line with the file and the row, for what cannot be read or run.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        if name_or_path not in options_of("table"):
            raise unknown("table", name_or_path, [*options_of("table"), "a path ending in .yaml"])
        path = CONF / "table" / f"{name_or_path}.yaml"
    table = _build(Table, read_yaml(path), str(path), name=path.stem)
    table = dataclasses.replace(table, home=table.dataset)
    _check(table, str(path))
    return table


# key -> what YAML must hold there; a text where a key is not named
KINDS: dict[str, tuple[type, str]] = {
    "metrics": (list, "a list of names"),
    "overrides": (list, "a list of key=value"),
    "notes": (list, "a list of sentences"),
    "rows": (list, "a list of rows"),
    "pretraining": (list, "a list of rows"),
    "thesis": (dict, "figures by metric"),
}
OWN = {"name", "home"}  # of a table, these are not the file's to say


def _build(kind: type, values: Any, where: str, **more: Any) -> Any:
    """A Row or Table from plain YAML. Raises UserError for a key or a value that is none."""
    if not isinstance(values, dict):
        raise UserError(f"{where}: must be keys and values, not {values!r}")
    fields = {f.name: f for f in dataclasses.fields(kind) if kind is Row or f.name not in OWN}
    for key, value in values.items():
        if key not in fields:
            raise UserError(f"{where}: {unknown('key', key, fields)}")
        expected, words = KINDS.get(key, (str, "a text"))
        if not isinstance(value, expected):
            raise UserError(f"{where}: {key} must be {words}, not {value!r}")
    missing = [
        f.name
        for f in fields.values()
        if f.name not in values
        and f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise UserError(f"{where}: {missing[0]} is missing")
    parts = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    for group in ("rows", "pretraining"):
        if group in parts:
            parts[group] = tuple(
                _build(Row, row, f"{where}: {group} {number}")
                for number, row in enumerate(parts[group], start=1)
            )
    return kind(**parts, **more)


def _check(table: Table, where: str) -> None:
    """Raise UserError where names do not fit each other, or are none that can be run."""
    if not table.metrics:
        raise UserError(f"{where}: metrics is empty; name columns, such as accuracy")
    named = [("task", table.task, choices("task")), ("dataset", table.dataset, choices("dataset"))]
    named += [("dataset", row.dataset, choices("dataset")) for row in table.pretraining]
    for kind, value, known in named:
        if value not in known:
            raise UserError(f"{where}: {unknown(kind, value, known)}")
    everything = [row.name for row in (*table.rows, *table.pretraining)]
    twice = next((name for name in everything if everything.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{where}: two rows are named {twice!r}")
    trained = {row.name for row in table.rows if row.experiment or row.overrides}
    if table.baseline and table.baseline not in trained:
        raise UserError(f"{where}: baseline: {unknown('row', table.baseline, trained)}")
    for row in (*table.rows, *table.pretraining):
        _check_row(row, table, trained, f"{where}: row {row.name!r}")


def _check_row(row: Row, table: Table, trained: set[str], where: str) -> None:
    is_pretraining = row in table.pretraining
    if row.experiment and row.experiment not in options_of("experiment"):
        raise UserError(
            f"{where}: {unknown('experiment', row.experiment, options_of('experiment'))}"
        )
    if row.needs and (is_pretraining or row.needs not in {r.name for r in table.pretraining}):
        names = [r.name for r in table.pretraining if not is_pretraining]
        raise UserError(f"{where}: needs: {unknown('pre-training', row.needs, names)}")
    if row.silenced and row.silenced not in trained:
        raise UserError(f"{where}: silenced: {unknown('row', row.silenced, trained)}")
    if row.silenced and (row.experiment or row.overrides or row.needs):
        raise UserError(
            f"{where}: a silenced row scores another row's runs, it has none of its own"
        )
    if row.dataset and not is_pretraining:
        raise UserError(f"{where}: dataset is the table's; only a pre-training has its own")
    if is_pretraining and not row.is_run:
        raise UserError(f"{where}: experiment is missing")
    for metric, figure in row.thesis.items():
        if metric not in (*table.metrics, "epoch"):
            raise UserError(f"{where}: thesis: {unknown('metric', metric, table.metrics)}")
        if isinstance(figure, bool) or not isinstance(figure, (int, float)):
            raise UserError(f"{where}: thesis: {metric} must be a number, not {figure!r}")
    bad = next((o for o in row.overrides if not isinstance(o, str) or "=" not in o), None)
    if bad is not None:
        raise UserError(f"{where}: overrides: {bad!r} is not key=value")
