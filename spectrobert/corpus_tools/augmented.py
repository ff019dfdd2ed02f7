"""Pictures and sounds of a clip as augmentation leaves it."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import soundfile
import torch
from matplotlib import rc_context
from matplotlib.figure import Figure
from torch.nn.utils.rnn import pad_sequence

from .. import files
from ..audio import features, io
from ..config import AugmentConfig
from ..config.augment import EFFECTS
from ..data.augmentation import Augmentation
from ..data.mel_statistics import spectrogram
from ..models.augmentation import augment, mix
from ..models.batch import Batch
from .plots import DPI, in_turns, png, show_mels
from .stats import Statistics

NUM_DRAWS = 3  # of all effects together, as in so many epochs
SECONDS = 10.0
MIX_SHARE = 0.6  # of the clip, in the mixture that is shown


class Shown(NamedTuple):
    """A form of the clip."""

    name: str
    wave: np.ndarray  # (T,)
    mels: np.ndarray  # (F, M)


def draw(statistics: Statistics, options: AugmentConfig, folder: Path, seed: int) -> list[Path]:
    """Write `augmentation.png` and the sounds `augmentation/<effect>.wav`; returns their paths.

    Nothing is written if no clip can be read.
    """
    clips = _clips(statistics, seed)
    if not clips:
        return []
    shown = list(forms(clips, options, statistics.log_mel.num_bins, seed))
    sounds = [folder / "augmentation" / f"{form.name.replace(' ', '_')}.wav" for form in shown]
    for path, form in zip(sounds, shown):
        files.write_whole(path, _wav(form.wave))
    picture = folder / "augmentation.png"
    with rc_context({"text.parse_math": False}):
        files.write_whole(picture, png(_figure(shown, options.name)))
    return [picture, *sounds]


def forms(
    clips: list[np.ndarray], options: AugmentConfig, num_bins: int, seed: int
) -> Iterator[Shown]:
    """The clip as it is, under each effect by itself, and under all of them in some epochs."""
    wave = clips[0]
    plain = spectrogram(wave, num_bins)
    yield Shown("as it is", wave, plain)
    for name in EFFECTS:
        if getattr(options, name):
            changed = _alone(name, options)(wave, np.random.default_rng([seed, 0]))
            yield Shown(name, changed, spectrogram(changed, num_bins))
    if options.mixup:
        yield _mixture(clips, num_bins)
    augmentation = Augmentation(options)
    for epoch in range(NUM_DRAWS):
        generator = np.random.default_rng([seed, 1, epoch])
        changed = augmentation(wave, generator)
        drawn = augmentation.draw(len(changed) / io.SAMPLE_RATE, generator)
        mels = _seen(spectrogram(changed, num_bins), drawn)
        yield Shown(f"epoch {epoch + 1}", changed, mels)


def _alone(effect: str, options: AugmentConfig) -> Augmentation:
    """One effect, which is always met."""
    alone = replace(options)
    for other in EFFECTS:
        setattr(alone, other, float(other == effect))
    return Augmentation(replace(alone, crop_seconds=0.0))


def _wav(wave: np.ndarray) -> bytes:
    file = BytesIO()
    soundfile.write(file, wave, io.SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def _clips(statistics: Statistics, seed: int) -> list[np.ndarray]:
    """The first two clips, in an order drawn by `seed`, that can be read."""
    read: list[np.ndarray] = []
    for clip in in_turns(statistics, seed):
        if len(read) == 2:
            break
        with suppress(io.AudioError):
            read.append(io.read_clip(clip, SECONDS))
    return read


def _mixture(clips: list[np.ndarray], num_bins: int) -> Shown:
    """Two clips in one; the sound is a mixture of waveforms, the model's is one of spectrograms."""
    mels = [spectrogram(clip, num_bins) for clip in (clips[0], clips[-1])]
    return Shown("mixup", _mixed(clips[0], clips[-1]), _mixed(*mels))


def _mixed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two arrays over time as training mixes them, as long as the first."""
    both = [torch.from_numpy(values) for values in (first, second)]
    lengths = torch.tensor([len(values) for values in both])
    shares: Batch = {
        "mix_weight": torch.tensor([MIX_SHARE, 1.0]),
        "mix_with": torch.tensor([1, 0]),
    }
    return mix(pad_sequence(both, batch_first=True), lengths, shares)[0, : len(first)].numpy()


def _seen(mels: np.ndarray, drawn: dict[str, Any]) -> np.ndarray:
    """A spectrogram filtered and masked as in training; masked places have its mean."""
    level, scale = mels.mean(), mels.std()
    fields: dict[str, Any] = {
        name: torch.from_numpy(drawn[name])[None]
        for name in ("masks", "mel_gains")
        if name in drawn
    }
    normal = torch.from_numpy((mels - level) / scale)[None]
    seen = augment(
        normal,
        torch.tensor([len(mels)]),
        cast(Batch, fields),
        features.HOP / features.SAMPLE_RATE,
    )
    return seen[0].numpy() * scale + level


def _figure(shown: list[Shown], name: str) -> Figure:
    rows = -(-len(shown) // 3)
    figure = Figure(figsize=(10, 0.7 + 1.7 * rows), layout="constrained", dpi=DPI)
    grid = figure.subplots(rows, 3, squeeze=False)
    low, high = np.percentile(shown[0].mels, [1, 99.9])
    for axes, form in zip(grid.flat, shown):
        show_mels(axes, form.mels, low, high)
        axes.set_title(form.name, fontsize=8)
    for axes in grid.flat[len(shown) :]:
        axes.axis("off")
    figure.supxlabel("seconds", fontsize=9)
    figure.supylabel("Hz", fontsize=9)
    figure.suptitle(
        f"augment={name}: a clip, each effect by itself, all in three epochs", fontsize=11
    )
    return figure
