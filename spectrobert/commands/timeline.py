"""timeline: the answers of a finished run along long recordings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from ..errors import UserError
from .options import Run

if TYPE_CHECKING:
    from ..run.asked_words import Asked
    from ..run.predict import Predictor
    from ..run.timeline.segments import Segment
    from ..run.timeline.settings import Heard, Rules

SHOWN = 20  # segments that are printed


def timeline(
    run: Run,
    audio: Annotated[
        list[str],
        typer.Option(help="a recording of any length, a folder, or a pattern; repeatable"),
    ],
    question: Annotated[str, typer.Option(help="for runs that answer questions")] = "",
    text: Annotated[str, typer.Option(help="what is said, or described")] = "",
    activity: Annotated[
        str, typer.Option(help="all: windows over all that sounds; speech: stretches of speech")
    ] = "all",
    window: Annotated[
        float, typer.Option(help="seconds heard at once; default: 4, or what the run hears")
    ] = 0.0,
    hop: Annotated[
        float, typer.Option(help="seconds from window to window; default: half a window")
    ] = 0.0,
    threshold: Annotated[
        Optional[float],
        typer.Option(
            help="the probability below which there is no answer; default: those that the verb"
            " `thresholds` has stored with the run, else 0.5"
        ),
    ] = None,
    gap: Annotated[
        float, typer.Option(help="equal answers at most this many seconds apart are one segment")
    ] = 0.5,
    shortest: Annotated[float, typer.Option(help="segments of fewer seconds are left out")] = 0.0,
    format: Annotated[
        str,
        typer.Option(
            help="csv, json, textgrid, audacity, audformat, html, with commas; default: all"
        ),
    ] = "",
    output: Annotated[
        str, typer.Option(help="a folder; default: <recording>.timeline; of several, that of all")
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="replace another timeline in the folder")
    ] = False,
) -> None:
    """Follow the answers of a finished run along recordings, however long.

    An interrupted call is continued by the same call; other thresholds need no new answers.
    A recording that cannot be answered is named and left out; the exit code is then 1.
    """
    from ..files import check_writable
    from ..run.asked_files import named
    from ..run.timeline import written
    from ..run.timeline.rules import of_run
    from ..run.timeline.settings import Heard

    choice, rules = Heard(activity, window, hop), of_run(run, threshold, gap, shortest)  # type: ignore[arg-type]
    wanted = written.parse(format)
    asked = named(audio, question, text)
    folders = _folders(asked, output)
    for folder in folders:
        check_writable("--output", folder, is_folder=True)

    from ..run.load import load
    from ..run.quiet import quiet

    quiet()
    model, failed = load(run), 0
    for one, folder in zip(asked, folders):
        try:
            _follow(model, one, folder, (choice, rules), wanted, force)
        except UserError as error:
            if len(asked) == 1:
                raise
            failed += 1
            print(f"skipped: {error}", file=sys.stderr)
    if failed:
        print(f"{failed} of {len(asked)} recordings have no timeline", file=sys.stderr)
        raise typer.Exit(1)


def _folders(asked: Sequence[Asked], output: str) -> list[Path]:
    """The folder of each recording. Raises UserError if two would share one."""
    stems = [Path(one.audio).stem for one in asked]
    if output and len(asked) == 1:
        return [Path(output)]
    for stem in stems:
        if stems.count(stem) > 1:
            raise UserError(f"{stem}: several recordings have this name; call once for each")
    return [Path(output) / f"{stem}.timeline" for stem in stems]


def _follow(
    model: Predictor,
    asked: Asked,
    folder: Path,
    settings: tuple[Heard, Rules],
    wanted: Sequence[str],
    force: bool,
) -> None:
    from ..run.timeline import written
    from ..run.timeline.answering import answered
    from ..run.timeline.segments import segments
    from ..terminal import console, counting, print_line

    choice, rules = settings
    with counting(Path(asked.audio).name) as progress:
        made = answered(model, asked, choice, folder, force, progress)
    found = segments(made, rules)
    screen = console()
    print_line(screen, f"{asked.audio} {asked.question}".rstrip())
    silent = int((~made.is_answered).sum())
    print_line(
        screen,
        f"{made.seconds:.1f} s, {len(made.heard)} windows, {silent} of them silent,"
        f" {len(found)} segments",
    )
    if made.note:
        print_line(screen, made.note)
    _show(found, made.measure)
    for path in written.write(folder, made, found, rules, wanted):
        print_line(screen, f"wrote {path}")


def _show(segments: Sequence[Segment], measure: str) -> None:
    from ..terminal import console, numbers, print_line, print_table

    rows = [
        (f"{one.start:.2f}", f"{one.end:.2f}", one.label, f"{one.value:.3f}")
        for one in segments[:SHOWN]
    ]
    if rows:
        print_table(console(), [*numbers("from", "to"), "answer", *numbers(measure)], rows)
    if len(segments) > SHOWN:
        print_line(console(), f"and {len(segments) - SHOWN} more")
