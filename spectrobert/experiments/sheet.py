"""A table of results in words: headings, cells and notes, the same in every format."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from .table_rows import Line
from .table_spec import Row, Table

PERCENT = re.compile(r"accuracy|macro_(precision|recall|f1)")  # the others are shown as they are
SHORT = {"unweighted_accuracy": "UA", "auroc": "AUROC"}
MAX_EPOCHS = 3  # more runs than these show the range of their epochs
GAP = (
    "train - val: training minus validation accuracy in points, at the chosen epoch and,"
    " in brackets, at the last one; a gap that grows is overfitting."
)
SPLIT = "Test split, scored once, at the epoch that validation chose; seed{} {}."
OVER_SEEDS = (
    "± is the standard deviation over seeds. In brackets: 95 % interval of the expected"
    " score of another seed on other groups (speakers, scenes, recordings), from the"
    " differences between seeds (t) and from resampled groups."
)
OF_ONE_SEED = (
    " brackets: 95 % bootstrap interval over groups (speakers, scenes, recordings) for this trained"
    " model: how much seeds differ is not part of it."
)
COMPARED_OVER_SEEDS = (
    ", with the 95 % interval of the expected difference and a two-sided p, both over seeds"
    " and groups"
)
COMPARED_OF_ONE_SEED = (
    "with the 95 % bootstrap interval over groups and the p of a two-sided permutation test"
    " that exchanges the two models' answers group by group, for these trained models: another"
    " seed may give another difference"
)

HOLM = (
    "{} comparisons with a baseline were made: of so many, one p below 0.05 is likely to be chance;"
    " Holm's p is corrected for all of them, metrics and tables that are not shown aside."
)
POWER_NOTE = (
    "Smallest true difference that would have been found with 80 % power (p < 0.05, uncorrected):"
    " {}. A difference that was not found may still be as large."
)
ABOVE = "above one class at"
ABOVE_NOTE = (
    "above one class at: per run, the first epoch at whose end {} was above that of the best"
    " answer of one class alone; epochs count passes over the training clips that are used."
)

Parts = tuple[str, ...]  # of a cell; they may stand in lines of their own


@dataclass(frozen=True)
class Sheet:
    """A table in words."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Parts]]
    notes: Sequence[str]


def sheet(table: Table, lines: Sequence[Line]) -> Sheet:
    """The words of a table, the same in every format."""
    columns = _columns(table, lines)
    return Sheet(
        f"{table.title} ({table.task} on {table.dataset})",
        [heading for heading, _ in columns],
        [[cell(line) for _, cell in columns] for line in lines],
        _notes(table, lines),
    )


def _columns(table: Table, lines: Sequence[Line]) -> list[tuple[str, Callable[[Line], Parts]]]:
    """Heading and cell of each column; published figures only if a row has them."""
    sources = {table.source_of(line.row) for line in lines if line.row.published}
    source = "published" if len(sources) > 1 else "".join(sources)
    columns: list[tuple[str, Callable[[Line], Parts]]] = [
        ("experiment", lambda line: (line.row.name,)),
        ("pre-training", lambda line: (line.pretraining,)),
        ("epoch", _epochs),
    ]
    for metric in table.metrics:
        columns.append((heading(metric), partial(score, metric)))
        if any(metric in line.row.published for line in lines):
            columns.append((source, partial(_published, metric)))
        if metric == table.metrics[0] and (minus := minuend(table)):
            columns.append((minus, partial(_difference, metric)))
    if table.curve:
        columns.append((ABOVE, lambda line: (above_one_class(line.leaves),)))
    return [*columns, ("train - val", _gap), ("n", state)]


def minuend(table: Table) -> str:
    """Heading of the differences; "" if no row is tested against another."""
    if any(row.baseline for row in table.rows):
        return "minus its baseline"
    return f"minus {table.baseline}" if table.baseline else ""


def above_one_class(epochs: Sequence[int | None]) -> str:
    """By seed, the epoch after which a model has left the best answer of one class."""
    return "/".join("never" if epoch is None else str(epoch) for epoch in epochs)


