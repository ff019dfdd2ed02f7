"""predict: rank the answers of a finished run for sound files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from ..errors import UserError
from .options import Json, Run
from .startup import without_collection
from .timeline import timeline as follow

if TYPE_CHECKING:
    from ..run.asked_words import Asked
    from ..run.predict import Predictor
    from ..run.prediction import Failed, Prediction

FORMATS = ("table", "csv", "jsonl", "json")
MARGIN = 40  # characters of a table around a row's cells, headings wider than these included
FEW_FILES = 5  # whose ranked answers are all printed, by the format table


def predict(
    run: Run,
    words: Annotated[
        Optional[list[str]], typer.Argument(metavar="[FILE]...", help="more of --audio")
    ] = None,
    audio: Annotated[
        Optional[list[str]],
        typer.Option(
            help="a sound file, a folder, a pattern ('calls/**/*.wav'), or - for paths from"
            " standard input, one a line; may be given several times"
        ),
    ] = None,
    table: Annotated[
        str,
        typer.Option(
            "--list",
            help="a CSV with a column audio, and question, text or video of each file if needed",
        ),
    ] = "",
    question: Annotated[str, typer.Option(help="for runs that answer questions")] = "",
    text: Annotated[str, typer.Option(help="what is said in the clip")] = "",
    spoken: Annotated[
        str,
        typer.Option(
            "--words",
            help="words and their times, for runs that read them: 'good 0.31 0.55 film 0.58 0.97',"
            " JSON, or a file of either; --list may have a column words",
        ),
    ] = "",
    video: Annotated[
        str, typer.Option(help="frames of the one file, for runs whose model sees")
    ] = "",
    top: Annotated[int, typer.Option(min=1, help="how many answers")] = 5,
    format: Annotated[
        str, typer.Option(help="table, csv, jsonl or json; default: as --output ends, else table")
    ] = "",
    output: Annotated[str, typer.Option(help="a file, in place of the terminal")] = "",
    calibrated: Annotated[
        bool,
        typer.Option(
            "--calibrated",
            help="by what `calibrate` has fitted: probabilities, answers that are held back, sets",
        ),
    ] = False,
    timeline: Annotated[
        bool,
        typer.Option(
            "--timeline",
            help="follow the answers along long recordings, into a folder of files; the verb"
            " `timeline` has more options",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Rank the answers of a finished run for sound files.

    A file that cannot be answered is named and left out; the exit code is then 1.
    """
    if timeline:
        _require_recordings(
            table, format, as_json, calibrated, {"--words": spoken, "--video": video}
        )
        follow(run, [*(audio or []), *(words or [])], question, text, output=output)
        return
    from ..files import check_writable, write_whole, writing

    form = _form("json" if as_json else format, output)
    if output:
        check_writable("--output", Path(output))
    given = (question, text, _cell(spoken), video)
    asked = _asked([*(audio or []), *(words or [])], table, given)

    from ..run import answer_formats

    model = _loaded(run, calibrated)
    found, failed = _answered(model.answer(asked, top), len(asked))
    if failed and len(asked) == 1:
        raise UserError(failed[0].reason)
    if form == "table":
        _print(found)
    else:
        content = answer_formats.render(found, form, model.labels)
        with writing(Path(output)):
            write_whole(Path(output), content) if output else sys.stdout.write(content)
    if failed:
        _report(failed, len(asked))
        raise typer.Exit(1)


def _loaded(run: Path, calibrated: bool) -> Predictor:
    with without_collection():
        from ..run.load import load

        if run.suffix != ".onnx":  # which needs neither torch nor transformers
            from ..run.quiet import quiet

            quiet()
        return load(run, calibrated)


def _require_recordings(
    table: str, format: str, as_json: bool, calibrated: bool, words: Mapping[str, str]
) -> None:
    """Raise UserError for what a timeline does not take here.

    Args:
        words: other options with their values, "" if they are not given.
    """
    given = {"--list": table, "--format": format, "--json": as_json, "--calibrated": calibrated}
    given |= words
    for option in (name for name, value in given.items() if value):
        raise UserError(f"{option}: not with --timeline; see `timeline --help`")


