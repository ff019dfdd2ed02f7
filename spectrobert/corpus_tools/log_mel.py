"""Level and spread of a corpus' spectrograms, for `model.audio_mean` and `model.audio_std`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import cast

import numpy as np

from ..audio import io
from ..audio.crop import Crop
from ..audio.segment import Segment
from ..config import DatasetConfig
from ..data import splits
from ..data.mel_statistics import spectrogram
from ..data.threads import in_threads

CHUNK = 64  # decoded clips that wait to be measured

Clip = tuple[Segment, ...]


@dataclass(frozen=True)
class Moments:
    """Mean and spread of values seen so far, in float64."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0  # sum of squared distances from the mean

    @property
    def std(self) -> float:
        """Population standard deviation."""
        return (self.squares / self.count) ** 0.5 if self.count else 0.0

    def joined(self, other: Moments) -> Moments:
        """Moments of the values of both (Chan et al. 1983)."""
        count = self.count + other.count
        if not count:
            return self
        apart = other.mean - self.mean
        mean = self.mean + apart * other.count / count
        between = apart**2 * self.count * other.count / count
        return Moments(count, mean, self.squares + other.squares + between)


def moments(values: np.ndarray) -> Moments:
    """Moments of all values of an array."""
    exact = values.astype(np.float64)
    mean = float(exact.mean())
    return Moments(exact.size, mean, float(np.square(exact - mean).sum()))


@dataclass(frozen=True)
class LogMel:
    """The spectrogram before normalisation: (x - mean) / (2 std) is what the model sees."""

    by_split: dict[str, Moments]
    num_clips: int  # that were measured
    num_bins: int
    heard: str  # the clips, and the stretch of each

    @property
    def total(self) -> Moments:
        """Moments over all splits."""
        return reduce(Moments.joined, self.by_split.values(), Moments())


def measure(
    split_of: Mapping[Clip, str],
    options: DatasetConfig,
    num_bins: int,
    max_clips: int | None,
    seed: int,
    progress: Callable[[int, int], None],
) -> tuple[LogMel, list[str]]:
    """Mean and standard deviation over all real frames and bins; faults of clips not decoded."""
    clips = list(split_of)
    of = f"all {len(clips)} clips"
    if max_clips is not None and max_clips < len(clips):
        of = f"{max_clips} of {len(clips)} clips, drawn by seed {seed}"
        drawn = np.random.default_rng(seed).choice(len(clips), max_clips, replace=False)
        clips = [clips[i] for i in sorted(drawn.tolist())]
    stretch = (
        "whole" if options.crop == "whole" else f"{options.crop} {options.max_seconds:g} s at most"
    )
    by_split = {split: Moments() for split in splits.SPLITS}
    unheard, measured = [], 0

    def read(numbered: tuple[int, Clip]) -> np.ndarray | io.AudioError:
        number, clip = numbered
        generator = np.random.default_rng([seed, number])
        try:
            return io.read_clip(clip, options.max_seconds, cast(Crop, options.crop), generator)
        except io.AudioError as error:
            return error

    waves = in_threads(read, enumerate(clips), CHUNK)
    for done, (clip, wave) in enumerate(zip(clips, waves), start=1):
        if isinstance(wave, io.AudioError):
            unheard.append(str(wave))
        else:
            frames = moments(spectrogram(wave, num_bins))
            by_split[split_of[clip]] = by_split[split_of[clip]].joined(frames)
            measured += 1
        progress(done, len(clips))
    return LogMel(by_split, measured, num_bins, f"{of}, {stretch}"), unheard
