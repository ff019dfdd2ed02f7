"""Distortions of a clip at stated strengths, each the same for the same row.

T samples at 16 kHz.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...audio.io import SAMPLE_RATE
from ...config import AugmentConfig
from ...data.augmentation import LEAST_SECONDS, MAKERS, seeded
from ...data.clips import ClipDataset, columns
from ...data.perturbed_clips import Perturbation
from ...data.word_spans import shifted

Distortion = Callable[[np.ndarray, np.random.Generator], np.ndarray]

VOICES = 4  # speakers of a babble
# kbit/s -> libsndfile's compression level, which gave about as many on clips of RAVDESS
OPUS = {28: 0.85, 16: 0.94, 7: 1.0}


@dataclass(frozen=True)
class Family:
    """One kind of distortion, its strengths from mild to severe."""

    name: str
    unit: str
    levels: tuple[float, ...]
    make: Callable[[float], Distortion]
    of_rows: bool = False  # made of other rows of the split
    moves: str = ""  # "speed" | "start": what a shorter clip lacks; its words are then elsewhere

    def label(self, level: float) -> str:
        """The name of a condition."""
        return f"{self.name} {level:g} {self.unit}" if self.unit else self.name


def families(noise_folder: str = "") -> list[Family]:
    """All distortions. Raises UserError for a noise folder without recordings."""
    found = [
        Family("white noise", "dB SNR", (20, 10, 5, 0), lambda snr: _noise(snr, 0.0)),
        Family("pink noise", "dB SNR", (20, 10, 5, 0), lambda snr: _noise(snr, -1.0)),
        Family("babble", "dB SNR", (20, 10, 5, 0), lambda snr: _noise(snr, 0.0), of_rows=True),
        Family("room", "s RT60", (0.2, 0.4, 0.7, 1.0), _room),
        Family("MP3", "kbit/s", (64, 32, 16), _mp3),
        Family("Opus", "kbit/s", tuple(OPUS), _opus),
        Family("mu-law", "bit", (8,), lambda _: _library("mulaw")),
        Family("sampling rate", "kHz", (8,), lambda rate: _resampled(1000 * rate)),
        Family("telephone", "", (1,), lambda _: _library("telephone")),
        Family("low-pass", "kHz", (4, 2, 1), _low_pass),
        Family("clipping", "% of the samples", (1, 10, 30), _clipped),
        Family("gain", "dB", (-10, -20, -30), _gain),
        Family("overdrive", "dB", (10, 20), _gain),
        Family("faster", "times", (1.1, 1.25, 1.5), _speed, moves="speed"),
        Family("slower", "times", (0.9, 0.8, 0.67), _speed, moves="speed"),
        Family("start cut", "%", (10, 25, 50), lambda part: _cut(part, 0), moves="start"),
        Family("end cut", "%", (10, 25, 50), lambda part: _cut(0, part)),
    ]
    if noise_folder:
        _folder_noise(noise_folder, 20)  # refuses a folder without recordings
        levels = (20, 10, 5, 0)
        make = partial(_folder_noise, noise_folder)
        found.insert(3, Family("noise of the folder", "dB SNR", levels, make))
    return found


def perturbation(family: Family, level: float, clips: ClipDataset) -> Perturbation:
    """A distortion of a strength, on clips of a split; drawn from the row and the family alone."""
    distort = _babble(level, clips) if family.of_rows else _by_row(family.make(level))
    name = family.name.encode()

    def perturb(clips: ClipDataset, row: int, item: Mapping[str, Any]) -> dict[str, Any]:
        generator = np.random.default_rng([0, row, *name])
        wave = distort(item["waveform"], generator, row)
        peak = float(np.abs(wave).max(initial=0.0))
        # as a recorder would: a louder mixture is turned down, not cut
        wave = wave / peak if peak > 1.0 else wave
        made = np.ascontiguousarray(wave, dtype=np.float32)
        return {"waveform": made} | _times(family.moves, item, len(made))

    return perturb


def _times(moves: str, item: Mapping[str, Any], length: int) -> dict[str, np.ndarray]:
    """Times of the words of an item in its distorted clip of so many samples."""
    before = len(item["waveform"])
    if moves == "speed":
        return shifted(item, 0.0, before / length)
    return shifted(item, (before - length) / SAMPLE_RATE) if moves == "start" else {}


def _by_row(distort: Distortion) -> Callable[[np.ndarray, np.random.Generator, int], np.ndarray]:
    def call(wave: np.ndarray, generator: np.random.Generator, row: int) -> np.ndarray:
        if len(wave) < LEAST_SECONDS * SAMPLE_RATE:
            return wave
        return distort(wave, generator)

    return call


def at_snr(wave: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """A mixture (T,) in which the power of the clip is `snr` dB above that of the noise."""
    power, own = (float(np.mean(np.square(x, dtype=np.float64))) for x in (wave, noise))
    if not power or not own:
        return wave
    return wave + noise * np.float32(math.sqrt(power / own * 10 ** (-snr / 10)))


def coloured(length: int, slope: float, generator: np.random.Generator) -> np.ndarray:
    """Noise (T,) whose power goes with frequency to the power of `slope`: white 0, pink -1."""
    drawn = generator.standard_normal(length, dtype=np.float32)
    if not slope:
        return drawn
    spectrum = np.fft.rfft(drawn)
    bins = np.maximum(np.arange(len(spectrum)), 1)
    return np.fft.irfft(spectrum * bins ** (slope / 2), length).astype(np.float32)


def _noise(snr: float, slope: float) -> Distortion:
    return lambda wave, generator: at_snr(wave, coloured(len(wave), slope, generator), snr)


def _folder_noise(folder: str, snr: float) -> Distortion:
    return _library("noise", noise_folder=folder, noise_snr=[snr, snr])


def _babble(
    snr: float, clips: ClipDataset
) -> Callable[[np.ndarray, np.random.Generator, int], np.ndarray]:
    """Voices of other speakers of the split at once, of other clips where no speaker is known."""
    speakers = columns(clips.rows, "speaker")["speaker"].to_pylist()

    def call(wave: np.ndarray, generator: np.random.Generator, row: int) -> np.ndarray:
        own = speakers[row]
        others = [i for i, name in enumerate(speakers) if i != row and (not own or name != own)]
        if not others:
            return wave
        chosen = generator.choice(others, size=min(VOICES, len(others)), replace=False)
        voices = [_looped(_at_one(clips.sound(int(i))), len(wave), generator) for i in chosen]
        return at_snr(wave, np.sum(voices, axis=0), snr)

    return call


def _at_one(wave: np.ndarray) -> np.ndarray:
    """With a root mean square of 1: no voice of a babble drowns the others."""
    return wave / max(float(np.sqrt(np.mean(np.square(wave, dtype=np.float64)))), 1e-6)


def _looped(wave: np.ndarray, length: int, generator: np.random.Generator) -> np.ndarray:
    """(length,) of a clip (T,) from a random place on, again and again."""
    return np.resize(np.roll(wave, -int(generator.integers(len(wave)))), length)


def _library(effect: str, **options: Any) -> Distortion:
    """An effect of augmentation, its strength being no range."""
    apply = MAKERS[effect](AugmentConfig(**options))

    def call(wave: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        with seeded(generator):
            return apply(wave)

    return call


def _room(rt60: float) -> Distortion:
    return _library("room", room_rt60=[rt60, rt60])


def _mp3(rate: float) -> Distortion:
    return _library("mp3", mp3_kbps=[rate, rate])


def _opus(rate: float) -> Distortion:
    def call(wave: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        import soundfile

        coded = io.BytesIO()
        level = OPUS[int(rate)]
        soundfile.write(
            coded, wave, SAMPLE_RATE, format="OGG", subtype="OPUS", compression_level=level
        )
        coded.seek(0)
        return np.asarray(soundfile.read(coded, dtype="float32")[0])[: len(wave)]

    return call


def _resampled(rate: float) -> Distortion:
    def call(wave: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        import soxr

        narrow = soxr.resample(wave, SAMPLE_RATE, rate, quality="HQ")
        return np.asarray(soxr.resample(narrow, rate, SAMPLE_RATE, quality="HQ"))[: len(wave)]

    return call


def _low_pass(kilohertz: float) -> Distortion:
    from scipy.signal import butter, sosfilt

    low = butter(8, 1000 * kilohertz, "lowpass", fs=SAMPLE_RATE, output="sos")
    return lambda wave, generator: np.asarray(sosfilt(low, wave))


def _clipped(percent: float) -> Distortion:
    """The loudest samples, so many per cent of all, are cut to the level of the others."""

    def call(wave: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        level = float(np.quantile(np.abs(wave), 1 - percent / 100))
        return np.clip(wave, -level, level) if level else wave

    return call


def _gain(decibel: float) -> Distortion:
    factor = np.float32(10 ** (decibel / 20))
    return lambda wave, generator: np.clip(wave * factor, -1.0, 1.0)


def _speed(rate: float) -> Distortion:
    return _library("speed", speed_rate=[rate, rate])


def _cut(start: float, end: float) -> Distortion:
    """Without so many per cent of its start and of its end."""

    def call(wave: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        first, last = (round(len(wave) * part / 100) for part in (start, end))
        return wave[first : len(wave) - last]

    return call


def chosen(found: Sequence[Family], names: Sequence[str]) -> list[Family]:
    """The families of these names, all if none is named. Raises UserError for another name."""
    from ...errors import unknown

    known = {family.name: family for family in found}
    for name in names:
        if name not in known:
            raise unknown("distortion", name, list(known))
    return [known[name] for name in names] if names else list(found)
