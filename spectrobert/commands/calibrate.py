"""calibrate: probabilities that can be believed, when to hold an answer back, sets of answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import DataDir, Json, Run

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = {
    "ece_before": "expected calibration error, as trained",
    "ece_after": "expected calibration error, calibrated",
    "accuracy": "accuracy of all answers",
    "answered": "rows answered at the threshold",
    "accuracy_of_answers": "accuracy of these answers",
    "sets_hold_truth": "conformal sets that hold the truth",
    "set_size": "classes per set",
}


def calibrate(
    run: Run,
    accuracy: Annotated[
        float, typer.Option(help="wished of the answers that are given; the others are held back")
    ] = 0.9,
    coverage: Annotated[
        float, typer.Option(help="share of the sets of answers that should hold the true one")
    ] = 0.9,
    data_dir: DataDir = "",
    as_json: Json = False,
) -> None:
    """Fit a run's probabilities on validation, check them on test, store all in calibration.json.

    predict --calibrated uses them.
    """
    from ..run.calibrating import Wish, calibrate
    from ..run.quiet import quiet
    from ..terminal import console

    wish = Wish(accuracy, coverage)
    quiet()
    found = calibrate(run, wish, data_dir)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    _show(console(), str(run), found)


def _show(screen: Console, run: str, found: dict[str, Any]) -> None:
    from ..terminal import numbers, print_line, print_table

    threshold = found["threshold"]
    print_line(screen, f"{run}: temperature {found['temperature']:.3f}, by validation")
    at = "no threshold reaches it on validation: every answer is held back"
    if threshold is not None:
        at = f"answers from {threshold:.3f} on are given"
    print_line(screen, f"accuracy {found['accuracy']:g} wished: {at}")
    print_line(
        screen,
        f"coverage {found['coverage']:g} wished: sets of the classes from {found['least']:.3f} on",
    )
    for split in (name for name in ("val", "test") if name in found):
        figures = found[split]
        rows = [
            (words, f"{figures['metrics'][name]:.4f}", _interval(figures, name))
            for name, words in SHOWN.items()
            if name in figures["metrics"]
        ]
        rows.append(("log loss, as trained", f"{figures['log_loss_before']:.4f}", ""))
        rows.append(("log loss, calibrated", f"{figures['log_loss_after']:.4f}", ""))
        rows.append(("mean risk over all coverages", f"{figures['mean_risk']:.4f}", ""))
        fitted = ", which it was fitted on" if split == "val" else ""
        title = f"{split} (n={figures['n']}){fitted}"
        print_table(screen, ["", *numbers("value", "95 % interval")], rows, title=title)
        print_line(screen, figures["interval"])
    if found["caution"]:
        print_line(screen, found["caution"])


def _interval(figures: dict[str, Any], name: str) -> str:
    pair = figures["intervals"].get(name)
    return "{:.4f} - {:.4f}".format(*pair) if pair else figures["no_interval"].get(name, "none")
