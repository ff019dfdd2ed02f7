"""score: anybody's predictions under a public protocol."""

import json
from pathlib import Path
from typing import Annotated

import typer


def score(
    predictions: Annotated[
        Path, typer.Argument(help="predictions of any tool (docs/score.md), or a run's folder")
    ],
    other: Annotated[
        str, typer.Argument(metavar="[OTHER]", help="a second one, to compare by a paired test")
    ] = "",
    protocol: Annotated[
        str, typer.Option(help="its name, as ravdess/emobox6 (protocol list), or PATH.yaml")
    ] = "",
    ids: Annotated[
        str, typer.Option(help="the public file of rows that a protocol needs (protocol show)")
    ] = "",
    folds: Annotated[str, typer.Option(help="score these folds alone: 1,2")] = "",
    labels: Annotated[
        str, typer.Option(help="predictions are numbers: their classes from 0 on, as angry,sad")
    ] = "",
    rejects: Annotated[
        str, typer.Option(help="list rows that do not fit here, not in PREDICTIONS.rejects.csv")
    ] = "",
    to_json: Annotated[
        str, typer.Option("--json", metavar="FILE", help="also write the figures as JSON")
    ] = "",
) -> None:
    """Score predictions of any tool under a public protocol; no torch and no recordings needed.

    Rows that do not fit are listed in a file, and nothing is scored then.
    """
    from ..errors import UserError
    from ..files import check_writable, write_whole, writing
    from ..protocols import terminal_tables
    from ..protocols.scored import score as scored
    from ..terminal import console

    if not protocol:
        raise UserError("score needs --protocol NAME: protocol list shows them")
    for option, path in (("--json", to_json), ("--rejects", rejects)):
        if path:
            check_writable(option, Path(path))
    chosen, classes = (
        [word.strip() for word in words.split(",") if word.strip()] for words in (folds, labels)
    )
    found = scored(
        predictions, protocol, other, ids=ids, folds=chosen, labels=classes, rejects=rejects
    )
    terminal_tables.show(console(), found)
    if to_json:
        with writing(Path(to_json)):
            write_whole(Path(to_json), json.dumps(found.to_dict(), indent=2) + "\n")
