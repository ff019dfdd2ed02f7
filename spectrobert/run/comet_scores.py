"""What Comet shows of a finished run beside its curves."""

from __future__ import annotations

import json
from typing import Any

import torch

from ..audio import io
from ..data.clips import ClipDataset, crop, segments
from ..models.freezing import FreezeSummary
from ..tasks import Task
from .embeddings import cls_embeddings
from .folder import RunFolder
from .loaders import DataModule
from .scoring import Scores

MAX_CURVES = 10  # classes with a ROC curve each
MAX_EMBEDDINGS = 500
SOUNDS = 4  # of the surest right answers, and as many of the surest wrong ones


def log_scores(
    experiment: Any,
    folder: RunFolder,
    results: dict[str, Any],
    scores: Scores,
    task: Task,
    data: DataModule,
    frozen: FreezeSummary,
) -> None:
    """Send scores, tables, curves, embeddings and sounds of the test split, and the run's files.

    Raises nothing for want of a network: Comet's own threads do the sending.
    """
    experiment.log_metrics({f"{scores.split}/{k}": v for k, v in scores.values.items()})
    experiment.log_others(
        {
            "git_commit": results["git_commit"],
            "split": results["split"]["definition"],
            "n_test": scores.n,
            "tested_at_epoch": results["monitor"].get("epoch"),
            "freeze": frozen.name,
            "trainable_parameters": frozen.trainable,
            "all_parameters": frozen.total,
        }
    )
    experiment.log_asset_data(json.dumps(frozen.to_dict(), indent=2), name="freeze.json")
    experiment.log_asset_data(json.dumps(results, indent=2), name=folder.results.name)
    for path in (folder.config, folder.predictions, folder.skipped):
        experiment.log_asset(str(path), file_name=path.name, copy_to_tmp=False)
    if scores.confusion_matrix:
        experiment.log_confusion_matrix(
            matrix=scores.confusion_matrix,
            labels=list(scores.labels),
            max_categories=len(scores.labels),
            title="test split",
        )
        log_roc_curves(experiment, scores)
    if scores.labels:
        log_embeddings(experiment, task, data)
        log_sounds(experiment, scores, data)


def log_roc_curves(experiment: Any, scores: Scores) -> None:
    """One curve a class, against all others."""
    from torchmetrics.functional.classification import binary_roc

    columns = {name: i for i, name in enumerate(scores.header)}
    for label in scores.labels[:MAX_CURVES]:
        column = columns.get(f"p_{label}")
        if column is None:
            continue
        truth = torch.tensor([row[columns["label"]] == label for row in scores.rows]).long()
        if truth.float().mean() in (0, 1):
            continue  # a curve needs both sides
        sure = torch.tensor([float(row[column]) for row in scores.rows])
        false_positives, true_positives, _ = binary_roc(sure, truth)
        experiment.log_curve(f"ROC {label}", x=false_positives.tolist(), y=true_positives.tolist())


def log_embeddings(experiment: Any, task: Task, data: DataModule) -> None:
    """h_[CLS] of clips of the test split, coloured by their label."""
    rows = data.prepared.splits["test"]
    clips = ClipDataset(rows, data.read_options, is_training=False)
    index, vectors = cls_embeddings(task.model, clips, MAX_EMBEDDINGS)
    labels = list(rows.select(index)["label"])
    experiment.log_embedding(vectors.tolist(), labels, title="h_[CLS] of the test split")


def log_sounds(experiment: Any, scores: Scores, data: DataModule) -> None:
    """A few clips with what was asked, what is right and what the model said."""
    columns = {name: i for i, name in enumerate(scores.header)}
    rows = data.prepared.splits["test"]
    numbers = {name: i for i, name in enumerate(rows["id"])}
    kept, max_seconds = crop(
        data.read_options.dataset, data.read_options.model_seconds, is_training=False
    )

    def sureness(row: list[Any]) -> float:
        return -float(row[columns["p_prediction"]])

    ranked = sorted(scores.rows, key=sureness)
    right = [r for r in ranked if r[columns["label"]] == r[columns["prediction"]]][:SOUNDS]
    wrong = [r for r in ranked if r[columns["label"]] != r[columns["prediction"]]][:SOUNDS]
    for verdict, chosen in (("right", right), ("wrong", wrong)):
        for row in chosen:
            clip = rows[numbers[row[columns["id"]]]]
            wave = io.read_clip(segments(clip["audio"]), max_seconds, kept)
            said = {name: row[columns[name]] for name in ("label", "prediction", "p_prediction")}
            name = clip["id"].replace("/", "-")
            experiment.log_audio(
                wave,
                sample_rate=io.SAMPLE_RATE,
                file_name=f"{verdict}-{name}.wav",
                metadata={"id": clip["id"], "text": clip["text"], **said},
            )
