"""Answers of a trained run for sound files of the user's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..audio import io
from ..audio.crop import window
from ..audio.segment import Segment
from ..config import AqaConfig, DatasetConfig, NumbersConfig, PretrainingConfig
from ..data import mel_statistics
from ..data.batches import collate
from ..data.clips import crop
from ..errors import UserError
from ..models.batch import IGNORED
from ..models.model import Model
from ..tasks import TASKS, Task
from ..tasks.pretraining import require_answers
from . import normalisation
from .scoring import label_names, load_run


@dataclass(frozen=True)
class Prediction:
    """Answers for one file: labels with probabilities or targets with values, the highest first."""

    audio: str
    seconds: float  # of the file
    used: tuple[float, float]  # first and last second of the stretch that the model heard
    ranked: tuple[tuple[str, float], ...]
    measure: str = "probability"  # or "value"
    note: str = ""  # on all predictions of a call


def predict(
    folder: str | Path, audio: Sequence[str], question: str = "", text: str = "", top: int = 5
) -> list[Prediction]:
    """Rank the labels of a finished run for each file.

    Args:
        folder: of the run.
        audio: sound files.
        question: needed by the AQA tasks, refused by the others.
        text: what is said or described; optional.
        top: how many labels to return.

    Raises UserError for a folder that is no finished run, a file that cannot be read, is silent
    where the model would hear it or shorter than its encoder's receptive field, a missing or
    superfluous question, or a text longer than the run's limit.
    """
    config, model, tokenizer = load_run(folder)
    name, is_aqa = config.task.name, isinstance(config.task, AqaConfig)
    if is_aqa and not question:
        raise UserError(f"{folder} answers questions ({name}): give --question")
    if question and not is_aqa:
        raise UserError(
            f"{folder} is a {name} run and takes no --question; give --text, or nothing"
        )
    ids = np.asarray(tokenizer(question or text)["input_ids"], dtype=np.int64)
    limit = config.dataset.max_text_length
    if len(ids) > limit:
        raise UserError(f"the text has {len(ids)} word pieces; this run reads {limit} at most")
    labels = label_names(model)
    task = TASKS[name](model, config.task, config.optim, labels)
    item = {"index": 0, "input_ids": ids}
    if isinstance(config.task, PretrainingConfig):
        require_answers(config.task)
        labels = ("match", "mismatch")
        item |= {"mlm_labels": np.full_like(ids, IGNORED), "matched": 1}
    measure = "value" if isinstance(config.task, NumbersConfig) else "probability"
    heard = [hear(path, config.dataset, model.config.max_seconds) for path in audio]
    for path, (*_, wave) in zip(audio, heard):
        _require_length(path, wave, model.least_samples)
    waves = [wave for *_, wave in heard]
    note, shared = _of_one_speaker(waves, model)
    items = [item | shared | {"waveform": wave} for wave in waves]
    predictions = []
    for path, (seconds, used, _), row in zip(audio, heard, _answers(task, items)):
        ranked = sorted(zip(labels, row), key=lambda pair: -pair[1])
        predictions.append(Prediction(path, seconds, used, tuple(ranked[:top]), measure, note))
    return predictions


def _answers(task: Task, items: list[dict[str, Any]]) -> list[list[float]]:
    """The answers for each clip: by itself, or all of one speaker together."""
    is_together = normalisation.pools_by_speaker(task.model.config)
    batches = [items] if is_together else [[item] for item in items]
    with torch.no_grad():
        outputs = [task.model(collate(batch)) for batch in batches]
    return [row for output in outputs for row in task.answers(output).tolist()]


def _of_one_speaker(waves: Sequence[np.ndarray], model: Model) -> tuple[str, dict[str, Any]]:
    """A note, and the fields by which all the files are normalised; empty of most models."""
    settings = model.config
    if not normalisation.adaptation(settings):
        return "", {}
    fields: dict[str, Any] = {"speaker": 0} if normalisation.pools_by_speaker(settings) else {}
    if normalisation.normalises_by_speaker(settings):
        measured = mel_statistics.of_waves(waves, settings.num_mel_bins)
        fields |= {"mel_mean": measured.mean, "mel_std": measured.std}
    files = "file is" if len(waves) == 1 else f"{len(waves)} files are"
    note = (
        f"the {files} normalised as one speaker's: call once per speaker, with as many recordings"
        " as there are"
    )
    return note, fields


def hear(
    path: str, options: DatasetConfig, model_seconds: float
) -> tuple[float, tuple[float, float], np.ndarray]:
    """Length of a file, the stretch that a run hears of it, and its waveform (T,).

    Raises UserError if the file cannot be read, or if the stretch holds no sound.
    """
    clip = (Segment(path),)
    kept, max_seconds = crop(options, model_seconds, is_training=False)
    seconds = io.duration(clip)
    start, end = window(seconds, max_seconds, kept)
    wave = io.read_clip(clip, max_seconds, kept)
    if io.is_silent(wave):
        raise UserError(
            f"{path}: silent: no sound from {start:.2f} to {end:.2f} s, which is what the run hears"
            f" of its {seconds:.1f} s"
        )
    return seconds, (start, end), np.zeros_like(wave) if options.silence_audio else wave


def _require_length(path: str, wave: np.ndarray, least: int) -> None:
    """Raise UserError for a clip that the model would hear together with made-up silence."""
    if len(wave) < least:
        raise UserError(
            f"{path}: too short: {len(wave) / io.SAMPLE_RATE:.4f} s; the model's speech encoder"
            f" needs {least / io.SAMPLE_RATE:.4f} s"
        )
