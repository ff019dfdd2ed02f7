"""A corpus and its options, said as train.py takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from .. import cli

if TYPE_CHECKING:
    from ..config import Config

Name = Annotated[str, typer.Argument(help="a corpus: `data list` shows them")]
Overrides = Annotated[
    Optional[list[str]],
    typer.Argument(help="options as for train.py: dataset.fold=2 dataset.root=/corpora/ravdess"),
]
DataDir = Annotated[str, typer.Option("--data_dir", help="the corpus lies in <data_dir>/<name>")]
Task = Annotated[
    str,
    typer.Option(help="what the rows are read for; default: the first task with fixed classes"),
]


def configure(name: str, task: str, data_dir: str, overrides: list[str] | None) -> Config:
    """The configuration that train.py would make of these words.

    Raises UserError for an unknown corpus, task or option.
    """
    from ..data.corpora import corpus

    found = corpus(name)
    task = task or next(iter([*found.labels, *found.tasks]))
    chosen = ["--task", task, "--dataset", name, "--data_dir", data_dir]
    words = cli.rewrite([*chosen, *(overrides or [])])
    cli.check_groups(words)
    return cli.compose(words)