def heading(metric: str) -> str:
    """Heading of a metric's column: `accuracy %`."""
    short = SHORT.get(metric, metric.removesuffix("_accuracy") if "top" in metric else metric)
    return f"{short} %" if PERCENT.search(metric) else short


def scale(metric: str) -> tuple[float, str]:
    """Factor and format."""
    return (100, ".1f") if PERCENT.search(metric) else (1, ".3f")


def score(metric: str, line: Line) -> Parts:
    """Mean over seeds, its deviation and its interval; "" if there is none."""
    cell = line.cells.get(metric)
    if cell is None:
        return ("",)
    factor, digits = scale(metric)
    value = f"{factor * cell.mean:{digits}}"
    if cell.spread is not None:
        value += f" ± {factor * cell.spread:{digits}}"
    if cell.interval is None:
        return (value,)
    low, high = (f"{factor * bound:{digits}}" for bound in cell.interval)
    return value, f"({low} - {high})"


def _published(metric: str, line: Line) -> Parts:
    _, digits = scale(metric)
    return (f"{line.row.published[metric]:{digits}}" if metric in line.row.published else "",)


def _difference(metric: str, line: Line) -> Parts:
    comparison = line.comparison
    if comparison is None:
        return ("",)
    factor, digits = scale(metric)
    parts = [f"{factor * comparison.difference:+{digits}}"]
    if comparison.interval:
        low, high = (f"{factor * bound:+{digits}}" for bound in comparison.interval)
        parts.append(f"({low} to {high})")
    if comparison.p is not None:
        holm = f", Holm {_p(comparison.p_holm)}" if comparison.p_holm is not None else ""
        parts.append(f"p {_p(comparison.p, '= ')}{holm}")
    return tuple(parts)


def _p(p: float, equal: str = "") -> str:
    return f"{equal}{p:.3f}" if p >= 0.001 else "< 0.001"


def _epochs(line: Line) -> Parts:
    if len(line.epochs) > MAX_EPOCHS:
        return (f"{min(line.epochs)}-{max(line.epochs)}",)
    return ("/".join(map(str, line.epochs)),)


def _gap(line: Line) -> Parts:
    if line.gaps is None:
        return ("",)
    chosen, last = (f"{100 * gap:+.1f}" for gap in line.gaps)
    return chosen, f"(last {last})"


def state(line: Line) -> Parts:
    """The number of test items; of a row that has not finished, how far it is."""
    if line.failure:
        return ("failed",)
    if line.finished < line.planned:
        return (f"{line.finished} of {line.planned} runs",)
    return (str(line.n or ""),)


def _notes(table: Table, lines: Sequence[Line]) -> list[str]:
    """Facts that a reader needs next to the numbers."""
    shown = [line for line in lines if line.cells]
    notes = [f"{line.row.name}: {line.caution}" for line in lines if line.caution]
    notes += [*_uncertainty(shown), *_comparisons(table, lines), *_fold_means(table, shown)]
    if any(line.gaps for line in lines):
        notes.append(GAP)
    if table.curve and shown:
        notes.append(ABOVE_NOTE.format(table.curve))
    notes += _examples(lines)
    notes += _sources(table, [line.row for line in lines if line.row.published])
    return [*notes, *table.notes, *failures(lines)]


def failures(lines: Sequence[Line]) -> list[str]:
    """Rows that have failed, with reasons."""
    return [f"{line.row.name} failed: {line.failure}" for line in lines if line.failure]


