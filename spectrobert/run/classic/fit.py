"""The classic recipe in order: features, choice of the cost on validation, second fit, scores."""

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import datasets
import numpy as np
import torch

from ... import metrics
from ...audio import opensmile_features
from ...config.classic import FEATURES
from ...data import clip_features, split_record
from ...data.clip_features import Clip, Features
from ...data.clips import columns, segments
from ...errors import UserError
from ...models.model import Model
from ...tasks import Task
from .. import announcement, build, card, normalisation, progress, results, scoring, terminal_scores
from ..loaders import automatic_workers
from ..preemption import leave_to_parent
from ..run import Run
from ..scores import Scores
from ..unread import UnreadClips
from .svm import Machine, Rows, by_speaker

ADAPTATION = (
    "features are normalised by statistics of each speaker's own clips, those of this split"
    " included, without their labels (unsupervised adaptation)"
)
CLASSIFIERS = {"linear_svm": "linear SVM", "rbf_svm": "SVM with RBF kernel"}


class NoNetwork(torch.nn.Module):
    """In place of a task's network: the task lends its labels, metrics and predictions alone."""

    config = SimpleNamespace()

    def parts(self) -> dict[str, Any]:
        """None."""
        return {}


class Choice(NamedTuple):
    """The cost that validation chose."""

    cost: float
    value: float | None  # of task.monitor; None if nothing validates
    validation: dict[str, float]  # metric -> value at this cost


def fit(run: Run) -> dict[str, Any]:
    """Fit and score a run that has been prepared, and write its directory.

    Returns the contents of results.json. Raises UserError if validation cannot choose the cost, or
    too many clips cannot be read.
    """
    _require(run)
    task = build.task(run.config, cast(Model, NoNetwork()), run.prepared)
    _write_inputs(run)
    features = _features(run)
    rows = _rows(run, features)
    choice = _choose(run, task, rows)
    margins = _margins(run, rows, choice.cost)
    run.seconds = time.monotonic() - run.began
    scores = scoring.summarise(
        run.config,
        task,
        run.prepared,
        run.split,
        scoring.Answered(features[run.split].places, margins, rows[run.split].labels),
        run.unread.clips(run.split),
        _adaptation(run),
    )
    return _write(run, scores, choice, features[run.split].values.shape[1])


def _require(run: Run) -> None:
    """Raise UserError if nothing can choose among several costs, or speakers are not known."""
    if _adaptation(run):
        normalisation.require_speakers(run.prepared, "dataset.normalize=speaker")
    if not len(run.prepared.splits["val"]) and len(run.config.classic.grid) > 1:
        raise UserError(
            f"dataset.val_share={run.config.dataset.val_share} leaves no validation split to choose"
            f" among {len(run.config.classic.grid)} costs: name one, classic.costs=[1e-4]"
        )


def _adaptation(run: Run) -> str:
    return ADAPTATION if run.config.dataset.normalize == "speaker" else ""


def _write_inputs(run: Run) -> None:
    """Print what is about to happen, and write config.yaml, split.csv and skipped.csv."""
    run.log(opensmile_features.LICENCE)
    announcement.show_corpus(run, _adaptation(run))
    unused = announcement.show_unused(run)
    run.folder.write_config(run.config)
    assert run.prepared.record is not None
    split_record.write(run.folder.split, run.prepared.record)
    run.folder.write_skipped(unused)


def _features(run: Run) -> dict[str, Features]:
    """Features of the splits that are used; the test split of a search is not."""
    run.unread = UnreadClips(run.prepared, run.config.dataset.max_skipped, run.console)
    used = dict.fromkeys(("train", "val", run.split))
    found = {}
    with _mapping(run) as mapped:
        for split in (name for name in used if len(run.prepared.splits[name])):
            found[split] = _of_split(run, run.prepared.splits[split], mapped, split)
            run.unread.add(split, found[split].unread)
    return found


def _of_split(run: Run, rows: datasets.Dataset, mapped: clip_features.Map, split: str) -> Features:
    options, name = run.config.dataset, FEATURES[run.config.classic.features]

    def make(audio: Any) -> Clip:
        return Clip.of(segments(audio), options, name)

    what = f"{options.name}: {name} of {split}"
    with progress.counting(what, run.console, run.config.trainer) as show:
        return clip_features.read(rows, make, mapped, show)


