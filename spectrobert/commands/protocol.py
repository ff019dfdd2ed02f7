"""protocol: the protocols that `score` knows, and a table of results of one."""

from typing import Annotated

import typer

app = typer.Typer(
    help="Public protocols: list them, show one, put results of one into a table.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_protocols() -> None:
    """The protocols: version, rows, unit of resampling, main metric, the file that one needs."""
    from ..protocols import terminal_tables
    from ..terminal import console

    terminal_tables.show_list(console())


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="as ravdess/emobox6, or PATH.yaml")],
    ids: Annotated[
        str, typer.Option(help="the public file of rows that it needs, to count them")
    ] = "",
) -> None:
    """Rows, folds, labels, merges, metrics and source of a protocol."""
    from ..protocols import terminal_tables
    from ..protocols.protocol import load
    from ..terminal import console

    terminal_tables.show_protocol(console(), load(name), ids)


@app.command("table")
def table(
    results: Annotated[list[str], typer.Argument(help="files that score --json wrote")],
) -> None:
    """Results of one protocol, best first; those of two protocols are refused."""
    from ..protocols import results as written
    from ..protocols import terminal_tables
    from ..terminal import console

    terminal_tables.show_results(console(), written.read(results))
