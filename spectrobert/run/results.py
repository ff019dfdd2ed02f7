"""results.json: each fact of a finished run once."""

import importlib.metadata
import subprocess
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import files
from . import card, checkpoints, weights
from .comet.logger import CometCurves
from .comet.scores import log_scores
from .run import Run
from .scores import Scores

PACKAGES = (
    "torch",
    "pytorch-lightning",
    "transformers",
    "datasets",
    "torchmetrics",
    "soundfile",
    "soxr",
)


def collect(
    run: Run,
    scores: Scores,
    control: Scores | None,
    monitor: dict[str, Any],
    validation: dict[str, float],
) -> dict[str, Any]:
    """The contents of results.json.

    Args:
        control: scores of the same split with its audio silenced, if there are any.
        monitor: the metric that chose the checkpoint, and which one it chose.
        validation: the last value of each metric of the validation split.
    """
    config = run.config
    evaluation = card.of_network(config, scores, run.data, run.split)
    return common(run, scores, evaluation, monitor, validation) | {
        "question_only": control.to_dict() if control else None,
        "epochs_run": run.trainer.current_epoch,
        "steps_run": run.trainer.global_step,
        "freeze": run.frozen.to_dict(),
        "prefix_cache": run.prefix.to_dict(),
        "init": asdict(config.init) | weights.names(config),
    }


def common(
    run: Run,
    scores: Scores,
    evaluation: card.Evaluation,
    monitor: dict[str, Any],
    validation: dict[str, float],
) -> dict[str, Any]:
    """Entries of results.json of every run, with a network or not; arguments as of `collect`."""
    config, prepared = run.config, run.prepared
    return {
        "experiment": config.experiment_name,
        "task": config.task.name,
        "dataset": config.dataset.name,
        "seed": config.seed,
        "fold": getattr(config.dataset, "fold", None),
        run.split: scores.to_dict(),
        "question_only": None,
        "evaluation": asdict(evaluation),
        "last_validation": validation,
        "monitor": monitor,
        "split": prepared.summary.to_dict(),
        "skipped_files": len(prepared.skipped),
        "unread_clips": {part: len(run.unread.clips(part)) for part in ("train", "val")},
        "dropped_rows": dict(Counter(row.reason for row in prepared.dropped)),
        "silence_audio": config.dataset.silence_audio,
        "versions": versions(),
        "git_commit": git_commit(),
        "seconds": run.seconds,
    }


def write(run: Run, results: dict[str, Any], scores: Scores, control: Scores | None) -> None:
    """Files of a finished run; results.json, which marks it as finished, after the others."""
    folder = run.folder
    unread = [*run.unread.clips("train"), *run.unread.clips("val"), *scores.unread]
    if unread:
        folder.add_skipped(unread)
    folder.write_predictions(scores.header, scores.rows)
    files.write_whole(folder.card, card.markdown(results, scores, control))
    folder.write_results(results)
    (folder.checkpoints / checkpoints.PREVIOUS).unlink(missing_ok=True)


def show_online(run: Run, results: dict[str, Any], scores: Scores) -> None:
    """Send the scores to Comet, if the run is there."""
    for logger in run.trainer.loggers:
        if isinstance(logger, CometCurves):
            log_scores(logger.experiment, run, results, scores)
            logger.experiment.end()


def versions() -> dict[str, str]:
    """Installed versions of what decides the numbers."""
    return {name: importlib.metadata.version(name) for name in PACKAGES}


def git_commit() -> str:
    """Commit of the code, with "+changes" if the tree differs from it; "" outside a checkout."""
    here = Path(__file__).parent

    def ask(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(here), *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        return ask("rev-parse", "HEAD") + ("+changes" if ask("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""
