"""The statistics by which a run normalises its spectrograms (`dataset.normalize`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..config import Config, DatasetConfig
from ..data.clips import columns
from ..errors import UserError

if TYPE_CHECKING:
    from ..data.preparation import Prepared


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
    if wanted in ("corpus", "clip"):
        from ..data import mel_statistics  # which only some runs need

        train, options = prepared.splits["train"], config.dataset
        measured = mel_statistics.of_training(
            train, options, settings.max_seconds, settings.num_mel_bins
        )
        settings.mel_std = measured.std.tolist()
        if wanted == "corpus":
            settings.mel_mean = measured.mean.tolist()


def by_speaker(
    options: DatasetConfig, settings: Any, prepared: Prepared
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Mean and deviation per mel bin of each speaker, if spectrograms are normalised by them.

    Raises UserError if a clip has no speaker.
    """
    if not normalises_by_speaker(settings):
        return {}
    from ..data import mel_statistics

    require_speakers(prepared, "dataset.normalize=speaker")
    measured = mel_statistics.by_speaker(
        prepared.splits.values(), options, settings.max_seconds, settings.num_mel_bins
    )
    return {name: (found.mean, found.std) for name, found in measured.items()}


def speakers(settings: Any, prepared: Prepared) -> dict[str, int]:
    """The number of each speaker, if pooled vectors are normalised by them.

    Raises UserError if a clip has no speaker.
    """
    if not pools_by_speaker(settings):
        return {}
    names = require_speakers(prepared, "model.pooled_norm=speaker")
    return {name: number for number, name in enumerate(sorted(set(names)))}


def require_speakers(prepared: Prepared, option: str) -> list[str]:
    """The speakers of all rows. Raises UserError if one has none."""
    names: list[str] = []
    for split in prepared.splits.values():
        table = columns(split, "id", "speaker")
        for row_id, speaker in zip(table["id"].to_pylist(), table["speaker"].to_pylist()):
            if not speaker:
                raise UserError(f"{option}: clip {row_id} has no speaker")
            names.append(speaker)
    return names


def normalises_by_speaker(settings: Any) -> bool:
    """True for a model whose spectrograms are normalised by speaker."""
    return getattr(settings, "normalization", "") == "speaker"


def pools_by_speaker(settings: Any) -> bool:
    """True for a model whose pooled vectors are normalised by speaker."""
    is_pooled = getattr(settings, "pooled_norm", "") == "speaker"
    return is_pooled and settings.head == "classification"


def adaptation(settings: Any) -> str:
    """A sentence for all outputs of a model that is normalised by speaker; "" for another."""
    parts = {
        "spectrograms": normalises_by_speaker(settings),
        "pooled vectors": pools_by_speaker(settings),
    }
    adapted = " and ".join(part for part, is_adapted in parts.items() if is_adapted)
    if not adapted:
        return ""
    return (
        f"{adapted} are normalised by statistics of each speaker's own clips, those that are scored"
        " included, without their labels (unsupervised adaptation)"
    )
