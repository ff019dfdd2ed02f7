"""report: one HTML page over finished runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from .options import DataDir


def report(
    runs: Annotated[list[Path], typer.Argument(help="run directories, in the order of the page")],
    out: Annotated[
        Optional[Path], typer.Option(help="the page; default: report.html in the first run")
    ] = None,
    title: Annotated[str, typer.Option(help="its heading")] = "SpectroBERT runs",
    data_dir: DataDir = "",
) -> None:
    """Write one self-contained HTML page: curves, confusion, mistakes to listen to, attention."""
    from ..errors import UserError
    from ..runs import read_results

    names = {}
    for run in runs:
        found = read_results(run)  # refused before the heavy libraries load
        fold = "" if found["fold"] is None else f" fold {found['fold']}"
        names[f"{found['experiment']} seed {found['seed']}{fold}"] = run
    if len(names) < len(runs):
        raise UserError("a run is named twice, or two have the same experiment, seed and fold")

    from ..experiments.report import write
    from ..terminal import console
    from ..training import quiet

    quiet()
    page = write(
        out or runs[0] / "report.html", title, {n: [r] for n, r in names.items()}, None, data_dir
    )
    console().print(f"report: {page}", highlight=False, soft_wrap=True)
