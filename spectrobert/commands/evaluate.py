"""evaluate: score a finished run again."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from .options import DataDir, Json, Run


def evaluate(
    run: Run,
    split: Annotated[str, typer.Option(help="val or test")] = "test",
    data_dir: DataDir = "",
    silence_audio: Annotated[
        bool,
        typer.Option(
            "--silence_audio", help="zero every waveform: what does the text alone answer?"
        ),
    ] = False,
    recorded: Annotated[
        bool,
        typer.Option(
            "--recorded", help="score the recorded rows although the corpus has changed otherwise"
        ),
    ] = False,
    output: Annotated[
        str, typer.Option(help="also write results.json and predictions.csv into this folder")
    ] = "",
    as_json: Json = False,
) -> None:
    """Score a finished run again; the test split gives the numbers of its results.json."""
    from ..files import check_writable

    if output:
        check_writable("--output", Path(output), is_folder=True)

    from ..data import split_record
    from ..run import scoring, terminal_scores
    from ..run.fit import quiet
    from ..run.folder import RunFolder
    from ..terminal import console

    quiet()
    scores = scoring.evaluate(run, split, data_dir, silence_audio, recorded)
    if not RunFolder(run).split.is_file():
        print(split_record.missing_line(run), file=sys.stderr)
    if output:
        scoring.write(Path(output), run, scores, silence_audio)
    if as_json:
        print(json.dumps(scores.to_dict(), indent=2))
    else:
        title = f"{run}: {split} split" + (", audio silenced" if silence_audio else "")
        terminal_scores.show(console(), scores, title)
