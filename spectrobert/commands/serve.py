"""serve: a page on which visitors ask finished runs about sounds."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from ..errors import UserError, require_extra

# of the demo's table, the first that is there is shown first; all answer the same questions
DEMO_RUNS = ("demo_bin-frz-nolast", "demo_bin-frz", "demo_bin-frz-noaudio", "demo_baseline")


def serve(
    runs: Annotated[
        Optional[list[Path]],
        typer.Argument(metavar="[RUN]...", help="run directories, or .onnx files of `export`"),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="the runs that the verb demo has made; trains nothing")
    ] = False,
    runs_dir: Annotated[
        str, typer.Option("--runs_dir", help="with --demo: where its runs are")
    ] = "runs/demo",
    host: Annotated[
        str, typer.Option(help="127.0.0.1: this machine alone; 0.0.0.0: all that reach it")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free")] = 7860,
    max_mb: Annotated[float, typer.Option("--max_mb", help="megabytes of an upload")] = 100.0,
    max_minutes: Annotated[
        float, typer.Option("--max_minutes", help="minutes of a recording")
    ] = 60.0,
) -> None:
    """Serve a page: drop or record a sound, ask, see answers, timeline and attention.

    Several runs can be compared. Nothing of a visitor is kept.
    """
    from ..experiments.serve.limits import Limits

    limits = Limits(max_mb, max_minutes)
    if demo and runs:
        raise UserError("give runs or --demo, not both")
    if not demo and not runs:
        raise UserError("name a run, or give --demo")
    require_extra("serve", "serve")
    shown = _demo_runs(Path(runs_dir)) if demo else _finished(runs or [])

    from ..experiments.serve.server import serving, wait
    from ..run.quiet import quiet
    from ..terminal import console, print_line

    quiet()
    with serving(shown, host, port, limits) as (url, _):
        print_line(console(), f"{url} - Ctrl-C ends it")
        wait()


def _finished(runs: list[Path]) -> list[Path]:
    """The same. Raises UserError for a folder that is no finished run."""
    from ..run.folder import RunFolder

    for run in runs:
        if run.suffix != ".onnx":
            RunFolder(run).read_results()
    return runs


def _demo_runs(folder: Path) -> list[Path]:
    """Finished runs of the demo, of its first seed. Raises UserError if there are none."""
    from ..run.folder import RunFolder

    runs = [folder / name / "seed0" for name in DEMO_RUNS]
    if found := [run for run in runs if RunFolder(run).is_finished]:
        return found
    command = "python -m spectrobert demo"
    if folder != Path("runs/demo"):
        command += f" --runs_dir {folder}"
    raise UserError(f"no run of the demo in {folder}: {command} makes it")
