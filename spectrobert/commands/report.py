"""report: one HTML page over finished runs, or over a table."""

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
    from ..errors import require_extra
    from ..files import check_writable
    from ..terminal import console, print_line

    require_extra("report", "report")
    if out is not None:
        check_writable("--out", out)
    folders = [Path(name) for name in names]
    if len(names) == 1 and not folders[0].is_dir():
        from ..experiments import campaign, table_spec
        from ..experiments.jobs import Settings
        from ..run.quiet import quiet

        quiet()
        settings = Settings(seeds=seeds, folds=folds, runs_dir=runs_dir)
        asked = campaign.prepare(table_spec.load(names[0]).on(dataset), settings)
        out = out or Path(runs_dir) / f"{asked.table.stem}.html"
        page = campaign.write_report(out, title, asked, campaign.lines(asked, {}), data_dir)
    else:
        named = _named(folders)  # refused before the heavy libraries load
        from ..experiments.report.page import write
        from ..run.quiet import quiet

        quiet()
        out = out or folders[0] / "report.html"
        page = write(out, title or "SpectroBERT runs", named, None, data_dir)
    print_line(console(), f"report: {page}")


def _named(folders: list[Path]) -> dict[str, list[Path]]:
    """Heading -> the run. Raises UserError if one is no finished run, or named twice."""
    from ..errors import UserError
    from ..run.folder import RunFolder

    named = {}
    for run in folders:
        found = RunFolder(run).read_results()
        fold = "" if found["fold"] is None else f" fold {found['fold']}"
        named[f"{found['experiment']} seed {found['seed']}{fold}"] = [run]
    if len(named) < len(folders):
        raise UserError("a run is named twice, or two have the same experiment, seed and fold")
    return named
