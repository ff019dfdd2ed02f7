"""predict: rank the answers of a finished run for sound files."""

import json
from typing import Annotated, Any

import typer

from ..errors import UserError
from .options import Json, Run


def predict(
    run: Run,
    audio: Annotated[list[str], typer.Option(help="a sound file; may be given several times")],
    question: Annotated[str, typer.Option(help="for runs that answer questions")] = "",
    text: Annotated[str, typer.Option(help="what is said in the clip")] = "",
    top: Annotated[int, typer.Option(min=1, help="how many answers")] = 5,
    as_json: Json = False,
) -> None:
    """Rank the answers of a finished run for sound files."""
    if "" in audio:
        raise UserError("--audio needs a file, and was given an empty name")

    from ..run.fit import quiet
    from ..run.predict import predict as answer
    from ..terminal import console, numbers, print_line, print_table

    quiet()
    predictions = answer(run, audio, question, text, top)
    if as_json:
        facts: list[dict[str, Any]] = [
            {"audio": p.audio, "seconds": p.seconds, "used": p.used}
            | ({"note": p.note} if p.note else {})
            for p in predictions
        ]
        answers = [[{"label": n, p.measure: q} for n, q in p.ranked] for p in predictions]
        listed = [known | {"answers": some} for known, some in zip(facts, answers)]
        print(json.dumps(listed, indent=2))
        return
    if note := next((p.note for p in predictions), ""):
        print_line(console(), note)
    for prediction in predictions:
        start, end = prediction.used
        print_line(console(), f"{prediction.audio} {question}".rstrip())
        print_line(console(), f"used {start:.2f}-{end:.2f} s of {prediction.seconds:.2f} s")
        rows = [(name, f"{value:.3f}") for name, value in prediction.ranked]
        print_table(console(), ["answer", *numbers(prediction.measure)], rows)
