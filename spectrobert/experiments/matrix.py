"""A matrix in words: what was trained on down, what was tested on across."""

from collections.abc import Sequence

from .sheet import (
    OF_ONE_SEED,
    OVER_SEEDS,
    Parts,
    Sheet,
    failures,
    heading,
    score,
    sheet,
    state,
    without_interval,
)
from .table_rows import Line
from .table_spec import Table

OTHERS = "all others"  # row of the runs that are trained on all corpora but the tested one
CELLS = (
    "Where a corpus meets itself: its test speakers, of all folds together. Elsewhere: all clips of"
    " the tested corpus, by each of the runs of the corpus trained on, one per fold; the figure is"
    " the mean over these, n the clips of one."
)
TOGETHER = (
    f"{OTHERS}: one run per seed on the other corpora together, of each the first fold's training"
    " speakers."
)


def sheet_of(table: Table, lines: Sequence[Line]) -> Sheet:
    """The words of a table of any kind."""
    return matrix(table, lines) if table.corpora else sheet(table, lines)


def matrix(table: Table, lines: Sequence[Line]) -> Sheet:
    """A row per recipe and training corpus, a column per metric and tested corpus."""
    names = table.dataset.split("+")
    header = ["experiment", "trained on"]
    header += [f"{heading(metric)} on {name}" for name in names for metric in table.metrics]
    places = [*names, *([OTHERS] if len(names) > 2 else [])]
    cells = {_place(line): line for line in lines}
    rows: list[Sequence[Parts]] = []
    for recipe in table.recipes:
        for place in places:
            own = [cells.get((recipe.name, place, name)) for name in names]
            shown = [_cell(m, line) for line in own for m in table.metrics]
            rows.append([(recipe.name,), (place,), *shown])
    title = f"{table.title} ({table.task}: {', '.join(table.classes)})"
    return Sheet(title, header, rows, _notes(table, lines, len(names) > 2))


def _place(line: Line) -> tuple[str, str, str]:
    """Recipe, row and column of a line; those that are not shown have no column."""
    row = line.row
    is_mixture = "+" in row.dataset
    column = row.tested_on or ("" if is_mixture else row.dataset)
    return row.recipe, OTHERS if is_mixture else row.dataset, column


def _cell(metric: str, line: Line | None) -> Parts:
    """The figure, its interval and its n; if there is none, how far the runs are."""
    if line is None:
        return ("",)
    if metric not in line.cells:
        return state(line)
    return (*score(metric, line), f"n = {line.n}")


def _notes(table: Table, lines: Sequence[Line], has_others: bool) -> list[str]:
    shown = [line for line in lines if line.cells]
    renamed = [
        f"{name}: {', '.join(options)}" for name, options in table.corpora.items() if options
    ]
    used = [text for text in renamed if text.partition(":")[0] in table.dataset.split("+")]
    cautions = (f"{line.row.recipe}: {line.caution}" for line in lines if line.caution)
    notes = list(dict.fromkeys(cautions))  # each once, not for every cell
    notes += [CELLS, *([TOGETHER] if has_others else []), *_uncertainty(shown)]
    notes += [f"Options of corpora: {'; '.join(used)}."] if used else []
    return [*notes, *without_interval(shown), *table.notes, *failures(lines)]


def _uncertainty(shown: Sequence[Line]) -> list[str]:
    """Choice of the epoch, and meaning of ± and of the intervals."""
    if not shown:
        return []
    seeds = sorted({seed for line in shown for seed in line.seeds})
    first = f"At the epoch that validation chose; seed{'s' * (len(seeds) > 1)}"
    method = OVER_SEEDS if len(seeds) > 1 else "In" + OF_ONE_SEED
    return [f"{first} {', '.join(map(str, seeds))}.", method]
