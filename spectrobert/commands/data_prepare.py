"""data prepare: 16 kHz copies of a corpus and tables that training reads without parsing."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from rich.console import Console

from .dataset_options import Name, Overrides, configure
from .options import Corpora

if TYPE_CHECKING:
    from ..config import Config
    from ..corpus_tools.prepare import Written


def prepare(
    name: Name,
    overrides: Overrides = None,
    task: Annotated[str, typer.Option(help="one task; default: all that the corpus serves")] = "",
    out: Annotated[str, typer.Option(help="folder to write; default: <data_dir>/<name>_16k")] = "",
    data_dir: Corpora = "data",
    num_workers: Annotated[
        Optional[int], typer.Option("--num_workers", min=1, help="processes; default: one a core")
    ] = None,
) -> None:
    """Write 16 kHz mono copies of a corpus, and tables that training reads in its place.

    May be interrupted and called again: copies that are there are kept.
    """
    import os

    from .. import corpora
    from ..corpus_tools.prepare import processes
    from ..errors import UserError
    from ..files import check_writable, write_table
    from ..terminal import console, print_line

    corpus = corpora.corpus(name)
    if corpus.files and not task:
        raise UserError(f"data prepare {name} needs --task: one of {', '.join(corpus.tasks)}")
    given = overrides or []
    has_fold = not corpus.folds or any(text.startswith("dataset.fold=") for text in given)
    folds = [[]] if has_fold else [[f"dataset.fold={i + 1}"] for i in range(corpus.folds)]
    folder = Path(out or f"{data_dir}/{name}_16k")
    check_writable("--out", folder, is_folder=True)
    show = console()
    unusable = set()
    with processes(num_workers or len(os.sched_getaffinity(0))) as pool:
        for each in [task] if task else corpus.tasks:
            for fold in folds:
                config = configure(name, each, data_dir, [*given, *fold])
                written = _write(folder, config, pool, show)
                unusable |= {row[:3] for row in written.unusable}
                print_line(show, f"{' '.join([each, *fold])}: {written.num_rows} rows")
    write_table(folder / "skipped.csv", ("id", "recording", "fault"), sorted(unusable))
    if unusable:
        listed = f"listed in {folder / 'skipped.csv'}"
        print_line(show, f"{len(unusable)} rows cannot be used, {listed}")
    print_line(show, f"train with: --dataset {name} dataset.prepared={folder}")


def _write(folder: Path, config: Config, pool: Executor, show: Console) -> Written:
    """The copies and the table that one call of train.py would read."""
    from ..corpus_tools import prepare
    from ..data.mixtures import parts
    from ..terminal import counting

    (part,) = parts(config.dataset, config.data_dir)
    with counting(f"{part.name}: copying", show) as advance:
        return prepare.write(
            folder, part.name, part.root, config.task.name, part.options, pool, advance
        )
