"""A table of results for the terminal, as Markdown, as LaTeX, as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Column

from .. import files, terminal
from ..markup import markdown_escaped, tex_escaped
from .table_rows import Cell, Line
from .table_spec import Table

PERCENT = re.compile(r"accuracy|macro_(precision|recall|f1)")  # the others are shown as they are
SHORT = {"unweighted_accuracy": "UA", "auroc": "AUROC"}
MAX_EPOCHS = 3  # more runs than these show the range of their epochs
LOG_WIDTH = 200
LEFT = 2  # columns that are words
Cells = list[tuple[str, ...]]  # of a row; the parts of a cell may stand in lines of their own


def heading(metric: str) -> str:
    """`accuracy %`"""
    short = SHORT.get(metric, metric.removesuffix("_accuracy") if "top" in metric else metric)
    return f"{short} %" if PERCENT.search(metric) else short


def headings(table: Table, lines: Sequence[Line]) -> list[str]:
    """Of the columns; what no row has is left out."""
    columns = ["experiment", "pre-training", "epoch"]
    for number, metric in enumerate(table.metrics):
        columns.append(heading(metric))
        if any(metric in line.row.thesis for line in lines):
            columns.append("thesis")
        if number == 0 and table.baseline:
            columns.append(f"minus {table.baseline}")
    return [*columns, "train - val", "n"]


def cells(table: Table, lines: Sequence[Line], line: Line) -> Cells:
    """Of one row, under `headings`."""
    found: Cells = [(line.row.name,), (line.pretraining,), (_epochs(line),)]
    for number, metric in enumerate(table.metrics):
        found.append(_cell(metric, line.cells.get(metric)))
        if any(metric in other.row.thesis for other in lines):
            found.append((f"{line.row.thesis[metric]:.1f}" if metric in line.row.thesis else "",))
        if number == 0 and table.baseline:
            found.append(_difference(metric, line))
    gap = (
        (f"{100 * line.gaps[0]:+.1f}", f"(last {100 * line.gaps[1]:+.1f})") if line.gaps else ("",)
    )
    state = f"{line.finished} of {line.planned} runs" if line.finished < line.planned else ""
    return [
        *found,
        gap,
        ("failed" if line.failure else state or (str(line.n) if line.n else ""),),
    ]


def _scale(metric: str) -> tuple[float, str]:
    """Factor and format."""
    return (100, ".1f") if PERCENT.search(metric) else (1, ".3f")


def _cell(metric: str, cell: Cell | None) -> tuple[str, ...]:
    if cell is None:
        return ("",)
    factor, digits = _scale(metric)
    value = f"{factor * cell.mean:{digits}}"
    if cell.spread is not None:
        value += f" ± {factor * cell.spread:{digits}}"
    if cell.interval is None:
        return (value,)
    low, high = (f"{factor * bound:{digits}}" for bound in cell.interval)
    return value, f"({low} - {high})"


def _difference(metric: str, line: Line) -> tuple[str, ...]:
    if line.comparison is None:
        return ("",)
    factor, digits = _scale(metric)
    found, shown = line.comparison, [f"{factor * line.comparison.difference:+{digits}}"]
    if found.interval:
        low, high = (f"{factor * bound:+{digits}}" for bound in found.interval)
        shown.append(f"({low} to {high})")
    if found.p is not None:
        shown.append(f"p = {found.p:.3f}" if found.p >= 0.001 else "p < 0.001")
    return tuple(shown)


def _epochs(line: Line) -> str:
    found = line.epochs
    if len(found) > MAX_EPOCHS:
        return f"{min(found)}-{max(found)}"
    return "/".join(str(epoch) for epoch in found)


def notes(table: Table, lines: Sequence[Line]) -> list[str]:
    """What a reader must know beside the numbers."""
    said = [f"{line.row.name}: {line.caution}" for line in lines if line.caution]
    shown = [line for line in lines if line.cells]
    if shown:
        seeds = sorted({s for line in shown for s in line.seeds})
        said.append(
            f"Test split, scored once, at the epoch that validation chose;"
            f" seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}."
        )
        said += _uncertainty(shown)
    said += _comparisons(table, lines)
    means = [
        m for m in table.metrics if any(m in s.cells and s.cells[m].is_fold_mean for s in shown)
    ]
    if any(line.planned > len(line.seeds) > 0 for line in shown) and means:
        said.append(f"{', '.join(means)}: mean of the folds, weighted by their n.")
    if any(line.gaps for line in shown):
        said.append(
            "train - val: training minus validation accuracy in points, at the chosen epoch and,"
            " in brackets, at the last one; a gap that grows is overfitting."
        )
    said += _examples(lines)
    epochs = [f"{row.name} {row.thesis['epoch']:g}" for row in table.rows if "epoch" in row.thesis]
    if epochs:
        said.append(f"Epochs in the thesis: {', '.join(epochs)}.")
    if any(line.row.thesis for line in lines) and table.dataset != table.home:
        said.append(f"The thesis' figures are of {table.home}, these of {table.dataset}.")
    said += table.notes
    said += [f"{line.row.name} failed: {line.failure}" for line in lines if line.failure]
    return said


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


def _uncertainty(shown: Sequence[Line]) -> list[str]:
    """Meaning of ± and of the intervals; figures without an interval, with reasons."""
    said = []
    numbers = {len(line.seeds) for line in shown}
    if max(numbers) > 1:
        said.append(
            "± is the standard deviation over seeds. In brackets: 95 % interval of the expected"
            " score of another seed on other groups (speakers, scenes, recordings), from the"
            " differences between seeds (t) and from resampled groups."
        )
    if 1 in numbers:
        said.append(
            ("One seed: in" if max(numbers) > 1 else "In") + " brackets: 95 % bootstrap interval"
            " over groups (speakers, scenes, recordings) for this trained model: how much seeds"
            " differ is not part of it."
        )
    why: dict[str, list[str]] = {}
    for line in shown:
        for metric, cell in line.cells.items():
            if cell.no_interval:
                why.setdefault(f"{metric} has no interval: {cell.no_interval}", []).append(
                    line.row.name
                )
    whole = len(shown)
    return said + [
        f"{reason}." if len(names) == whole else f"{', '.join(names)}: {reason}."
        for reason, names in why.items()
    ]


def _comparisons(table: Table, lines: Sequence[Line]) -> list[str]:
    """Meaning of the differences, their intervals and p values."""
    numbers = {line.comparison.num_seeds for line in lines if line.comparison}
    if not numbers:
        return []
    said = f"minus {table.baseline}: paired, over the same test items and seeds"
    several = (
        ", with the 95 % interval of the expected difference and a two-sided p, both over seeds"
        " and groups"
    )
    single = (
        "{}with the 95 % bootstrap interval over groups and the p of a two-sided permutation test"
        " that exchanges the two models' answers group by group, for these trained models: another"
        " seed may give another difference"
    )
    said += several if max(numbers) > 1 else ""
    said += single.format("; of one seed, " if max(numbers) > 1 else ", ") if 1 in numbers else ""
    return [f"{said}."]


def show(console: Console, table: Table, lines: Sequence[Line]) -> None:
    """On the terminal."""
    columns = [
        Column(heading, justify="left" if number < LEFT else "right", no_wrap=number == 0)
        for number, heading in enumerate(headings(table, lines))
    ]
    rows = [["\n".join(parts) for parts in cells(table, lines, line)] for line in lines]
    # a log may have lines as long as the table needs; a terminal folds the cells
    terminal.print_table(
        console, columns, rows, title=title(table), log_width=LOG_WIDTH, box=box.SIMPLE_HEAD
    )
    for note in notes(table, lines):
        terminal.print_line(console, note, is_folded=True)


def title(table: Table) -> str:
    """Above it, in every format."""
    return f"{table.title} ({table.task} on {table.dataset})"


def markdown(table: Table, lines: Sequence[Line]) -> str:
    """A table that GitHub and notebooks show."""
    columns = headings(table, lines)

    def row(texts: Sequence[str]) -> str:
        return "| " + " | ".join(map(markdown_escaped, texts)) + " |"

    rule = "|" + "|".join("---" if i < LEFT else "---:" for i in range(len(columns))) + "|"
    body = [row([" ".join(parts) for parts in cells(table, lines, line)]) for line in lines]
    said = [f"- {markdown_escaped(note)}" for note in notes(table, lines)]
    return "\n".join(
        [f"## {markdown_escaped(title(table))}", "", row(columns), rule, *body, "", *said, ""]
    )


def latex(table: Table, lines: Sequence[Line]) -> str:
    """A table float; needs no package."""
    columns = headings(table, lines)

    def row(texts: Sequence[str]) -> str:
        return "  " + " & ".join(tex_escaped(text) for text in texts) + r" \\"

    body = [row([" ".join(parts) for parts in cells(table, lines, line)]) for line in lines]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{tex_escaped(title(table))}}}",
            rf"\begin{{tabular}}{{{'l' * LEFT}{'r' * (len(columns) - LEFT)}}}",
            r"  \hline",
            row(columns),
            r"  \hline",
            *body,
            r"  \hline",
            r"\end{tabular}",
            r"\par\footnotesize " + " ".join(tex_escaped(note) for note in notes(table, lines)),
            r"\end{table}",
            "",
        ]
    )


CSV = (
    *("experiment", "pretraining", "metric", "mean", "standard_deviation_over_seeds"),
    *("low", "high", "interval_over", "thesis", "n", "seeds"),
    *("difference", "difference_low", "difference_high", "p", "epochs", "thesis_epoch"),
    *("gap_at_chosen_epoch", "gap_at_last_epoch", "runs", "runs_planned", "failure"),
)


def comma_separated(table: Table, lines: Sequence[Line]) -> str:
    """One line a row and metric, for programs: shares from 0 to 1, the thesis' figures too."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(CSV)
    for line in lines:
        for metric in table.metrics:
            writer.writerow(["" if value is None else value for value in _values(line, metric)])
    return text.getvalue()


