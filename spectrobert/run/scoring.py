"""Scoring: a trained model runs over a split, now or from the directory of a finished run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console

from .. import files, metrics, terminal
from ..config import Config
from ..data import audio_names, shortcuts, split_record, splits
from ..data.checks import Skipped
from ..data.preparation import Prepared, prepare
from ..data.resampling import question_numbers, resampling_groups
from ..errors import UserError
from ..models.answers import label_names
from ..models.model import Model
from ..tasks import Task
from ..tasks.classification import Aqa, Classification
from ..tasks.pretraining import Pretraining
from . import build, leaks, normalisation, texts, trainers
from .folder import RunFolder
from .loaders import DataModule
from .preemption import interruptible
from .saved_run import load_run
from .scores import Scores
from .unread import UnreadClips


@dataclass(frozen=True)
class Rereading:
    """Changes in how the rows of a finished run are read, against training."""

    silence_audio: bool = False  # zero every waveform, to see how well the text alone answers
    recorded: bool = False  # only the split's recorded rows must be as they were, not all rows
    modality: str = ""  # "audio" or "text", of a model that reads either
    traits: Sequence[str] = ()  # columns read besides, of a corpus that lets its user name them


AS_TRAINED = Rereading()


class Answered(NamedTuple):
    """Rows of a split that could be read, and what was answered."""

    places: np.ndarray  # (N,) rows of the split
    outputs: np.ndarray  # (N, ...)
    truth: np.ndarray  # (N, ...)


def score(
    config: Config, task: Task, data: DataModule, split: str, console: Console | None = None
) -> Scores:
    """Run the model over a split, once.

    Clips that cannot be read are left out and reported on `console`. Raises UserError if they are
    more than `dataset.max_skipped` allows.
    """
    answered, unread = answer(config, task, data, split, console)
    adaptation = normalisation.adaptation(task.model.config)
    scores = summarise(config, task, data.prepared, split, answered, unread, adaptation)
    if isinstance(task, Pretraining) and "sap" in task.objectives:
        pairs = shortcuts.summarise(data.clips("train"), data.clips(split), answered.places)
        scores = replace(scores, pairs=pairs)
    return scores


def answer(
    config: Config, task: Task, data: DataModule, split: str, console: Console | None = None
) -> tuple[Answered, list[Skipped]]:
    """Outputs of the model for a split, and the clips that could not be read; else as `score`."""
    screen = console or terminal.console(quiet=True)
    unread = UnreadClips(data.prepared, config.dataset.max_skipped, screen, split)
    return _outputs(config, task, data, split, unread), unread.clips(split)


def summarise(
    config: Config,
    task: Task,
    prepared: Prepared,
    split: str,
    answered: Answered,
    unread: list[Skipped],
    adaptation: str,
) -> Scores:
    """Metrics and predictions of a split whose rows have been answered.

    Args:
        unread: clips of the split that could not be read.
        adaptation: a caution if speakers were adapted to; else "".
    """
    whole = prepared.splits[split]
    index, outputs, truth = answered
    rows = whole.select(index)
    questions = question_numbers(rows) if isinstance(task, Aqa) else None
    groups, kinds = resampling_groups(rows)
    header, cells = task.split_predictions(split, index, outputs, truth)
    names = audio_names.audio_names(rows, audio_names.folders(config.dataset, config.data_dir))
    return Scores(
        split,
        len(index),
        len(whole),
        metrics.measure(task.split_statistics(split, index, outputs, truth, questions), groups),
        metrics.interval_method(len(set(groups)), kinds),
        unread=unread,
        caution=caution(config, prepared, split, adaptation),
        unseen_answers=prepared.unseen_rows.get(split, {}),
        header=("id", "group", *audio_names.COLUMNS, *header),
        rows=[
            [row_id, group, *stretch, *line]
            for row_id, group, stretch, line in zip(rows["id"], groups, names, cells)
        ],
        **_labels(task, outputs, truth),
    )


def caution(config: Config, prepared: Prepared, split: str, adaptation: str) -> str:
    """Cautions that are printed with all scores of a split; "" if there are none."""
    cautions = (
        splits.caution(prepared.summary.definition),
        leaks.caution(config),
        leaks.heard_rows(config, prepared, split),
        adaptation,
    )
    return "; ".join(filter(None, cautions))


def _outputs(
    config: Config, task: Task, data: DataModule, split: str, unread: UnreadClips
) -> Answered:
    """Run the model over a split."""
    data.trainer = trainer = trainers.for_scoring(config.trainer, unread)
    loader = data.test_dataloader() if split == "test" else data.val_dataloader()
    task.split = split
    task.eval()
    with interruptible():
        trainer.test(task, dataloaders=loader, verbose=False)
    return Answered(*task.test_rows.compute())


def _labels(task: Task, outputs: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """Fields of Scores: targets, or classes and how often each is predicted."""
    if not isinstance(task, Classification):
        return {"targets": task.labels}
    predicted, num_classes = outputs.argmax(axis=1), len(task.labels)
    counts = np.bincount(predicted, minlength=num_classes).tolist()
    fields = {
        "labels": task.labels,
        "predicted_histogram": {name: n for name, n in zip(task.labels, counts) if n},
    }
    if num_classes <= metrics.MANY_CLASSES:
        seen = truth < num_classes
        matrix = metrics.confusion_matrix(truth[seen], predicted[seen], num_classes)
        fields["confusion_matrix"] = matrix.tolist()
    return fields


def silenced(data: DataModule) -> DataModule:
    """The same splits with every waveform zeroed: the words alone answer."""
    options = replace(data.read_options.dataset, silence_audio=True)
    return DataModule(data.prepared, replace(data.read_options, dataset=options), data.options)


def open_run(
    folder: str | Path, split: str, data_dir: str = "", how: Rereading = AS_TRAINED
) -> tuple[Config, Model, DataModule]:
    """A finished run with its corpus, split as split.csv says; arguments as of `evaluate`."""
    config, model, tokenizer = load_run(folder, how.modality)
    config.dataset.silence_audio = config.dataset.silence_audio or how.silence_audio
    config.data_dir = data_dir or config.data_dir
    if hasattr(config.dataset, "traits") and not config.dataset.prepared:
        config.dataset.traits = list(dict.fromkeys([*config.dataset.traits, *how.traits]))
    record = split_record.read(RunFolder(folder).split)
    if record and how.recorded:
        record = replace(record, needed=(split,), is_subset=True)
    prepared = prepare(config.task.reading, config.dataset, config.data_dir, recorded=record)
    if how.modality == "text":
        texts.require(config, prepared, "--modality text")
    return config, model, build.datamodule(config, prepared, tokenizer, model.config, model)


def evaluate(
    folder: str | Path, split: str = "test", data_dir: str = "", how: Rereading = AS_TRAINED
) -> Scores:
    """Score a finished run again, on the rows that its split.csv names.

    Args:
        folder: of the run.
        split: "val" | "test".
        data_dir: where the corpora are now, if not where they were.
        how: its rows are read otherwise than in training.

    Raises UserError if the directory is no finished run, or its corpus is gone or has changed.
    """
    config, task, data = opened(folder, split, data_dir, how)
    return score(config, task, data, split)


def opened(
    folder: str | Path, split: str, data_dir: str = "", how: Rereading = AS_TRAINED
) -> tuple[Config, Task, DataModule]:
    """A finished run, ready to be scored on a split; arguments and errors as of `open_run`."""
    if split not in ("val", "test"):
        raise UserError(f"--split {split!r}: allowed are val, test")
    config, model, data = open_run(folder, split, data_dir, how)
    task = scored_task(folder, config, model, data)
    if not len(data.prepared.splits[split]):
        raise UserError(f"{folder} has no {split} split: --split val scores its validation split")
    return config, task, data


def scored_task(folder: str | Path, config: Config, model: Model, data: DataModule) -> Task:
    """The task of an opened run. Raises UserError if its corpus has other labels by now."""
    prepared = data.prepared
    if prepared.labels and label_names(model) != prepared.labels:
        raise UserError(
            f"the labels of {config.dataset.name} have changed since {folder} was trained"
        )
    return build.task(config, model, prepared, data.read_options.tokenizer)


def write(folder: Path, run: Path, scores: Scores, how: Rereading) -> None:
    """A second scoring of a run, as files of the run's own names and keys."""
    results = RunFolder(run).read_results()
    second = RunFolder(folder)
    results["silence_audio"] = results["silence_audio"] or how.silence_audio
    results["test"] = scores.to_dict()  # names its split
    if how.modality:
        results["modality"] = how.modality
    with files.writing(folder):
        second.write_predictions(scores.header, scores.rows)
        second.write_results(results)
