"""From run directories to one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from ... import files
from ...data.splits import caution
from ...errors import UserError
from ...run.folder import RunFolder
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
    cautions = dict.fromkeys(caution(r["split"]["definition"]) for r in results.values())
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
        _, scored = scores(result)
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


def scores(result: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The split that a run was scored on, and its scores: test, or val in a search."""
    split = "test" if "test" in result else "val"
    return split, result[split]


def section(name: str, folder: Path, result: dict[str, Any], data_dir: str) -> Section:
    """All that the page tells of one run."""
    frozen, chosen = result["freeze"], result["monitor"]
    split, scored = scores(result)
    intervals = scored["intervals"]
    made = Section(
        name,
        f"{frozen['trainable']:,} of {frozen['total']:,} parameters train"
        f" ({', '.join(frozen['train'])}); {split} split scored at epoch"
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
        if split == "test":
            _listen(made, folder, predictions, data_dir)
    made.card = card(result)
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
    heard = listening.hear(listener, examples.choose(predictions))
    made.clips = [examples.card(one) for one in heard]


def card(result: dict[str, Any]) -> list[tuple[str, str]]:
    """The evaluation card: what one must know to compare the numbers with others."""
    split, scored = scores(result)
    chosen = result["monitor"]
    counts = ", ".join(f"{name} {n}" for name, n in result["split"]["counts"].items())
    speakers = ", ".join(f"{k} {len(v)}" for k, v in result["split"]["speakers"].items() if v)
    init = ", ".join(f"{k} {v}" for k, v in result["init"].items() if v) or "random weights"
    lines = {
        "task and corpus": f"{result['task']} on {result['dataset']}",
        "split": result["split"]["definition"],
        "examples": counts,
        "speakers": speakers or "not known",
        "fold": "" if result["fold"] is None else str(result["fold"]),
        "labels": ", ".join(scored.get("labels", [])[:20]),
        "n": f"{scored['n']} ({split} split)",
        "interval": result.get("evaluation", {}).get("interval", ""),
        "checkpoint": f"epoch {chosen.get('epoch', '-')}, the best by {chosen['name']}",
        "starts from": init,
        "audio": "silenced" if result["silence_audio"] else "",
        "left out": ", ".join(f"{n} rows: {why}" for why, n in result["dropped_rows"].items()),
        "seed": str(result["seed"]),
        "commit": result["git_commit"],
    }
    return [(name, value) for name, value in lines.items() if value]
