"""The evaluation card: what a figure of a run was measured on, and how (card.md, results.json).

A figure that leaves the run directory without these facts cannot be compared with another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import corpora
from ..config import Config
from ..data import clips
from ..markup import markdown_escaped
from ..settings.schemas import own_options
from . import provenance
from .loaders import DataModule
from .scoring import Scores

STRETCH = {"first": "the first {:g} s", "center": "the middle {:g} s"}
CLASS_RULE = (
    "a metric that needs every class passes over resamples that lose one; it has no interval if a"
    " class is in one group only, or if more than half of the resamples lose one"
)
MANY = 50  # labels that a card still lists


def facts(
    config: Config,
    data: DataModule,
    scores: Scores,
    control: Scores | None,
    monitored: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything but the figures themselves, for results.json.

    Args:
        control: scores of the test split with its audio silenced, where there are any.
        monitored: the metric that chose the checkpoint, and which one it chose.
    """
    options, task, prepared = config.dataset, config.task.name, data.prepared
    parts = [corpora.corpus(name) for name in options.name.split("+")]  # of a mixture
    return {
        "task": task,
        "dataset": options.name,
        "options": own_options(options),
        "source": "; ".join(part.source for part in parts),
        "labels": list(prepared.labels),
        "notes": "; ".join(part.notes[task] for part in parts if task in part.notes),
        "split": scores.split,
        "split_definition": prepared.summary.definition,
        "counts": prepared.summary.counts,
        "test_speakers": len(prepared.summary.speakers["test"]),
        "dropped_rows": dict(Counter(row.reason for row in prepared.dropped)),
        "skipped_files": len(prepared.skipped),
        "scored": scores.n,
        "unread": len(scores.unread),
        "audio": heard(data, scores.split),
        "text": f"{options.max_text_length} word pieces at most",
        "checkpoint": dict(monitored),
        "seed": config.seed,
        "question_only": control is not None,
        "interval": scores.interval,
        "metrics": {
            name: {"n": s.n, "unit": s.unit, "definition": s.meaning}
            for name, s in scores.statistics.items()
            if name in scores.values
        },
        "git_commit": provenance.git_commit(),
    }


def heard(data: DataModule, split: str) -> str:
    """The stretch of its clips that a split was scored on, in words."""
    options = data.read_options.dataset
    if options.silence_audio:
        return "silenced"
    kept, limit = clips.crop(options, data.read_options.model_seconds, is_training=False)
    stretch = STRETCH[kept].format(round(limit, 2))
    if options.crop == "whole":
        stretch = f"whole, or {stretch}, which the model hears at most"
    if options.crop == "random":
        stretch += ", in training a random stretch"
    seconds = clips.columns(data.prepared.splits[split], "seconds")["seconds"].to_numpy()
    longer, unknown = int((seconds > limit).sum()), int((seconds == 0).sum())
    stretch += f"; {longer} of {len(seconds)} clips of {split} are longer"
    return stretch + (f", {unknown} of unknown length" if unknown else "")


def markdown(
    experiment: str, known: Mapping[str, Any], scores: Scores, control: Scores | None
) -> str:
    """card.md, from `facts` and the figures."""
    options = ", ".join(f"{name}={value}" for name, value in known["options"].items())
    labels, counts = known["labels"], known["counts"]
    chosen = known["checkpoint"]
    dropped = [f"{n} rows: {reason}" for reason, n in known["dropped_rows"].items()]
    dropped += [f"{known['skipped_files']} unusable files"] if known["skipped_files"] else []
    rows = {
        "task": known["task"],
        "corpus": f"{known['dataset']} ({known['source']})",
        "options of the corpus": options or "none",
        "labels": ", ".join(labels) if len(labels) <= MANY else f"{len(labels)}, those of train",
        "what they stand for": known["notes"],
        "split": f"{known['split']}; {known['split_definition']}",
        "examples": ", ".join(f"{name} {n}" for name, n in counts.items()),
        "scored": f"{known['scored']} of {scores.num_rows}: {known['unread']} could not be read,"
        " listed in skipped.csv"
        if known["unread"]
        else known["scored"],
        "speakers in test": known["test_speakers"] or "not known",
        "left out": "; ".join(dropped) or "nothing",
        "audio": known["audio"],
        "text": known["text"],
        "checkpoint": f"best by {chosen['name']}, epoch {chosen['epoch']}"
        if chosen["checkpoint"] == "best"
        else f"the last: {chosen['name']} was never measured",
        "seed": known["seed"],
        "control": "the test split once more, audio silenced: question only" if control else "none",
        "caution": scores.caution,
        "pairs": str(scores.pairs or ""),
        "answers that train lacks": f"{sum(scores.unseen_answers.values())} rows, counted as wrong"
        if scores.unseen_answers
        else "",
        "intervals": known["interval"],
        "intervals over classes": CLASS_RULE,
        "commit": known["git_commit"] or "not in a git checkout",
    }
    lines = [
        f"# Evaluation card: {markdown_escaped(experiment)}",
        "",
        *_table(("", ""), rows.items()),
    ]
    whole = [
        (
            name,
            *_figures(scores, name),
            *([f"{control.values[name]:.4f}"] if control else []),
            f"{metric['n']} {metric['unit']}",
            metric["definition"],
        )
        for name, metric in known["metrics"].items()
        if not scores.statistics[name].label
    ]
    silenced = ["question only"] if control else []
    header = ("metric", "value", "95 % interval", *silenced, "n", "definition")
    lines += ["", *_table(header, whole)]
    each, counts = scores.by_label(), scores.counts()
    if each:
        parts = [
            (label, figure, *_figures(scores, name), str(scores.statistics[name].n))
            for label, found in each.items()
            for figure, name in found.items()
        ]
        definitions = {
            figure: scores.statistics[name].meaning
            for found in each.values()
            for figure, name in found.items()
        }
        lines += ["", *_table(("label", "metric", "value", "95 % interval", "n"), parts)]
        lines += [""] + [f"- {figure}: {meaning}" for figure, meaning in definitions.items()]
    if counts:
        often = [(label, n, predicted) for label, (n, predicted) in counts.items()]
        lines += ["", *_table(("class", "n", "predicted"), often)]
    return "\n".join(lines) + "\n"


def _figures(scores: Scores, name: str) -> tuple[str, str]:
    """Value of a metric, and its interval or why it has none."""
    low_high = scores.intervals.get(name)
    why = scores.no_interval.get(name, "")
    interval = f"{low_high[0]:.4f} - {low_high[1]:.4f}" if low_high else f"none: {why}"
    return f"{scores.values[name]:.4f}", interval


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Lines of a Markdown table; rows that end in nothing are left out."""
    lines = [header, ["---"] * len(header), *(row for row in rows if row[-1] != "")]
    return [
        "| " + " | ".join(markdown_escaped(str(cell)) for cell in line) + " |" for line in lines
    ]
