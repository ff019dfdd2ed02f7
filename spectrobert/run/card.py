"""The evaluation card: facts without which the metrics of a run cannot be compared with others.

results.json holds them; card.md, the report page and Comet print the same `facts`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import corpora
from ..config import Config, DatasetConfig
from ..data import clips
from ..data.preparation import Prepared
from ..data.shortcuts import PairSummary
from ..markup import markdown_escaped
from ..metrics import Metric
from ..settings.schemas import own_options
from .common_labels import CommonLabels
from .folder import scores_of
from .loaders import DataModule
from .scores import Scores, coverage

STRETCH = {"first": "the first {:g} s", "center": "the middle {:g} s"}
CLASS_RULE = (
    "a metric that needs every class passes over resamples that lose one; it has no interval if a"
    " class is in one group only, or if more than half of the resamples lose one"
)
MANY = 50  # labels that a card still lists
OF_LABELS = ("recall", "binary_accuracy")  # metrics that a label has, and the whole set has not


@dataclass(frozen=True)
class Evaluation:
    """Facts that stand nowhere else in results.json, under `evaluation`."""

    source: str  # of the corpus
    options: dict[str, Any]  # of the corpus
    notes: str  # on the labels
    audio: str  # the stretch of a clip that is scored
    text: str
    interval: str  # method of the intervals
    metrics: dict[str, dict[str, str]]  # name -> unit of its n, definition


def evaluation(config: Config, scores: Scores, audio: str, text: str) -> Evaluation:
    """The facts of a run that was scored.

    Args:
        audio: the stretch of a clip that is scored.
        text: what is read of a text.
    """
    options, task = config.dataset, config.task.name
    parts = [corpora.corpus(name) for name in options.name.split("+")]  # of a mixture
    return Evaluation(
        source="; ".join(part.source for part in parts),
        options=own_options(options),
        notes="; ".join(part.notes[task] for part in parts if task in part.notes),
        audio=audio,
        text=text,
        interval=scores.interval,
        metrics={
            name: {"unit": m.statistic.unit, "definition": m.statistic.meaning}
            for name, m in scores.metrics.items()
        },
    )


def of_network(config: Config, scores: Scores, data: DataModule, split: str) -> Evaluation:
    """The facts of a network that was scored on a split of `data`."""
    options = data.read_options
    audio = heard(data.prepared, options.dataset, options.model_seconds, split)
    text = f"{config.dataset.max_text_length} word pieces at most"
    return evaluation(config, scores, audio, text)


def heard(prepared: Prepared, options: DatasetConfig, model_seconds: float, split: str) -> str:
    """The stretch of its clips that a split is scored on, in words.

    Args:
        model_seconds: the longest clip that the model hears to its end.
    """
    kept, limit = clips.crop(options, model_seconds, is_training=False)
    if math.isinf(limit):
        return "whole"
    stretch = STRETCH[kept].format(round(limit, 2))
    if options.crop == "whole":
        stretch = f"whole, or {stretch}, which the model hears at most"
    if options.crop == "random":
        stretch += ", in training a random stretch"
    seconds = clips.columns(prepared.splits[split], "seconds")["seconds"].to_numpy()
    longer, unknown = int((seconds > limit).sum()), int((seconds == 0).sum())
    stretch += f"; {longer} of {len(seconds)} clips of {split} are longer"
    return stretch + (f", {unknown} of unknown length" if unknown else "")


def facts(results: Mapping[str, Any]) -> dict[str, str]:
    """The card of a finished run from its results.json: name of a fact -> in words.

    Without facts that do not apply, or that an older version did not record.
    """
    known = results.get("evaluation", {})
    lines = _corpus_facts(results, known) | _cross_facts(results)
    lines |= _score_facts(results, known) | _model_facts(results)
    return {name: words for name, words in lines.items() if words}


def _corpus_facts(results: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, str]:
    scored, split = scores_of(results), results["split"]
    options = (f"{name}={value}" for name, value in known.get("options", {}).items())
    labels = scored.get("labels") or scored.get("targets") or []
    speakers = (f"{name} {len(names)}" for name, names in split["speakers"].items() if names)
    dropped = [f"{n} rows: {reason}" for reason, n in results["dropped_rows"].items()]
    dropped += [f"{results['skipped_files']} unusable files"] if results["skipped_files"] else []
    return {
        "task": results["task"],
        "corpus": results["dataset"],
        "source": known.get("source", ""),
        "options of the corpus": ", ".join(options) or "none" if known else "",
        "labels": ", ".join(labels) if len(labels) <= MANY else f"{len(labels)}, those of train",
        "what they stand for": known.get("notes", ""),
        "split": f"{scored['split']}; {split['definition']}",
        "fold": "" if results["fold"] is None else str(results["fold"]),
        "examples": ", ".join(f"{name} {n}" for name, n in split["counts"].items()),
        "speakers": ", ".join(speakers) or "not known",
        "left out": "; ".join(dropped) or "nothing",
    }


def _cross_facts(results: Mapping[str, Any]) -> dict[str, str]:
    """Labels that a run and the other corpus it was scored on have in common, and the others."""
    common = scores_of(results).get("cross_corpus")
    return CommonLabels(**common).facts() if common else {}


def _score_facts(results: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, str]:
    scored = scores_of(results)
    unread, unseen = len(scored.get("unread", ())), sum(scored.get("unseen_answers", {}).values())
    rows = coverage(scored["n"], scored.get("num_rows", 0), unread)
    control = "the test split once more, audio silenced: question only"
    return {
        "scored": f"{rows}, listed in skipped.csv" if unread else rows,
        "audio": "silenced" if results["silence_audio"] else known.get("audio", ""),
        "text": known.get("text", ""),
        "control": control if results["question_only"] else "none",
        "caution": scored.get("caution", ""),
        "pairs": str(PairSummary(**scored["pairs"])) if "pairs" in scored else "",
        "answers that train lacks": f"{unseen} rows, counted as wrong" if unseen else "",
        "intervals": known.get("interval", ""),
        "intervals over classes": CLASS_RULE,
    }


def _model_facts(results: Mapping[str, Any]) -> dict[str, str]:
    chosen = results["monitor"]
    if "classic" in results:
        return _classic_facts(results)
    start = ", ".join(f"{name} {value}" for name, value in results["init"].items() if value)
    checkpoint = f"the last: {chosen['name']} was never measured"
    if chosen["checkpoint"] == "best":
        checkpoint = f"best by {chosen['name']}, epoch {chosen['epoch']}"
    return {
        "starts from": start or "random weights",
        "checkpoint": checkpoint,
        "seed": str(results["seed"]),
        "commit": results["git_commit"] or "not in a git checkout",
    }


def _classic_facts(results: Mapping[str, Any]) -> dict[str, str]:
    """Facts of a support vector machine in place of a network."""
    own, chosen = dict(results["classic"]), results["monitor"]
    own.pop("cost")
    choice = "the only one"
    if "value" in chosen:
        choice = f"best {chosen['name']}, {chosen['value']:.4f}, of {own['costs']}"
    own["costs"] = choice
    return own | {"commit": results["git_commit"] or "not in a git checkout"}


def overall_names(scored: Mapping[str, Any]) -> list[str]:
    """Metrics of results.json that are not about one label or target."""
    names = scored["metrics"]
    of_label = {
        f"{base}_{label}"
        for label in scored.get("labels") or scored.get("targets") or ()
        for base in (*OF_LABELS, *names)
    }
    return [name for name in names if name not in of_label]


def facts_lines(results: Mapping[str, Any]) -> list[str]:
    """The facts as Markdown: a heading and a table."""
    return [
        f"# Evaluation card: {markdown_escaped(results['experiment'])}",
        "",
        *table(("", ""), facts(results).items()),
    ]


def markdown(results: Mapping[str, Any], scores: Scores, control: Scores | None) -> str:
    """card.md: the facts of results.json, then the metrics."""
    lines = [*facts_lines(results), "", *_overall(scores, control)]
    if by_label := scores.by_label():
        lines += ["", *_labels(by_label)]
    if counts := scores.counts():
        cells = [(label, n, predicted) for label, (n, predicted) in counts.items()]
        lines += ["", *table(("class", "n", "predicted"), cells)]
    return "\n".join(lines) + "\n"


def _overall(scores: Scores, control: Scores | None) -> list[str]:
    """Metrics over all labels, with a column for those of the question-only control."""
    silenced = ("question only",) if control else ()
    rows = []
    for name, metric in scores.overall().items():
        statistic = metric.statistic
        other = (f"{control.values[name]:.4f}",) if control else ()
        n = f"{statistic.n} {statistic.unit}"
        rows.append((name, *_cells(metric), *other, n, statistic.meaning))
    return table(("metric", "value", "95 % interval", *silenced, "n", "definition"), rows)


def _labels(by_label: Mapping[str, Mapping[str, Metric]]) -> list[str]:
    """Metrics per label, and their definitions, each once."""
    rows = [
        (label, name, *_cells(metric), metric.statistic.n)
        for label, own in by_label.items()
        for name, metric in own.items()
    ]
    meanings = {name: m.statistic.meaning for own in by_label.values() for name, m in own.items()}
    lines = table(("label", "metric", "value", "95 % interval", "n"), rows)
    return [*lines, "", *(f"- {name}: {meaning}" for name, meaning in meanings.items())]


def _cells(metric: Metric) -> tuple[str, str]:
    """Value, and interval or the reason why there is none."""
    reason = "" if metric.interval else f": {metric.no_interval}"
    return f"{metric.value:.4f}", metric.bounds() + reason


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return [
        "| " + " | ".join(markdown_escaped(str(cell)) for cell in line) + " |" for line in lines
    ]
