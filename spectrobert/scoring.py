"""Scores of a trained model on one split: metrics, their intervals, a table of predictions."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from rich.console import Console
from rich.table import Table

from . import build, files, metrics, runs
from .config import Config
from .data.datamodule import DataModule
from .data.preparation import prepare
from .data.vocabulary import load
from .errors import UserError
from .models.registry import MODELS
from .models.spectrobert import SpectroBert
from .pretrained import saved_config
from .tasks import Task

TOP = 10  # most classes whose probabilities are written out


@dataclass
class Scores:
    """Of one split."""

    split: str
    n: int
    values: dict[str, float]
    # 95 %, see metrics.bootstrap_interval
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    confusion_matrix: list[list[int]] = field(default_factory=list)  # rows true, columns predicted
    predicted_histogram: dict[str, int] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    rows: list[list[Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """For results.json: all but the predictions."""
        shown: dict[str, Any] = {"split": self.split, "n": self.n, "metrics": self.values}
        shown["intervals"] = {name: list(pair) for name, pair in self.intervals.items()}
        if self.labels:
            shown |= {
                "labels": list(self.labels),
                "predicted_histogram": self.predicted_histogram,
            }
            if len(self.labels) <= 50:
                shown["confusion_matrix"] = self.confusion_matrix
        return shown


def score(config: Config, task: Task, data: DataModule, split: str) -> Scores:
    """Run the model over a split, once."""
    options = config.trainer
    trainer = pl.Trainer(
        accelerator="gpu" if options.accelerator == "cuda" else "cpu",
        devices=1,
        precision=build.precision(options),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    data.trainer = trainer
    loader = data.test_dataloader() if split == "test" else data.val_dataloader()
    task.eval()
    trainer.test(task, dataloaders=loader, verbose=False)
    values = task.test_metrics.compute()
    rows = data.prepared.splits[split]
    index = torch.cat([i for i, _ in task.rows]).numpy()
    logits = torch.cat([x for _, x in task.rows])
    order = np.argsort(index, kind="stable")
    index, logits = index[order], logits[torch.from_numpy(order)]
    scores = Scores(split, len(index), values)
    if task.labels:
        _add_classes(scores, task, rows, index, logits)
    else:
        _add_pairs(scores, rows, index, logits)
    return scores


def _groups(rows: Any) -> list[str]:
    """What is resampled together: the speaker's rows, else the group's, else a row alone."""
    return [s or g or i for s, g, i in zip(rows["speaker"], rows["group"], rows["id"])]


def _add_pairs(scores: Scores, rows: Any, index: np.ndarray, pairs: torch.Tensor) -> None:
    """Of pre-training: (N, 2) match logit and whether the audio belonged to the text."""
    logits, matched = pairs.T
    chosen = rows.select(index)
    groups = _groups(chosen)
    truth, predicted = matched.long().numpy(), (logits > 0).long().numpy()
    interval = metrics.bootstrap_interval(metrics.accuracy_of, truth, predicted, groups)
    scores.intervals = {"sap_accuracy": interval}
    scores.header = ("id", "group", "matched", "p_match")
    scores.rows = [
        [row_id, group, int(t), f"{p:.6f}"]
        for row_id, group, t, p in zip(chosen["id"], groups, truth, logits.sigmoid().tolist())
    ]


def _add_classes(
    scores: Scores, task: Task, rows: Any, index: np.ndarray, logits: torch.Tensor
) -> None:
    names = task.labels
    number = {label: i for i, label in enumerate(names)}
    chosen = rows.select(index)
    truth = np.array([number[label] for label in chosen["label"]])
    probabilities = logits.double().softmax(dim=-1).numpy()
    predicted = probabilities.argmax(axis=1)
    groups = _groups(chosen)
    scores.labels = names
    scores.intervals = {
        "accuracy": metrics.bootstrap_interval(metrics.accuracy_of, truth, predicted, groups),
        "unweighted_accuracy": metrics.bootstrap_interval(
            metrics.unweighted_accuracy_of, truth, predicted, groups
        ),
    }
    assert isinstance(task.test_metrics, metrics.ClassificationMetrics)
    scores.confusion_matrix = task.test_metrics.confusion_matrix()
    counts = task.test_metrics.predicted_histogram()
    scores.predicted_histogram = {name: n for name, n in zip(names, counts) if n}
    shown = list(range(len(names))) if len(names) <= TOP else []
    scores.header = (
        "id",
        "group",
        "label",
        "prediction",
        "p_prediction",
        *(f"p_{names[i]}" for i in shown),
    )
    scores.rows = [
        [row_id, group, names[t], names[p], f"{q[p]:.6f}", *(f"{q[i]:.6f}" for i in shown)]
        for row_id, group, t, p, q in zip(chosen["id"], groups, truth, predicted, probabilities)
    ]


def show(console: Console, scores: Scores, title: str) -> None:
    """A table of the scores."""
    table = Table(title=f"{title} (n={scores.n})")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    for name, value in scores.values.items():
        low_high = scores.intervals.get(name)
        table.add_row(
            name, f"{value:.4f}", f"{low_high[0]:.4f} - {low_high[1]:.4f}" if low_high else ""
        )
    console.print(table)
    if scores.predicted_histogram:
        parts = sorted(scores.predicted_histogram.items(), key=lambda pair: -pair[1])[:TOP]
        console.print(
            "predicted: " + ", ".join(f"{name} {count}" for name, count in parts),
            highlight=False,
            soft_wrap=True,
        )


def load_run(folder: Path) -> tuple[Config, SpectroBert, Any]:
    """Configuration, model and tokenizer of a finished run. Raises UserError if it is none."""
    config = runs.read_config(folder)
    runs.read_results(folder)
    architecture = saved_config(str(folder)).architecture
    model = MODELS[architecture].from_pretrained(folder / "model").eval()
    return config, model, load(str(folder / "model"))


def evaluate(
    folder: Path, split: str = "test", data_dir: str = "", silence_audio: bool = False
) -> Scores:
    """Score a finished run again from its directory alone.

    Args:
        silence_audio: zero every waveform, to see what the text alone answers.

    Raises UserError where the directory is no finished run, or its corpus is gone or has changed.
    """
    if split not in ("val", "test"):
        raise UserError(f"--split {split!r}: allowed are val, test")
    config, model, words = load_run(folder)
    config.dataset.silence_audio = config.dataset.silence_audio or silence_audio
    prepared = prepare(config.task.name, config.dataset, data_dir or config.data_dir)
    names = (
        tuple(model.config.id2label[i] for i in range(len(model.config.id2label)))
        if prepared.labels
        else ()
    )
    if names != prepared.labels:
        raise UserError(
            f"the labels of {config.dataset.name} have changed since {folder} was trained"
        )
    task = build.task(config, model, prepared)
    return score(config, task, build.datamodule(config, prepared, words), split)


def write(folder: Path, run: Path, scores: Scores, silence_audio: bool) -> None:
    """A second scoring of a run, as files of the run's own names and keys."""
    results = runs.read_results(run)
    results["silence_audio"] = results["silence_audio"] or silence_audio
    results["test"] = scores.to_dict()  # names its split
    files.write_table(folder / "predictions.csv", scores.header, scores.rows)
    files.write_whole(folder / runs.RESULTS, json.dumps(results, indent=2))
