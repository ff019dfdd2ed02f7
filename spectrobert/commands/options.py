"""Options that several verbs share, with train.py's names."""

from pathlib import Path
from typing import Annotated

import typer

Run = Annotated[Path, typer.Argument(help="a run directory: runs/<experiment>/seed<k>[/fold<f>]")]
DataDir = Annotated[
    str, typer.Option("--data_dir", help="where corpora lie; default: as in the run")
]
Corpora = Annotated[
    str, typer.Option("--data_dir", help="where corpora lie, each in a folder of its name")
]
Seeds = Annotated[int, typer.Option(help="seeds 0, 1, ... of every row")]
Json = Annotated[bool, typer.Option("--json", help="print JSON in place of a table")]
