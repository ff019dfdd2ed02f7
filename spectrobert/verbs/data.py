"""data: the corpora on disk."""

from __future__ import annotations

import typer

from .data_check import check
from .data_stats import stats

app = typer.Typer(
    help="Corpora: check them, measure them.", no_args_is_help=True, rich_markup_mode=None
)
app.command("check")(check)
app.command("stats")(stats)