@contextmanager
def _mapping(run: Run) -> Iterator[clip_features.Map]:
    """`map` over trainer.num_workers processes."""
    workers = automatic_workers(run.config.trainer.num_workers)
    if not workers:
        yield map
        return
    pool = ProcessPoolExecutor(workers, initializer=leave_to_parent, initargs=(0,))
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)


def _rows(run: Run, features: dict[str, Features]) -> dict[str, Rows]:
    """Features and labels of each split, normalised by speaker if that is asked for."""
    number = {label: i for i, label in enumerate(run.prepared.labels)}
    rows = []
    for split, found in features.items():
        table = columns(run.prepared.splits[split], "label", "speaker").take(found.places)
        labels = np.array([number[label] for label in table["label"].to_pylist()], int)
        rows.append(Rows(found.values, labels, table["speaker"].to_pylist()))
    return dict(zip(features, by_speaker(rows) if _adaptation(run) else rows))


def _choose(run: Run, task: Task, rows: dict[str, Rows]) -> Choice:
    """The cost of the best `task.monitor` on validation, the smaller of equals."""
    options = run.config.classic
    if "val" not in rows:
        return Choice(options.grid[0], None, {})
    machine = Machine(options.classifier, rows["train"], len(task.labels))
    margins = machine.margins(rows["val"].features)
    name, truth = task.config.monitor.removeprefix("val/"), rows["val"].labels
    made = []
    for cost in options.grid:
        found = metrics.values(task.statistics(margins(cost), truth), len(truth))
        logged = {f"val/{known}": value for known, value in found.items()}
        task.require_monitor(logged)
        made.append(Choice(cost, found[name], logged))
        run.log(f"C={cost:g}: {task.config.monitor} {found[name]:.4f}")
    best = max if task.config.mode == "max" else min
    return best(made, key=lambda choice: choice.value or 0.0)


def _margins(run: Run, rows: dict[str, Rows], cost: float) -> np.ndarray:
    """Margins (N, C) of the split that is scored, by an SVM fitted on train and validation."""
    fitted = [rows[split] for split in ("train", "val") if split in rows and split != run.split]
    machine = Machine(run.config.classic.classifier, Rows.joined(fitted), len(run.prepared.labels))
    return machine.margins(rows[run.split].features)(cost)


def _write(run: Run, scores: Scores, choice: Choice, num_features: int) -> dict[str, Any]:
    """Files of the finished run; prints its scores. Returns the contents of results.json."""
    config = run.config
    monitor: dict[str, Any] = {"name": config.task.monitor, "checkpoint": "last"}
    if choice.value is not None:
        monitor["value"] = choice.value
    audio = card.heard(run.prepared, config.dataset, clip_features.NO_LIMIT, run.split)
    evaluation = card.evaluation(config, scores, audio, "not read")
    written = results.common(run, scores, evaluation, monitor, choice.validation)
    written |= {"epochs_run": 1, "steps_run": 0, "classic": _facts(run, choice, num_features)}
    results.write(run, written, scores, None)
    title = f"{config.experiment_name}: {run.split} split, {config.dataset.name}"
    terminal_scores.show(run.console, scores, title)
    run.log(f"results: {run.folder.results}")
    return written


def _facts(run: Run, choice: Choice, num_features: int) -> dict[str, Any]:
    """The recipe as results.json and the card have it."""
    options = run.config.classic
    version = opensmile_features.version()
    own = "each speaker's own clips, without their labels"
    return {
        "features": f"openSMILE {FEATURES[options.features]}, {num_features} functionals"
        f" (opensmile {version}; research use only)",
        "normalised by": own if _adaptation(run) else "training clips",
        "classifier": f"{CLASSIFIERS[options.classifier]}, C={choice.cost:g}",
        "costs": ", ".join(f"{cost:g}" for cost in options.grid),
        "fitted on": "train" if run.split == "val" else "train and validation",
        "probabilities": "softmax of the margins, not calibrated",
        "cost": choice.cost,
    }
