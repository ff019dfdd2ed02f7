"""report: one HTML page over finished runs, or over a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from .options import DataDir


def report(
    names: Annotated[
        list[str],
        typer.Argument(metavar="RUN... | TABLE", help="run directories, or a table's name or file"),
    ],
    out: Annotated[
        Optional[Path],
        typer.Option(help="the page; default: report.html in the first run, or TABLE.html"),
    ] = None,
    title: Annotated[str, typer.Option(help="its heading")] = "",
    seeds: Annotated[int, typer.Option(help="of a table, as it was run")] = 1,
    folds: Annotated[str, typer.Option(help="of a table, as it was run")] = "all",
    dataset: Annotated[str, typer.Option(help="of a table, as it was run")] = "",
    runs_dir: Annotated[str, typer.Option("--runs_dir", help="where a table's runs are")] = "runs",
    data_dir: DataDir = "",
) -> None:
    """Write one self-contained HTML page: curves, confusion, mistakes to listen to, attention."""
    from ..files import check_writable
    from ..terminal import console, print_line

    if out is not None:
        check_writable("--out", out)
    if len(names) == 1 and not Path(names[0]).is_dir():
        page = _table(names[0], out, title, seeds, folds, dataset, runs_dir, data_dir)
    else:
        page = _runs([Path(name) for name in names], out, title, data_dir)
    print_line(console(), f"report: {page}")


def _runs(folders: list[Path], out: Path | None, title: str, data_dir: str) -> Path:
    from ..errors import UserError
    from ..run.folder import RunFolder

    named = {}
    for run in folders:
        found = RunFolder(run).read_results()  # refused before the heavy libraries load
        fold = "" if found["fold"] is None else f" fold {found['fold']}"
        named[f"{found['experiment']} seed {found['seed']}{fold}"] = [run]
    if len(named) < len(folders):
        raise UserError("a run is named twice, or two have the same experiment, seed and fold")

    from ..experiments.report import write
    from ..run.fit import quiet

    quiet()
    path = out or folders[0] / "report.html"
    return write(path, title or "SpectroBERT runs", named, None, data_dir)


def _table(
    name: str,
    out: Path | None,
    title: str,
    seeds: int,
    folds: str,
    dataset: str,
    runs_dir: str,
    data_dir: str,
) -> Path:
    from ..experiments import campaign, formats
    from ..experiments.jobs import Settings
    from ..experiments.report import write_table
    from ..experiments.table_spec import load
    from ..run.fit import quiet

    quiet()
    asked = campaign.prepare(
        load(name).on(dataset), Settings(seeds=seeds, folds=folds, runs_dir=runs_dir)
    )
    path = out or Path(runs_dir) / f"{asked.table.stem}.html"
    lines = campaign.lines(asked, {})
    return write_table(path, title or formats.title(asked.table), asked, lines, data_dir)
