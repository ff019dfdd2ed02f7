"""thresholds: a run as a detector of a label, its threshold chosen on validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from ..errors import UserError
from .options import DataDir, Json, Run

if TYPE_CHECKING:
    from rich.console import Console

    from ..run.chosen_thresholds import ChosenThreshold

FIGURES = ("accuracy", "precision", "recall", "f1")
MISTAKES = ("false_positives", "false_negatives")


def thresholds(
    run: Run,
    label: Annotated[
        Optional[list[str]],
        typer.Option(
            help="the class to detect, against the rest; may be given several times; default: all"
            " of a run with several labels at once, yes of yes and no"
        ),
    ] = None,
    precision: Annotated[
        float,
        typer.Option(help="the least precision on validation, 0.9 say; default: the best F1"),
    ] = 0.0,
    at: Annotated[
        str,
        typer.Option(help="thresholds, as 0.1,0.2; default: 0.5, 0.55, ... 0.95, 0.97, 0.99"),
    ] = "",
    again: Annotated[
        bool,
        typer.Option("--again", help="choose another way although test has been scored"),
    ] = False,
    data_dir: DataDir = "",
    as_json: Json = False,
) -> None:
    """Choose the threshold of a detector on validation, and score test once at it.

    Both are stored in the run's thresholds.json.
    """
    grid = _grid(at)

    from ..run import chosen_thresholds
    from ..run.quiet import quiet
    from ..run.thresholds import Choice, choose
    from ..terminal import console

    quiet()
    choice = Choice(precision, *([grid] if grid else []))
    chosen = choose(run, label or (), choice, again, data_dir)
    if as_json:
        print(chosen_thresholds.as_json(chosen), end="")
        return
    for name, one in chosen.items():
        _show(console(), f"{run}: {name}", one)


def _grid(words: str) -> list[float]:
    try:
        return sorted({float(word) for word in words.split(",")} if words else [])
    except ValueError as error:
        raise UserError(f"--at {words}: numbers with commas between them, as 0.1,0.2") from error


def _show(screen: Console, title: str, one: ChosenThreshold) -> None:
    from ..terminal import print_line

    _show_lines(screen, f"{title}, validation, {one.positives} of {one.n} rows", one, one.lines)
    if one.seconds:
        _show_lines(screen, f"{title}, validation, by second", one, one.seconds)
    print_line(screen, f"chosen: {one.threshold:g}, {one.rule}")
    for unit, scored in one.test.items():
        _show_test(screen, f"{title}, test at {one.threshold:g}, by {unit[:-1]}", scored)
    if not one.test:
        print_line(screen, "the run has no test split")
    if one.caution:
        print_line(screen, one.caution)
    if one.times_scored > 1:
        print_line(screen, f"test has been scored by {one.times_scored} choices: no first look")


def _show_lines(
    screen: Console, title: str, one: ChosenThreshold, lines: list[dict[str, Any]]
) -> None:
    from ..terminal import numbers, print_line, print_table

    rows = []
    for line in lines:
        mark = "chosen" if line["threshold"] == one.threshold else ""
        figures = (f"{line[name]:.4f}" if name in line else "none" for name in FIGURES)
        counts = (str(line[name]) for name in MISTAKES)
        rows.append((f"{line['threshold']:g}", *figures, *counts, mark))
    heads = (name.replace("_", " ") for name in (*FIGURES, *MISTAKES))
    print_line(screen, title)
    print_table(screen, [*numbers("threshold", *heads), ""], rows)


def _show_test(screen: Console, title: str, scored: Any) -> None:
    from ..terminal import numbers, print_line, print_table

    rows = [
        (name, f"{value:.4f}", scored.bounds(name), str(scored.metric_n[name]))
        for name, value in scored.metrics.items()
    ]
    rows += [(name.replace("_", " "), str(getattr(scored, name)), "", "") for name in MISTAKES]
    print_line(screen, f"{title}, {scored.positives} of {scored.n}")
    print_table(screen, ["", *numbers("value", "95 % interval", "n")], rows)
    print_line(screen, f"intervals: {scored.interval}")
