"""data prepare: 16 kHz copies of a corpus and tables that training reads without parsing."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from rich.console import Console

if TYPE_CHECKING:
    from ..data.copies import Written


def prepare(
    name: Annotated[str, typer.Argument(help="a corpus")],
    overrides: Annotated[
        Optional[list[str]],
        typer.Argument(help="options as train.py takes them: dataset.fold=2 dataset.root=FOLDER"),
    ] = None,
    task: Annotated[str, typer.Option(help="one task; default: all that the corpus serves")] = "",
    out: Annotated[str, typer.Option(help="where to; default: <data_dir>/<name>_16k")] = "",
    data_dir: Annotated[str, typer.Option("--data_dir", help="where corpora lie")] = "data",
    num_workers: Annotated[
        Optional[int], typer.Option("--num_workers", min=1, help="processes; default: one a core")
    ] = None,
) -> None:
    """Write 16 kHz mono copies of a corpus, and tables that training reads in its place.

    May be interrupted and called again: copies that are there are kept.
    """
    import os

    from .. import corpora
    from ..data import copies
    from ..errors import UserError
    from ..files import check_writable, write_table
    from ..terminal import console, print_line

    found = corpora.corpus(name)
    if found.files and not task:
        raise UserError(f"data prepare {name} needs --task: one of {', '.join(found.tasks)}")
    given = list(overrides or [])
    has_fold = not found.folds or any(text.startswith("dataset.fold=") for text in given)
    folds = [[]] if has_fold else [[f"dataset.fold={i + 1}"] for i in range(found.folds)]
    folder = Path(out or f"{data_dir}/{name}_16k")
    check_writable("--out", folder, is_folder=True)
    show = console()
    unusable = set()
    with copies.processes(num_workers or len(os.sched_getaffinity(0))) as pool:
        for each in [task] if task else found.tasks:
            for fold in folds:
                words = ["--task", each, "--dataset", name, "--data_dir", data_dir, *given, *fold]
                written = _table(folder, words, pool, show)
                unusable |= {row[:3] for row in written.unusable}
                told = " ".join([each, *fold])
                print_line(show, f"{told}: {written.num_rows} rows")
    write_table(folder / "skipped.csv", ("id", "recording", "fault"), sorted(unusable))
    if unusable:
        told = f"{len(unusable)} rows cannot be used, listed in {folder / 'skipped.csv'}"
        print_line(show, told)
    print_line(show, f"train with: --dataset {name} dataset.prepared={folder}")


def _table(folder: Path, words: list[str], pool: Executor, show: Console) -> Written:
    """The copies and the table that one call of train.py would read."""
    from ..data import copies
    from ..data.mixtures import parts
    from ..settings import composition
    from ..terminal import counting

    rewritten = composition.rewrite(words)
    composition.check_groups(rewritten)
    config = composition.compose(rewritten)
    (part,) = parts(config.dataset, config.data_dir)
    with counting(f"{part.name}: copying", show) as advance:
        return copies.write(
            folder, part.name, part.root, config.task.name, part.options, pool, advance
        )
