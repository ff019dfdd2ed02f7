"""data: everything about corpora that is not training."""

import typer

from .data_check import check
from .data_download import download
from .data_list import list_corpora
from .data_prepare import prepare
from .data_stats import stats

app = typer.Typer(
    help="Corpora: list, download, check, measure and prepare them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

app.command("list")(list_corpora)
app.command("download")(download)
app.command("check")(check)
app.command("stats")(stats)
app.command("prepare")(prepare)
