"""Formats of a table of results: the terminal, Markdown, LaTeX, CSV."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Column

from .. import files, terminal
from ..markup import markdown_escaped, tex_escaped
from .matrix import sheet_of
from .sheet import scale
from .table_rows import Line
from .table_spec import Row, Table

LOG_WIDTH = 200
LEFT = 2  # columns that are words


def show(console: Console, table: Table, lines: Sequence[Line]) -> None:
    """On the terminal."""
    words = sheet_of(table, lines)
    columns = [
        Column(heading, justify="left" if number < LEFT else "right", no_wrap=number == 0)
        for number, heading in enumerate(words.header)
    ]
    rows = [["\n".join(parts) for parts in row] for row in words.rows]
    # a log may have lines as long as the table needs; a terminal folds the cells
    terminal.print_table(
        console, columns, rows, title=words.title, log_width=LOG_WIDTH, box=box.SIMPLE_HEAD
    )
    for note in words.notes:
        terminal.print_line(console, note, is_folded=True)


def markdown(table: Table, lines: Sequence[Line]) -> str:
    """A table that GitHub and notebooks show."""
    words = sheet_of(table, lines)

    def row(texts: Sequence[str]) -> str:
        return "| " + " | ".join(map(markdown_escaped, texts)) + " |"

    rule = "|" + "|".join("---" if i < LEFT else "---:" for i in range(len(words.header))) + "|"
    body = [row([" ".join(parts) for parts in cells]) for cells in words.rows]
    listed = [f"- {markdown_escaped(note)}" for note in words.notes]
    title = f"## {markdown_escaped(words.title)}"
    return "\n".join([title, "", row(words.header), rule, *body, "", *listed, ""])


def latex(table: Table, lines: Sequence[Line]) -> str:
    """A table float; needs no package."""
    words = sheet_of(table, lines)

    def row(texts: Sequence[str]) -> str:
        return "  " + " & ".join(map(tex_escaped, texts)) + r" \\"

    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{tex_escaped(words.title)}}}",
            rf"\begin{{tabular}}{{{'l' * LEFT}{'r' * (len(words.header) - LEFT)}}}",
            r"  \hline",
            row(words.header),
            r"  \hline",
            *(row([" ".join(parts) for parts in cells]) for cells in words.rows),
            r"  \hline",
            r"\end{tabular}",
            r"\par\footnotesize " + " ".join(map(tex_escaped, words.notes)),
            r"\end{table}",
            "",
        ]
    )


def comma_separated(table: Table, lines: Sequence[Line]) -> str:
    """One line per row and metric, for programs: shares from 0 to 1, the published ones too."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(_record(table, Line(Row("")), "")))
    writer.writeheader()
    writer.writerows(_record(table, line, metric) for line in lines for metric in table.metrics)
    return text.getvalue()


def _record(table: Table, line: Line, metric: str) -> dict[str, Any]:
    """Column -> value; None is an empty cell."""
    cell = line.cells.get(metric)
    is_tested = metric == next(iter(line.cells), None)
    tested = line.comparison if is_tested else None
    low, high = (cell and cell.interval) or (None, None)
    difference_low, difference_high = (tested and tested.interval) or (None, None)
    gap_at_chosen, gap_at_last = line.gaps or (None, None)
    row = line.row
    corpora = {"trained_on": row.dataset, "tested_on": row.tested_on or row.dataset}
    return {
        "experiment": row.recipe or row.name,
        **(corpora if table.corpora else {}),
        "pretraining": line.pretraining,
        "metric": metric,
        "mean": cell and cell.mean,
        "standard_deviation_over_seeds": cell and cell.spread,
        "low": low,
        "high": high,
        "interval_over": cell and cell.covers,
        **_published(table, row, metric),
        "n": line.n or None,
        "seeds": " ".join(map(str, line.seeds)),
        **({"baseline": row.baseline or table.baseline} if _has_own(table) else {}),
        "difference": tested and tested.difference,
        "difference_low": difference_low,
        "difference_high": difference_high,
        "p": tested and tested.p,
        "p_holm": tested and tested.p_holm,
        "detectable_difference": tested and tested.detectable,
        "epochs": " ".join(map(str, line.epochs)),
        "gap_at_chosen_epoch": gap_at_chosen,
        "gap_at_last_epoch": gap_at_last,
        "runs": line.finished,
        "runs_planned": line.planned,
        "failure": line.failure,
    }


def _has_own(table: Table) -> bool:
    """True if rows are tested against rows of their own choice."""
    return any(row.baseline for row in table.rows)


def _published(table: Table, row: Row, metric: str) -> dict[str, Any]:
    """Columns of the published figure, never without its protocol."""
    figure = row.published.get(metric)
    return {
        "published": None if figure is None else figure / scale(metric)[0],
        "published_epoch": row.published.get("epoch"),
        "source": table.source_of(row) if row.published else None,
        "protocol": table.protocol_of(row) if row.published else None,
    }


FORMATS = {"md": markdown, "csv": comma_separated, "tex": latex}


def write(folder: Path, table: Table, lines: Sequence[Line]) -> None:
    """TABLE.md, TABLE.csv and TABLE.tex in `folder`."""
    for suffix, build in FORMATS.items():
        files.write_whole(folder / f"{table.stem}.{suffix}", build(table, lines))
