"""Scores of a trained model on one split: metrics, their intervals, a table of predictions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from .. import files, metrics, terminal
from ..config import Config
from ..data import audio_names, shortcuts, split_record
from ..data.checks import Skipped
from ..data.clips import ClipDataset, segments
from ..data.preparation import prepare
from ..data.resampling import resampling_groups
from ..data.shortcuts import PairSummary
from ..data.splits import caution
from ..errors import UserError
from ..kernels import adopt
from ..models.spectrobert import SpectroBert
from ..tasks import Task
from ..tasks.classification import Classification
from ..tasks.pretraining import Pretraining
from ..tasks.questions import Aqa
from . import build, leaks, trainers
from .folder import RunFolder
from .loaders import DataModule
from .preemption import interruptible
from .pretrained import checkpoint_tokenizer, saved_model
from .unread import UnreadClips

FEW_GROUPS = 10  # fewer say little of how groups differ
TOP = 10  # most predicted classes that are listed where there are too many for a table


@dataclass
class Scores:
    """Of one split."""

    split: str
    n: int  # rows scored
    num_rows: int  # of the split
    statistics: dict[str, metrics.Statistic]
    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]  # 95 %, see metrics.intervals
    no_interval: dict[str, str]  # metric -> why it has none
    interval: str  # how they were drawn, in words
    unread: list[Skipped] = field(default_factory=list)  # rows that could not be read
    caution: str = ""  # what has to be said beside the scores: splits.caution
    pairs: PairSummary | None = None  # of pre-training
    unseen_answers: dict[str, int] = field(default_factory=dict)  # rows, of answers train lacks
    targets: tuple[str, ...] = ()  # names, where numbers are learnt
    labels: tuple[str, ...] = ()  # classes
    confusion_matrix: list[list[int]] = field(default_factory=list)  # rows true, columns predicted
    predicted_histogram: dict[str, int] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    rows: list[list[Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """For results.json: all but the predictions."""
        shown: dict[str, Any] = {"split": self.split, "n": self.n, "metrics": self.values}
        if self.unread:
            shown |= {"num_rows": self.num_rows, "unread": [list(clip) for clip in self.unread]}
        if self.caution:
            shown["caution"] = self.caution
        shown["intervals"] = {name: list(pair) for name, pair in self.intervals.items()}
        shown["no_interval"] = {
            name: why for name, why in self.no_interval.items() if name in self.values
        }
        shown["metric_n"] = {name: self.statistics[name].n for name in self.values}
        if self.pairs:
            shown["pairs"] = self.pairs.to_dict()
        if self.unseen_answers:
            shown["unseen_answers"] = self.unseen_answers
        if self.targets:
            shown["targets"] = list(self.targets)
        if self.labels:
            shown |= {
                "labels": list(self.labels),
                "predicted_histogram": self.predicted_histogram,
            }
        if self.confusion_matrix:
            shown["confusion_matrix"] = self.confusion_matrix
        return shown

    def by_label(self) -> dict[str, dict[str, str]]:
        """Label -> figure -> metric: recall -> recall_happy. A class that never occurs has none."""
        found: dict[str, dict[str, str]] = {name: {} for name in self.labels or self.targets}
        for name in self.values:
            if label := self.statistics[name].label:
                found[label][name.removesuffix(f"_{label}")] = name
        return found if any(found.values()) else {}

    def counts(self) -> dict[str, tuple[int, int]]:
        """Class -> how often it is true, how often predicted; empty where they are too many."""
        predicted = np.sum(self.confusion_matrix, axis=0)
        return {
            label: (sum(line), int(predicted[i]))
            for i, (label, line) in enumerate(zip(self.labels, self.confusion_matrix))
        }


def score(
    config: Config, task: Task, data: DataModule, split: str, console: Console | None = None
) -> Scores:
    """Run the model over a split, once.

    Clips that cannot be read are left out and reported on `console`. Raises UserError if they are
    more than `dataset.max_skipped` allows.
    """
    unread = UnreadClips(
        data.prepared, config.dataset.max_skipped, console or terminal.console(quiet=True), split
    )
    trainer = trainers.for_scoring(config.trainer, unread)
    data.trainer = trainer
    loader = data.test_dataloader() if split == "test" else data.val_dataloader()
    task.eval()
    with interruptible():
        trainer.test(task, dataloaders=loader, verbose=False)
    index, outputs, truth = task.test_rows.compute()
    rows = data.prepared.splits[split].select(index)
    questions = question_numbers(rows) if isinstance(task, Aqa) else None
    statistics = task.statistics(outputs, truth, questions)
    groups, kinds = resampling_groups(rows)
    intervals, no_interval = metrics.intervals(statistics, groups)
    header, cells = task.predictions(outputs, truth)
    heard = audio_names.audio_names(rows, audio_names.folders(config.dataset, config.data_dir))
    scores = Scores(
        split=split,
        n=len(index),
        num_rows=len(data.prepared.splits[split]),
        unread=unread.clips(split),
        statistics=statistics,
        values=metrics.values(statistics, len(index)),
        intervals=intervals,
        no_interval=no_interval,
        interval=interval_method(len(set(groups)), kinds),
        caution="; ".join(
            filter(None, (caution(data.prepared.summary.definition), leaks.caution(config)))
        ),
        header=("id", "group", *audio_names.COLUMNS, *header),
        rows=[
            [row_id, group, *stretch, *line]
            for row_id, group, stretch, line in zip(rows["id"], groups, heard, cells)
        ],
    )
    scores.unseen_answers = data.prepared.unseen_rows.get(split, {})
    if isinstance(task, Classification):
        _add_classes(scores, task.labels, outputs.argmax(axis=1), truth)
    else:
        scores.targets = task.labels
    if isinstance(task, Pretraining):
        train, scored = (
            ClipDataset(data.prepared.splits[name], data.read_options, name == "train")
            for name in ("train", split)
        )
        scores.pairs = shortcuts.summarise(train, scored, index)
    return scores


def interval_method(number: int, kinds: str) -> str:
    """Method of the intervals from that many groups, and what they cover, in words."""
    if number < 2:
        return f"none: resampling by {kinds} needs two of them"
    method = (
        f"95 % percentile bootstrap, {metrics.RESAMPLES} resamples of {number} {kinds},"
        " for this trained model: how much seeds differ is not part of it"
    )
    return method + ("; so few groups make it too narrow" if number < FEW_GROUPS else "")


def _add_classes(
    scores: Scores, labels: tuple[str, ...], predicted: np.ndarray, truth: np.ndarray
) -> None:
    scores.labels = labels
    counts = np.bincount(predicted, minlength=len(labels)).tolist()
    scores.predicted_histogram = {name: n for name, n in zip(labels, counts) if n}
    if len(labels) <= metrics.MANY_CLASSES:
        seen = truth < len(labels)
        matrix = metrics.confusion_matrix(truth[seen], predicted[seen], len(labels))
        scores.confusion_matrix = matrix.tolist()


def question_numbers(rows: Any) -> np.ndarray | None:
    """(N,) one number for the rows that ask the same of the same recording.

    None where every question has one row: then there are no annotators to compare.
    """
    numbers: dict[tuple[int, str], int] = {}
    found = []
    for row in rows.select_columns(["audio", "text"]):
        # An encoded file may stand in the table itself: its hash is kept, not its bytes
        key = (hash(segments(row["audio"])), row["text"])
        found.append(numbers.setdefault(key, len(numbers)))
    return np.array(found) if len(numbers) < len(found) else None


def silenced(data: DataModule) -> DataModule:
    """The same splits with every waveform zeroed: what do the words alone answer?"""
    options = replace(data.read_options.dataset, silence_audio=True)
    return DataModule(data.prepared, replace(data.read_options, dataset=options), data.options)


def show(console: Console, scores: Scores, title: str, control: Scores | None = None) -> None:
    """Tables of the scores, with those of the question-only control beside them."""
    n = f"n={scores.n}"
    if scores.unread:
        n += f" of {scores.num_rows}, {len(scores.unread)} could not be read"
    warning = f", {scores.caution}" if scores.caution else ""
    headings = ("value", "95 % interval", "n", *(["question only"] if control else []))
    rows = []
    for name, value in scores.values.items():
        if scores.statistics[name].label:
            continue
        low_high = scores.intervals.get(name)
        cells = [
            f"{value:.4f}",
            f"{low_high[0]:.4f} - {low_high[1]:.4f}" if low_high else "none",
            str(scores.statistics[name].n),
        ]
        cells += [f"{control.values[name]:.4f}"] if control else []
        rows.append((name, *cells))
    terminal.print_table(
        console,
        ["metric", *terminal.numbers(*headings)],
        rows,
        title=f"{title} ({n}{warning})",
    )
    terminal.print_line(console, f"intervals: {scores.interval}")
    if scores.pairs:
        terminal.print_line(console, f"pairs: {scores.pairs}")
    _show_labels(console, scores)
    if scores.labels and not scores.confusion_matrix:
        parts = sorted(scores.predicted_histogram.items(), key=lambda pair: -pair[1])[:TOP]
        listed = ", ".join(f"{name} {count}" for name, count in parts)
        terminal.print_line(console, f"predicted: {listed}")


def _show_labels(console: Console, scores: Scores) -> None:
    """A line for each class or target: its figures; of a class how often it is true, predicted."""
    by_label, counts = scores.by_label(), scores.counts()
    if not by_label:
        return
    figures = list(dict.fromkeys(figure for found in by_label.values() for figure in found))
    headings = (*(("n", "predicted") if counts else ()), *figures)
    rows = []
    for label, found in by_label.items():
        cells = (f"{scores.values[found[name]]:.4f}" if name in found else "" for name in figures)
        rows.append((label, *map(str, counts.get(label, ())), *cells))
    first = "class" if counts else "target"
    terminal.print_table(console, [first, *terminal.numbers(*headings)], rows)


def load_run(folder: Path) -> tuple[Config, SpectroBert, Any]:
    """Configuration, model and tokenizer of a finished run. Raises UserError if it is none."""
    config = RunFolder(folder).read_config()
    RunFolder(folder).read_results()
    model = adopt(saved_model(str(folder)), config.trainer.kernels)
    return config, model, checkpoint_tokenizer(str(folder))


def evaluate(
    folder: Path,
    split: str = "test",
    data_dir: str = "",
    silence_audio: bool = False,
    recorded: bool = False,
) -> Scores:
    """Score a finished run again, on the rows that its split.csv names.

    Args:
        silence_audio: zero every waveform, to see what the text alone answers.
        recorded: only the recorded rows of this split must be as they were; else all rows of the
            corpus.

    Raises UserError if the directory is no finished run, or its corpus is gone or has changed.
    """
    if split not in ("val", "test"):
        raise UserError(f"--split {split!r}: allowed are val, test")
    config, model, words = load_run(folder)
    config.dataset.silence_audio = config.dataset.silence_audio or silence_audio
    config.data_dir = data_dir or config.data_dir
    record = split_record.read(RunFolder(folder).split)
    if record and recorded:
        record = replace(record, needed=(split,), is_subset=True)
    prepared = prepare(config.task.name, config.dataset, config.data_dir, recorded=record)
    names = (
        tuple(model.config.id2label[i] for i in range(len(model.config.id2label)))
        if prepared.labels
        else ()
    )
    if names != prepared.labels:
        raise UserError(
            f"the labels of {config.dataset.name} have changed since {folder} was trained"
        )
    if not len(prepared.splits[split]):
        raise UserError(f"{folder} has no {split} split: --split val scores its validation split")
    task = build.task(config, model, prepared)
    data = build.datamodule(config, prepared, words, model.config)
    return score(config, task, data, split)


def write(folder: Path, run: Path, scores: Scores, silence_audio: bool) -> None:
    """A second scoring of a run, as files of the run's own names and keys."""
    results = RunFolder(run).read_results()
    second = RunFolder(folder)
    results["silence_audio"] = results["silence_audio"] or silence_audio
    results["test"] = scores.to_dict()  # names its split
    with files.writing(folder):
        second.write_predictions(scores.header, scores.rows)
        second.write_results(results)
