"""Scores of a finished run in Comet: metrics, facts, curves, embeddings, sounds, files."""

import json
from typing import Any

from ...audio import io
from ...data.clips import crop, segments
from .. import card
from ..confidence import is_right, roc_curves, surest
from ..embeddings import cls_embeddings
from ..loaders import DataModule
from ..run import Run
from ..scores import Scores

MAX_EMBEDDINGS = 500
SOUNDS = 4  # of the surest right answers, and as many of the surest wrong ones


def log_scores(experiment: Any, run: Run, results: dict[str, Any], scores: Scores) -> None:
    """Send the scores of a run and its files.

    Raises nothing without a network: Comet's own threads do the sending.
    """
    folder = run.folder
    frozen = results["freeze"]
    experiment.log_metrics({f"{scores.split}/{k}": v for k, v in scores.values.items()})
    experiment.log_others(
        card.facts(results)
        | {
            "git_commit": results["git_commit"],
            "n_test": scores.n,
            "tested_at_epoch": results["monitor"].get("epoch"),
            "freeze": frozen["name"],
            "trainable_parameters": frozen["trainable"],
            "all_parameters": frozen["total"],
        }
    )
    experiment.log_asset_data(json.dumps(frozen, indent=2), name="freeze.json")
    experiment.log_asset_data(json.dumps(results, indent=2), name=folder.results.name)
    for path in (folder.config, folder.predictions, folder.skipped, folder.card):
        experiment.log_asset(str(path), file_name=path.name, copy_to_tmp=False)
    if scores.confusion_matrix:
        experiment.log_confusion_matrix(
            matrix=scores.confusion_matrix,
            labels=list(scores.labels),
            max_categories=len(scores.labels),
            title="test split",
        )
    if scores.labels:
        for label, curve in roc_curves(scores.predictions, scores.labels).items():
            experiment.log_curve(f"ROC {label}", x=curve.false_positives, y=curve.true_positives)
        clips, vectors = cls_embeddings(run.model, run.data.clips("test"), MAX_EMBEDDINGS)
        title = f"{'h_[CLS]' if run.model.is_joint else 'embeddings'} of the test split"
        experiment.log_embedding(vectors.tolist(), list(clips["label"]), title=title)
        log_sounds(experiment, scores, run.data)


def log_sounds(experiment: Any, scores: Scores, data: DataModule) -> None:
    """A few clips with their text, label and prediction."""
    rows = data.prepared.splits["test"]
    numbers = {row_id: i for i, row_id in enumerate(rows["id"])}
    reading = data.read_options
    kept, max_seconds = crop(reading.dataset, reading.model_seconds, is_training=False)
    for row in surest(scores.predictions, SOUNDS, SOUNDS):
        clip = rows[numbers[row["id"]]]
        verdict, name = "right" if is_right(row) else "wrong", clip["id"].replace("/", "-")
        shown = {column: row[column] for column in ("id", "label", "prediction", "p_prediction")}
        experiment.log_audio(
            io.read_clip(segments(clip["audio"]), max_seconds, kept),
            sample_rate=io.SAMPLE_RATE,
            file_name=f"{verdict}-{name}.wav",
            metadata=shown | {"text": clip["text"]},
        )