def _values(line: Line, metric: str) -> list[Any]:
    cell = line.cells.get(metric)
    thesis = line.row.thesis.get(metric)
    is_tested = metric == next(iter(line.cells), None)
    tested = line.comparison if is_tested else None
    low, high = cell.interval if cell and cell.interval else (None, None)
    return [
        line.row.name,
        line.pretraining,
        metric,
        cell.mean if cell else None,
        cell.spread if cell else None,
        low,
        high,
        cell.covers if cell else None,
        None if thesis is None else thesis / _scale(metric)[0],
        line.n or None,
        " ".join(map(str, line.seeds)),
        tested and tested.difference,
        *((tested and tested.interval) or (None, None)),
        tested and tested.p,
        " ".join(map(str, line.epochs)),
        line.row.thesis.get("epoch"),
        *(line.gaps or (None, None)),
        line.finished,
        line.planned,
        line.failure,
    ]


FORMATS = {"md": markdown, "csv": comma_separated, "tex": latex}


def write(folder: Path, table: Table, lines: Sequence[Line]) -> list[Path]:
    """TABLE.md, TABLE.csv and TABLE.tex in `folder`; returns their paths."""
    paths = []
    for suffix, build in FORMATS.items():
        path = folder / f"{table.stem}.{suffix}"
        files.write_whole(path, build(table, lines))
        paths.append(path)
    return paths