def _sources(table: Table, rows: Sequence[Row]) -> list[str]:
    """Protocols and epochs of the rows with published figures."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    epochs: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        source = table.source_of(row)
        groups[source, table.protocol_of(row)].append(row.name)
        if "epoch" in row.published:
            epochs[source].append(f"{row.name} {row.published['epoch']:g}")
    notes = []
    for (source, protocol), names in groups.items():
        whose = source if len(groups) == 1 else f"{source} ({'; '.join(names)})"
        if protocol:
            notes.append(f"{whose}: {protocol}")
        elif table.dataset != table.home:
            notes.append(f"{whose}: figures of {table.home}, these are of {table.dataset}.")
    return notes + [
        f"Published epochs, {source}: {', '.join(some)}." for source, some in epochs.items()
    ]


def _uncertainty(shown: Sequence[Line]) -> list[str]:
    """Meaning of ± and of the intervals; figures without an interval, with reasons."""
    if not shown:
        return []
    seeds = sorted({seed for line in shown for seed in line.seeds})
    sentences = [SPLIT.format("s" * (len(seeds) > 1), ", ".join(map(str, seeds)))]
    numbers = {len(line.seeds) for line in shown}
    if max(numbers) > 1:
        sentences.append(OVER_SEEDS)
    if 1 in numbers:
        sentences.append(("One seed: in" if max(numbers) > 1 else "In") + OF_ONE_SEED)
    return sentences + without_interval(shown)


def without_interval(shown: Sequence[Line]) -> list[str]:
    """Figures without an interval, with reasons."""
    without: dict[str, list[str]] = defaultdict(list)
    for line in shown:
        for metric, cell in line.cells.items():
            if cell.no_interval:
                without[f"{metric} has no interval: {cell.no_interval}."].append(line.row.name)
    return [
        reason if len(names) == len(shown) else f"{', '.join(names)}: {reason}"
        for reason, names in without.items()
    ]


def _comparisons(table: Table, lines: Sequence[Line]) -> list[str]:
    """Meaning of the differences, their intervals and p values."""
    numbers = {line.comparison.num_seeds for line in lines if line.comparison}
    if not numbers:
        return []
    sentence = f"{minuend(table)}: paired, over the same test items and seeds"
    sentence += COMPARED_OVER_SEEDS if max(numbers) > 1 else ""
    if 1 in numbers:
        sentence += ("; of one seed, " if max(numbers) > 1 else ", ") + COMPARED_OF_ONE_SEED
    own = [f"{row.name} against {row.baseline}" for row in table.rows if row.baseline]
    notes = [f"{sentence}.", *([f"Tested: {'; '.join(own)}."] if own else [])]
    return [*notes, *_multiplicity(lines), *_power(table, lines)]


def _multiplicity(lines: Sequence[Line]) -> list[str]:
    """The number of tests that were made, if they were several."""
    number = sum(line.comparison is not None and line.comparison.p is not None for line in lines)
    return [HOLM.format(number)] if number > 1 else []


def _power(table: Table, lines: Sequence[Line]) -> list[str]:
    """The difference that each comparison could have shown, whatever it has shown."""
    factor, digits = scale(table.metrics[0])
    shown = [
        f"{line.row.name} {factor * found.detectable:{digits}} ({found.num_groups} groups,"
        f" {found.num_seeds} seed{'s' * (found.num_seeds > 1)})"
        for line in lines
        if (found := line.comparison) and found.detectable is not None
    ]
    return [POWER_NOTE.format("; ".join(shown))] if shown else []


def _fold_means(table: Table, shown: Sequence[Line]) -> list[str]:
    """Metrics that are no figure of the pooled folds."""
    means = [
        metric
        for metric in table.metrics
        if any(metric in line.cells and line.cells[metric].is_fold_mean for line in shown)
    ]
    return [f"{', '.join(means)}: mean of the folds, weighted by their n."] if means else []


def _examples(lines: Sequence[Line]) -> list[str]:
    """Training examples per row: rows that differ in them are no equal effort."""
    seen = {
        line.row.name: " + ".join(f"{count:,}" for count in line.examples if count)
        for line in lines
        if any(line.examples)
    }
    if not seen:
        return []
    has_two = any(all(line.examples) for line in lines)
    parts = "pre-training + fine-tuning" if has_two else "each counted in every epoch"
    counts = "; ".join(f"{name} {count}" for name, count in seen.items())
    return [f"Training examples seen by a run ({parts}): {counts}."]
