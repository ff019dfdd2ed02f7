"""A table's page: its lines at the top, then the first finished run of each row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import UserError
from .. import formats, table_rows
from ..campaign import Campaign
from ..table_rows import Line
from .page import Summary, write


def write_table(
    path: Path, title: str, campaign: Campaign, lines: Sequence[Line], data_dir: str = ""
) -> Path:
    """Write the page. Raises UserError where no run of the table has finished."""
    table = campaign.table
    trained = [row.name for row in (*table.pretraining, *table.rows) if not row.silenced]
    done = table_rows.folders(table, campaign.settings.runs_dir)
    folders = {name: done[name] for name in trained if done.get(name)}
    if not folders:
        raise UserError(
            f"no run of table {table.stem} has finished in {campaign.settings.runs_dir}; first:"
            f" python -m spectrobert table {table.stem}"
        )
    summary = Summary(
        formats.headings(table, lines),
        [formats.cells(table, lines, line) for line in lines],
        " ".join(formats.notes(table, lines)),
    )
    return write(path, title, folders, summary, data_dir)
