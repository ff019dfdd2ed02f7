"""A corpus and its options, as train.py takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from ..settings import composition

if TYPE_CHECKING:
    from ..config import Config

Name = Annotated[str, typer.Argument(help="a corpus: `data list` shows them")]
Overrides = Annotated[
    Optional[list[str]],
    typer.Argument(help="options as for train.py: dataset.fold=2 dataset.root=/corpora/ravdess"),
]
Task = Annotated[
    str,
    typer.Option(
        help="the task of the rows; default: the first with fixed classes, of csv the one that the"
        " columns allow"
    ),
]


def configure(name: str, task: str, data_dir: str, overrides: list[str] | None) -> Config:
    """The configuration that train.py would make of these words; prints a task it chose (stderr).

    Raises UserError for an unknown corpus, task or option.
    """
    from .. import terminal
    from ..corpora import corpus
    from ..settings.schemas import own_options

    source = corpus(name)

    def compose(task: str) -> Config:
        chosen = ["--task", task, "--dataset", name, "--data_dir", data_dir]
        return composition.compose([*chosen, *(overrides or [])])

    if task or not source.choose_task:
        return compose(task or next(iter([*source.labels, *source.tasks])))
    task, why = source.choose_task(own_options(compose(source.tasks[0]).dataset))
    terminal.print_line(
        terminal.console(stderr=True), f"task {task}, by {why}; --task names another"
    )
    return compose(task)
