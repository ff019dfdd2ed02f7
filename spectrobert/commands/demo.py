"""demo: the thesis' Table 5.1 on the built-in corpus."""

import math
from pathlib import Path
from typing import Annotated

import typer

from .options import Seeds


def demo(
    runs_dir: Annotated[
        str, typer.Option("--runs_dir", help="where the runs go; default: runs/demo[-SIZE]")
    ] = "",
    data_dir: Annotated[
        str, typer.Option("--data_dir", help="where the demo corpus is written")
    ] = "data",
    size: Annotated[
        float, typer.Option(help="share of the corpus and of the epochs: 0.1 is a quick look")
    ] = 1.0,
    seeds: Seeds = 1,
) -> None:
    """The thesis' Table 5.1 on the built-in corpus: pre-train, fine-tune, write a report."""
    from ..errors import UserError, require_extra

    require_extra("report", "demo")
    from ..experiments import demo as demonstration
    from ..files import check_writable
    from ..run.quiet import quiet
    from ..terminal import console

    if not 0 < size < math.inf:
        raise UserError(f"--size {size:g}: must be above 0 and finite")
    quiet()

    # a smaller demo has a folder of its own
    folder = runs_dir or ("runs/demo" if size == 1 else f"runs/demo-{size:g}")
    check_writable("--runs_dir", Path(folder), is_folder=True)
    check_writable("--data_dir", Path(data_dir), is_folder=True)
    if demonstration.run(Path(folder), data_dir, size, seeds, console()):
        raise typer.Exit(1)
