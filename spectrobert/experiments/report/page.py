"""From run directories to one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ... import files
from ...errors import UserError
from ...run import card
from ...run.confidence import surest
from ...run.folder import RunFolder, scores_of
from ..sheet import Sheet
from . import anatomy, examples, figures, listening, trust

TEMPLATES = Path(__file__).parent
INTERVALS = (
    "Intervals are of the trained model, by bootstrap over groups (speakers, scenes, recordings):"
    " how much seeds differ is not part of them."
)
MAX_CONFUSED = 50  # classes up to which a confusion matrix is drawn
MIN_CLOUD = 6  # clips that are drawn as a cloud


@dataclass
class Section:
    """One run on the page. Pictures and clips are ready-made HTML."""

    name: str
    results: dict[str, Any]  # results.json
    gap: str = ""  # between training and validation, in a sentence
    pictures: dict[str, list[str]] = field(default_factory=dict)  # heading -> pictures in a row
    tables: dict[str, Sheet] = field(default_factory=dict)  # by heading
    clips: list[str] = field(default_factory=list)
    legend: str = "Red: where [CLS] looks in the last layer, mean over heads."  # of the clips
    notes: list[str] = field(default_factory=list)

    @property
    def scores(self) -> dict[str, Any]:
        return scores_of(self.results)

    @property
    def card(self) -> dict[str, str]:
        """The evaluation card."""
        return card.facts(self.results)


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

    Raises UserError if a directory is no finished run.
    """
    from jinja2 import Environment, FileSystemLoader

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


def section(name: str, folder: Path, results: dict[str, Any], data_dir: str) -> Section:
    """All facts of one run on the page."""
    made = Section(name, results, figures.gap(folder, results))
    made.pictures["Learning curves, and what trains"] = [
        figures.learning_curves(folder, results),
        anatomy.draw(results["freeze"]) if "freeze" in results else "",
    ]
    scores, labels = made.scores, made.scores.get("labels", [])
    if scores.get("confusion_matrix") and len(labels) <= MAX_CONFUSED:
        made.pictures["Confusion"] = [figures.confusion(scores["confusion_matrix"], labels)]
    made.tables = trust.tables(folder, scores["split"])
    made.pictures |= trust.pictures(folder, scores["split"])
    predictions = RunFolder(folder).read_predictions()
    if predictions and "p_prediction" in predictions[0]:
        made.pictures["ROC and calibration"] = [
            figures.roc(predictions, labels),
            figures.calibration(predictions),
        ]
        if scores["split"] == "test":
            _listen(made, folder, predictions, data_dir)
    return made


def _listen(
    made: Section, folder: Path, predictions: Sequence[dict[str, str]], data_dir: str
) -> None:
    """Add the cloud of embeddings and the clips, or the reason why they are missing."""
    try:
        listener = listening.listener(folder, data_dir)
    except UserError as error:
        made.notes.append(f"No sounds and embeddings: {error}")
        return
    vectors, colours = listening.embeddings(listener)
    if len(vectors) >= MIN_CLOUD:
        cloud = examples.scatter(listening.project(vectors), colours)
        what = "h_[CLS]" if listener.model.is_joint else "Embeddings"
        made.pictures[f"{what} of {len(vectors)} test clips (t-SNE)"] = [cloud]
    heard = listening.hear(listener, surest(predictions, examples.WRONG, examples.RIGHT))
    made.clips = [examples.card(one) for one in heard]
    if heard and heard[0].note:
        made.legend = heard[0].note.capitalize() + "."
