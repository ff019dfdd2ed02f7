"""From run directories to one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from ... import files
from ...errors import UserError
from ...run import card
from ...run.confidence import surest
from ...run.folder import RunFolder, scores_of
from ..sheet import Sheet
from . import anatomy, examples, figures, listening

TEMPLATES = Path(__file__).parent
INTERVALS = (
    "Intervals are of the trained model, by bootstrap over groups (speakers, scenes, recordings):"
    " how much seeds differ is not part of them."
)
MAX_CONFUSED = 50  # classes up to which a confusion matrix is drawn


@dataclass
class Section:
    """One run on the page. Pictures are ready-made HTML."""

    name: str
    caption: str
    metrics: list[tuple[str, str, str]]  # name, value, interval
    pictures: dict[str, list[str]] = field(default_factory=dict)  # heading -> pictures in a row
    clips: list[str] = field(default_factory=list)
    card: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def write(
    path: Path,
    title: str,
    folders: Mapping[str, Sequence[Path]],
    summary: Sheet | None = None,
    data_dir: str = "",
) -> Path:
    """Write the page.

    Args:
        folders: row name -> its finished run directories; the first of them is shown in detail.
        summary: the table at the top; None draws up one from the runs.

    Raises UserError where a directory is no finished run.
    """
    results = {name: RunFolder(paths[0]).read_results() for name, paths in folders.items()}
    cautions = dict.fromkeys(scores_of(r).get("caution", "") for r in results.values())
    title = ": ".join([title, *filter(None, cautions)])
    # A page's sounds and embeddings need the corpus; everything else is in the run directories
    sections = [section(n, paths[0], results[n], data_dir) for n, paths in folders.items()]
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    page = environment.get_template("page.html.j2").render(
        title=title,
        summary=summary or overview(results),
        sections=sections,
        environment=next(iter(results.values())),
        several=any(len(paths) > 1 for paths in folders.values()),
    )
    with files.writing(path):
        files.write_whole(path, page)
    return path


def overview(results: Mapping[str, dict[str, Any]]) -> Sheet:
    """A line per run: task, corpus, and the metric that chose its checkpoint."""
    rows = []
    for name, result in results.items():
        scored = scores_of(result)
        metric = result["monitor"]["name"].partition("/")[2]
        interval = scored["intervals"].get(metric)
        cells = (
            name,
            result["task"],
            result["dataset"],
            metric,
            f"{scored['metrics'][metric]:.4f}" if metric in scored["metrics"] else "",
            f"{interval[0]:.4f} - {interval[1]:.4f}" if interval else "",
            str(scored["n"]),
            str(result["monitor"].get("epoch", "")),
        )
        rows.append([(cell,) for cell in cells])
    header = ("run", "task", "corpus", "metric", "value", "95 % interval", "n", "epoch")
    return Sheet("", header, rows, [INTERVALS])


def section(name: str, folder: Path, result: dict[str, Any], data_dir: str) -> Section:
    """All that the page tells of one run."""
    frozen, chosen = result["freeze"], result["monitor"]
    scored = scores_of(result)
    intervals = scored["intervals"]
    made = Section(
        name,
        f"{frozen['trainable']:,} of {frozen['total']:,} parameters train"
        f" ({', '.join(frozen['train'])}); {scored['split']} split scored at epoch"
        f" {chosen.get('epoch', '-')}, the best by {chosen['name']}. {figures.gap(folder, result)}",
        [
            (
                metric.replace("_", " "),
                f"{value:.4f}",
                "{:.4f} - {:.4f}".format(*intervals[metric])
                if metric in intervals
                else scored.get("no_interval", {}).get(metric, ""),
            )
            for metric, value in scored["metrics"].items()
        ],
    )
    made.pictures["Learning curves, and what trains"] = [
        figures.learning_curves(folder, result),
        anatomy.draw(frozen),
    ]
    labels = scored.get("labels", [])
    if scored.get("confusion_matrix") and len(labels) <= MAX_CONFUSED:
        made.pictures["Confusion"] = [figures.confusion(scored["confusion_matrix"], labels)]
    predictions = RunFolder(folder).read_predictions()
    if predictions and "p_prediction" in predictions[0]:
        made.pictures["ROC and calibration"] = [
            figures.roc(predictions, labels),
            figures.calibration(predictions),
        ]
        if scored["split"] == "test":
            _listen(made, folder, predictions, data_dir)
    made.card = list(card.facts(result).items())
    return made


def _listen(
    made: Section, folder: Path, predictions: Sequence[dict[str, str]], data_dir: str
) -> None:
    try:
        listener = listening.listener(folder, data_dir)
    except UserError as error:
        made.notes.append(f"No sounds and embeddings: {error}")
        return
    vectors, colours = listening.embeddings(listener)
    if len(vectors) > 5:
        cloud = examples.scatter(listening.project(vectors), colours)
        made.pictures[f"h_[CLS] of {len(vectors)} test clips (t-SNE)"] = [cloud]
    heard = listening.hear(listener, surest(predictions, examples.WRONG, examples.RIGHT))
    made.clips = [examples.card(one) for one in heard]
