"""One self-contained HTML page over runs that belong together: it needs no network."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape

from .. import curves, files, runs
from . import formats
from .rows import Line
from .table import Table

TEMPLATES = Path(__file__).parent
SMOOTHING = 0.9  # of the noisy training loss: a running mean, drawn over the raw line


def write(
    path: Path, title: str, folders: Mapping[str, Path], table: Table, lines: Sequence[Line]
) -> Path:
    """Write the page.

    Args:
        folders: row name -> the run directory whose curves are drawn.
    """
    results = {name: runs.read_results(folder) for name, folder in folders.items()}
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape())
    page = environment.get_template("report.html.j2").render(
        title=title,
        headings=formats.headings(table, lines),
        rows=[formats.cells(table, lines, line) for line in lines],
        notes=formats.notes(table, lines),
        figures=[
            (name, _caption(results[name]), draw(folder, results[name]))
            for name, folder in folders.items()
        ],
        results=results,
        environment=next(iter(results.values()), {}),
    )
    files.write_whole(path, page)
    return path


def _caption(result: dict[str, Any]) -> str:
    frozen = result["freeze"]
    chosen = result["monitor"]
    return (
        f"{frozen['trainable']:,} of {frozen['total']:,} parameters train"
        f" ({', '.join(frozen['train'])});"
        f" tested at epoch {chosen.get('epoch', '-')}, the best by {chosen['name']}"
    )


def draw(folder: Path, result: dict[str, Any]) -> str:
    """Loss and accuracy against the optimiser step, training beside validation, as inline SVG."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    path = folder / "metrics.csv"
    panels = PANELS["pre" if result["task"] == "pre" else "other"]
    figure, axes = plt.subplots(
        1, len(panels), figsize=(4.6 * len(panels), 3.0), layout="constrained"
    )
    for axis, (heading, lines) in zip(axes, panels.items()):
        for label, metric, colour in lines:
            points = curves.curve(path, metric)
            if not points:
                continue
            steps, values = zip(*points)
            is_noisy = metric.startswith("train/")
            axis.plot(
                steps,
                values,
                color=colour,
                alpha=0.25 if is_noisy else 1,
                lw=1 if is_noisy else 2,
                marker=None if is_noisy else "o",
                ms=3,
                label=None if is_noisy else label,
            )
            if is_noisy:
                axis.plot(steps, _smooth(values), color=colour, lw=1.5, label=label)
        step = result["monitor"].get("step")
        if step:
            axis.axvline(step, color="0.6", ls=":", lw=1)
        axis.set_xlabel("optimiser step")
        axis.set_title(heading, fontsize=10)
        axis.grid(alpha=0.2)
        axis.legend(fontsize=8, frameon=False)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    plt.close(figure)
    return buffer.getvalue()[buffer.getvalue().index("<svg") :]


BLUE, ORANGE = "#2a6f97", "#d1495b"
PANELS = {
    "pre": {
        "MLM loss": [("train", "train/mlm_loss", BLUE), ("validation", "val/mlm_loss", ORANGE)],
        "SAP loss": [("train", "train/sap_loss", BLUE), ("validation", "val/sap_loss", ORANGE)],
        "validation accuracy": [
            ("SAP", "val/sap_accuracy", BLUE),
            ("masked words", "val/mlm_accuracy", ORANGE),
        ],
    },
    "other": {
        "loss": [("train", "train/loss", BLUE), ("validation", "val/loss", ORANGE)],
        "accuracy": [("train", "train/accuracy", BLUE), ("validation", "val/accuracy", ORANGE)],
    },
}


def _smooth(values: Sequence[float]) -> list[float]:
    """Running mean that starts at the first value."""
    smooth: list[float] = []
    for value in values:
        last = smooth[-1] if smooth else value
        smooth.append(SMOOTHING * last + (1 - SMOOTHING) * value)
    return smooth
