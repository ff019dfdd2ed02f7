"""Sound files of the user's as a run hears them.

Shapes: T samples, L word pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import numpy as np

from ..audio import io
from ..audio.crop import window
from ..audio.segment import Segment
from ..config import DatasetConfig
from ..data.stretch import crop
from ..errors import UserError
from .asked_words import Asked
from .prediction import Failed

Result = TypeVar("Result")


class Heard(NamedTuple):
    """A file as the model gets it."""

    asked: Asked
    seconds: float
    used: tuple[float, float]
    wave: np.ndarray  # (T,)
    ids: np.ndarray  # (L,)
    times: dict[str, np.ndarray]  # of words, if the model reads them
    streams: Mapping[str, np.ndarray] = MappingProxyType({})  # besides audio, by field of a batch


def tried(audio: str, work: Callable[[], Result]) -> Result | Failed:
    """The result of work for a file, or its error."""
    try:
        return work()
    except UserError as error:
        return Failed(audio, str(error))


def require_heard(read: Heard | Failed) -> Heard:
    """The file as it is heard. Raises UserError with the reason of one that is not."""
    if isinstance(read, Failed):
        raise UserError(read.reason)
    return read


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


def require_length(path: str, wave: np.ndarray, least: int) -> None:
    """Raise UserError for a clip that the model would hear together with made-up silence."""
    if len(wave) < least:
        raise UserError(
            f"{path}: too short: {len(wave) / io.SAMPLE_RATE:.4f} s; the model's speech encoder"
            f" needs {least / io.SAMPLE_RATE:.4f} s"
        )
