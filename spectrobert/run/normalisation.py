"""The statistics by which a run normalises its spectrograms (`dataset.normalize`)."""

from typing import Any

import numpy as np

from ..config import Config, DatasetConfig
from ..data import mel_statistics
from ..data.preparation import Prepared
from ..errors import UserError


def choose(config: Config, settings: Any, prepared: Prepared) -> None:
    """Set the normalisation of a model that is about to be built, in its configuration.

    Raises UserError for a model that has no spectrogram of this kind, and if no clip can be
    measured.
    """
    wanted = config.dataset.normalize
    if wanted == "auto":
        return
    if not hasattr(settings, "normalization"):
        raise UserError(
            f"dataset.normalize={wanted}: it is of SpectroBERT's spectrograms; a composite model"
            " (model=whisper_base and the like) hears what its encoder was trained on"
        )
    settings.normalization = wanted
    if wanted == "corpus":
        train, options = prepared.splits["train"], config.dataset
        measured = mel_statistics.of_training(
            train, options, settings.max_seconds, settings.num_mel_bins
        )
        settings.mel_mean, settings.mel_std = measured.mean.tolist(), measured.std.tolist()


def by_speaker(
    options: DatasetConfig, settings: Any, prepared: Prepared
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Mean and deviation per mel bin of each speaker, if the model is normalised by them.

    Raises UserError if a clip has no speaker.
    """
    if not adapts(settings):
        return {}
    measured = mel_statistics.by_speaker(
        prepared.splits.values(), options, settings.max_seconds, settings.num_mel_bins
    )
    return {name: (found.mean, found.std) for name, found in measured.items()}


def adapts(settings: Any) -> bool:
    """True for a model that is normalised by speaker: its scores say so."""
    return getattr(settings, "normalization", "") == "speaker"
