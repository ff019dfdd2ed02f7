"""A run asked about each stretch of a recording, in constant memory, continued after a cut."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ...audio import io
from ...config.tasks import SerMultilabelConfig
from ...data import mel_statistics
from ...data.clips import crop
from ...errors import UserError
from ...files import writing
from .. import locks, normalisation
from ..asked_words import Asked
from ..folder import RunFolder
from ..predict import Predictor
from ..saved_folder import WEIGHTS
from . import speech
from .journal import DIGITS, Answer, Journal
from .settings import Heard
from .spans import Span, clips, grid, own, seconds
from .timeline import KEPT, Timeline

ENDS = 2**20  # bytes
AT_ONCE = 64  # stretches whose answers are one line of the journal

Progress = Callable[[int, int], None]


def answered(
    model: Predictor,
    asked: Asked,
    choice: Heard,
    folder: Path,
    force: bool = False,
    progress: Progress = lambda done, total: None,
) -> Timeline:
    """The timeline of a recording; what an earlier call has answered is read from `folder`.

    Args:
        choice: what is heard at once.
        force: replace a timeline of another recording or choice in `folder`.
        progress: called with stretches done and all of them.

    Raises UserError for a recording that cannot be read or has no sound, words that the run does
    not take, a choice that the model cannot hear, a folder that another process writes or that
    holds another timeline, and a run whose pooled vectors are normalised by speaker.
    """
    model.require_labels()
    choice = choice.of_model(longest(model), model.model.least_samples / io.SAMPLE_RATE)
    model.check_words(asked)
    if model.aligns:
        raise UserError(f"{model.folder}: it reads times of words, which no timeline has")
    if normalisation.pools_by_speaker(model.model.config):
        raise UserError(f"{model.folder}: model.pooled_norm=speaker: it answers about whole sets")
    fault, length_seconds = io.look(asked.audio, decode=False)
    if fault:
        raise UserError(f"{asked.audio}: {fault}")
    length = round(length_seconds * io.SAMPLE_RATE)
    identity = _identity(model, asked, choice)
    with writing(folder), locks.hold(folder / "progress"):
        journal = Journal(folder, identity, force)
        try:
            if journal.spans is None:
                journal.plan(_spans(asked.audio, choice, length))
            _continue(model, asked, journal, progress)
        finally:
            journal.close()
    if not any(labels for labels, _ in journal.answers):
        raise UserError(
            f"{asked.audio}: silent: nothing sounds in any of {len(journal.answers)} windows"
        )
    return _timeline(model, asked, choice, journal, length)


def longest(model: Predictor) -> float | None:
    """Seconds of a clip that a run hears at most; None: all."""
    kept, most = crop(model.config.dataset, model.model.config.max_seconds, is_training=False)
    return None if kept == "whole" else most


def _identity(model: Predictor, asked: Asked, choice: Heard) -> dict[str, Any]:
    """All that decides the answers; one that differs is another timeline."""
    try:
        facts = os.stat(asked.audio)
    except OSError as error:
        raise UserError(f"{asked.audio}: {error.strerror}") from error
    return {
        "run": _fingerprint(RunFolder(model.folder).model / WEIGHTS),
        "recording": [facts.st_size, facts.st_mtime_ns],
        "question": asked.question,
        "text": asked.text,
        **choice.to_dict(),
    }


def _fingerprint(path: Path) -> str:
    """A hash of a file's size, beginning and end: weights may be gigabytes."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        ends = [file.read(ENDS) for place in (0, max(0, size - ENDS)) if file.seek(place) >= 0]
    return hashlib.sha256(b"".join([str(size).encode(), *ends])).hexdigest()[:16]


def _spans(audio: str, choice: Heard, length: int) -> list[Span]:
    if choice.activity == "speech":
        found = speech.spans(io.stream(audio), choice.window)
        if not found:
            raise UserError(f"{audio}: no speech in it; --activity all takes all that sounds")
        return found
    window, hop = round(choice.window * io.SAMPLE_RATE), round(choice.hop * io.SAMPLE_RATE)
    return grid(length, window, hop)


def _continue(model: Predictor, asked: Asked, journal: Journal, progress: Progress) -> None:
    """Answers of the spans that have none yet."""
    assert journal.spans is not None
    total = len(journal.spans)
    progress(len(journal.answers), total)
    if journal.is_whole:
        return
    shared = _normalised(model, asked.audio)
    waiting = clips(io.stream(asked.audio), journal.spans[len(journal.answers) :])
    while waves := list(islice(waiting, AT_ONCE)):
        journal.add(_answers(model, asked, waves, shared))
        progress(len(journal.answers), total)


def _normalised(model: Predictor, audio: str) -> dict[str, Any]:
    """Fields of all clips of a run that is normalised by speaker: the recording is one speaker."""
    settings = model.model.config
    if not normalisation.normalises_by_speaker(settings):
        return {}
    found = mel_statistics.of_waves(io.stream(audio), settings.num_mel_bins)
    return {"mel_mean": found.mean, "mel_std": found.std}


def _answers(
    model: Predictor, asked: Asked, waves: Sequence[np.ndarray], shared: dict[str, Any]
) -> list[Answer]:
    """An answer for each waveform, an empty one where nothing sounds or too little is left."""
    least = max(1, model.model.least_samples, round(io.MIN_SECONDS * io.SAMPLE_RATE))
    is_heard = [len(wave) >= least and not io.is_silent(wave) for wave in waves]
    asking = [wave for wave, is_there in zip(waves, is_heard) if is_there]
    rows: Iterator[np.ndarray] = iter(model.answer_waves(asking, asked, shared) if asking else ())
    return [_best(next(rows)) if is_there else ([], []) for is_there in is_heard]


def _best(row: np.ndarray) -> Answer:
    order = np.argsort(-row, kind="stable")[:KEPT]
    return order.tolist(), [round(float(value), DIGITS) for value in row[order]]


def _timeline(
    model: Predictor, asked: Asked, choice: Heard, journal: Journal, length: int
) -> Timeline:
    spans = journal.spans
    assert spans is not None
    heard = seconds(spans)
    kept = min(KEPT, len(model.labels))
    best = np.full((len(spans), kept), -1, np.int32)
    values = np.full((len(spans), kept), np.nan, np.float32)
    for row, (labels, found) in enumerate(journal.answers):
        best[row, : len(labels)], values[row, : len(labels)] = labels, found
    note = ""
    if normalisation.normalises_by_speaker(model.model.config):
        note = "the whole recording is normalised as one speaker's"
    return Timeline(
        run=model.folder,
        audio=asked.audio,
        seconds=length / io.SAMPLE_RATE,
        question=asked.question,
        text=asked.text,
        note=note,
        activity=choice.activity,
        labels=tuple(model.labels),
        measure=model.measure,
        is_exclusive=not isinstance(model.config.task, SerMultilabelConfig),
        heard=heard,
        own=heard if choice.activity == "speech" else own(spans, length),
        best=best,
        values=values,
    )
