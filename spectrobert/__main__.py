"""Everything that is not training: python -m spectrobert VERB."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from .errors import UserError

app = typer.Typer(
    help="SpectroBERT: joint audio-text models. Training is train.py; this is the rest.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Run = Annotated[Path, typer.Argument(help="a run directory: runs/<experiment>/seed<k>[/fold<f>]")]
DataDir = Annotated[
    str, typer.Option("--data_dir", help="where corpora lie; default: as in the run")
]
Json = Annotated[bool, typer.Option("--json", help="print JSON in place of a table")]


@app.command()
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
    as_json: Json = False,
) -> None:
    """Score a finished run again; the test split gives the numbers of its results.json."""

    from . import scoring
    from .terminal import console
    from .training import quiet

    quiet()
    scores = scoring.evaluate(run, split, data_dir, silence_audio)
    if as_json:
        print(json.dumps(scores.to_dict(), indent=2))
    else:
        title = f"{run}: {split} split" + (", audio silenced" if silence_audio else "")
        scoring.show(console(), scores, title)


@app.command()
def predict(
    run: Run,
    audio: Annotated[list[str], typer.Option(help="a sound file; may be given several times")],
    question: Annotated[str, typer.Option(help="for runs that answer questions")] = "",
    text: Annotated[str, typer.Option(help="what is said in the clip")] = "",
    top: Annotated[int, typer.Option(min=1, help="how many answers")] = 5,
    as_json: Json = False,
) -> None:
    """Rank the answers of a finished run for sound files."""
    from rich.table import Table

    from .app.predict import predict as answer
    from .terminal import console
    from .training import quiet

    quiet()
    predictions = answer(run, audio, question, text, top)
    if as_json:
        rows = [
            {"audio": p.audio, "answers": [{"label": n, "probability": q} for n, q in p.ranked]}
            for p in predictions
        ]
        print(json.dumps(rows, indent=2))
        return
    for prediction in predictions:
        table = Table()
        table.add_column("answer")
        table.add_column("probability", justify="right")
        for name, probability in prediction.ranked:
            table.add_row(name, f"{probability:.3f}")
        console().print(prediction.audio, question, highlight=False, soft_wrap=True)
        console().print(table)


@app.command()
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
    seeds: Annotated[
        Optional[list[int]], typer.Option("--seed", help="may be given several times")
    ] = None,
) -> None:
    """The thesis' Table 5.1 on the built-in corpus: pre-train, fine-tune, write a report."""

    from .experiments import demo as demonstration
    from .terminal import console

    # a quick look does not stand in the way of the whole demo
    folder = runs_dir or ("runs/demo" if size == 1 else f"runs/demo-{size:g}")
    demonstration.run(Path(folder), data_dir, size, seeds or [0], console())


def main() -> int:
    """Run a verb. Returns the exit code: 2 where the user can mend it."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        app(standalone_mode=False)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except typer.Exit as leave:
        return leave.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        usage = _usage_message(error)
        if usage is None:
            raise
        print(f"error: {usage}", file=sys.stderr)
        return 2
    return 0


def _usage_message(error: Exception) -> str | None:
    """The message of a wrong flag or value, as the library under typer reports it."""
    return error.format_message() if hasattr(error, "format_message") else None


if __name__ == "__main__":
    sys.exit(main())