def _form(asked: str, output: str) -> str:
    """The format that is asked for, or that the output's name ends in."""
    ending = Path(output).suffix.removeprefix(".")
    form = asked or (ending if output else "table")
    if form not in FORMATS:
        named = f"--format {form}" if asked else f"--output {output}"
        raise UserError(f"{named}: allowed are {', '.join(FORMATS)}")
    if output and form == "table":
        raise UserError(f"--output {output}: csv, jsonl or json goes into a file")
    return form


def _cell(spoken: str) -> str:
    """Words and times as they are given, or as a file holds them. Raises UserError."""
    from ..corpora.label_files import read_text

    if not spoken or len(spoken.split()) > 1 or spoken.startswith("["):
        return spoken
    return read_text(Path(spoken)).strip()


def _asked(names: list[str], table: str, given: tuple[str, str, str, str]) -> list[Asked]:
    """All files of a call. Raises UserError if there are none."""
    from ..run.asked_files import listed, named

    if "-" in names:
        names = [name for name in names if name != "-"] + sys.stdin.read().splitlines()
    question, text, spoken, video = given
    asked = named(names, question, text, spoken, video)
    asked += listed(table, question, text, spoken) if table else []
    if not asked:
        raise UserError("give --audio with a file, a folder or a pattern, or --list with a table")
    return asked


def _answered(
    answers: Iterator[Prediction | Failed], total: int
) -> tuple[list[Prediction], list[Failed]]:
    """Predictions, and files that have none; a bar shows how many are done."""
    from ..run.prediction import Prediction
    from ..terminal import counting

    found: list[Prediction] = []
    failed: list[Failed] = []
    with counting("files", is_shown=total > 1) as progress:
        for done, one in enumerate(answers, 1):
            if isinstance(one, Prediction):
                found.append(one)
            else:
                failed.append(one)
            progress(done, total)
    return found, failed


def _report(failed: Sequence[Failed], total: int) -> None:
    for one in failed:
        print(f"skipped: {one.reason}", file=sys.stderr)
    print(f"{len(failed)} of {total} files have no answer", file=sys.stderr)


def _print(predictions: Sequence[Prediction]) -> None:
    """A table of answers for each of a few files, one table of all for more."""
    from ..terminal import LOG_WIDTH, console, numbers, print_line, print_table

    screen = console()
    if note := next((one.note for one in predictions), ""):
        print_line(screen, note)
    if len(predictions) > FEW_FILES:
        rows = [_row(one) for one in predictions]
        measure = predictions[0].measure
        headings = ["file", *numbers("seconds"), "answer", *numbers(measure)]
        widest = max(sum(map(len, row)) for row in rows)
        print_table(screen, headings, rows, log_width=max(LOG_WIDTH, widest + MARGIN))
        return
    for one in predictions:
        start, end = one.used
        print_line(screen, f"{one.audio} {one.question}".rstrip())
        print_line(screen, f"used {start:.2f}-{end:.2f} s of {one.seconds:.2f} s")
        ranked = [(name, f"{value:.3f}") for name, value in one.ranked]
        print_table(screen, ["answer", *numbers(one.measure)], ranked)
        for label, is_reached in one.detected:
            print_line(screen, f"{label}: {'detected' if is_reached else 'not detected'}")
        if one.plausible:
            given = "held back, not sure enough" if one.is_held_back else "given"
            print_line(screen, f"answer: {given}; plausible: {', '.join(one.plausible)}")


def _row(one: Prediction) -> tuple[str, str, str, str]:
    """A file, and its first answer; of targets, all of them."""
    shown = one.ranked if one.measure == "value" else one.ranked[:1]
    names, values = zip(*shown)
    return (
        one.audio,
        f"{one.seconds:.2f}",
        ", ".join(names),
        ", ".join(f"{value:.3f}" for value in values),
    )
