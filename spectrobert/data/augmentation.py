"""Augmentation of a training clip: other voices, rooms, noises and lines, masks, a share to mix.

The effects are those of audiomentations (and pyroomacoustics' rooms), which draw from Python's and
numpy's own generators; these are seeded per clip from (seed, epoch, row) and left as they were.

T samples, K masks.
"""

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..audio.io import SAMPLE_RATE
from ..config import AugmentConfig
from ..config.augment import EFFECTS
from ..corpora.label_files import AUDIO_SUFFIXES
from ..errors import UserError, require_extra

TELEPHONE_HZ = (300.0, 3400.0)
TELEPHONE_RATE = 8000
MU = 255.0  # G.711: 8 bits
COLOURS = (-3.0, 0.0)  # dB per octave of noise's power: pink to white
KNOTS = 4  # mel bins at which the gain of a filter is drawn
MOST_MASKED = 0.2  # of a clip, by one mask in time
LEAST_SECONDS = 0.1  # shorter clips are not stretched, filtered or put into rooms

Effect = Callable[[np.ndarray], np.ndarray]


class Augmentation:
    """Augmentation of the training clips of a run.

    Raises UserError if a package or a folder is missing that an effect needs.
    """

    def __init__(self, options: AugmentConfig):
        self.options = options
        self.effects = {name: MAKERS[name](options) for name in EFFECTS if getattr(options, name)}

    def __call__(
        self, wave: np.ndarray, generator: np.random.Generator, most: int | None = None
    ) -> np.ndarray:
        """Another form of (T,) in [-1, 1]: of another length if its speed changes.

        Args:
            most: samples that are kept.
        """
        if longest := math.ceil(self.options.crop_seconds * SAMPLE_RATE):
            first = int(generator.integers(max(0, len(wave) - longest) + 1))
            wave = wave[first : first + longest]
        if not self.effects or len(wave) < LEAST_SECONDS * SAMPLE_RATE:
            return wave
        with seeded(generator):
            for name, effect in self.effects.items():
                if generator.random() < getattr(self.options, name):
                    wave = effect(wave)
        peak = float(np.abs(wave).max())
        wave = wave / peak if peak > 1.0 else wave
        return np.ascontiguousarray(wave[:most], dtype=np.float32)

    def heard(self, seconds: np.ndarray) -> np.ndarray:
        """(n,) lengths behind `crop_seconds`: clips of one length are batched at random."""
        longest = self.options.crop_seconds
        return np.minimum(seconds, longest) if longest else seconds

    def masks(self, seconds: float, generator: np.random.Generator) -> np.ndarray:
        """(K, 4) masks of a spectrogram: from and to in seconds, from and to in shares of the bins.

        Masks in time come first. Widths are uniform from 0 to the widest, as in SpecAugment (Park
        et al. 2019), so that a mask may be empty.
        """
        options = self.options
        longest = min(options.time_mask_seconds, MOST_MASKED * seconds)
        masks: list[tuple[float, float, float, float]] = []
        for _ in range(options.time_masks):
            masks.append((*_stretch(longest, seconds, generator), 0.0, 1.0))
        for _ in range(options.mel_masks):
            masks.append((0.0, seconds, *_stretch(options.mel_mask_share, 1.0, generator)))
        return np.asarray(masks, dtype=np.float32).reshape(-1, 4)

    def mix_weight(self, generator: np.random.Generator) -> float:
        """Share of a clip itself in its mixture, 1/2 at least; 1: it is not mixed.

        The larger share keeps its place in the batch, so that a mixture has its own length and
        text (Zhang et al. 2018 draw from the whole of the Beta distribution).
        """
        options = self.options
        if not options.mixup or generator.random() >= options.mixup_share:
            return 1.0
        drawn = float(generator.beta(options.mixup, options.mixup))
        return max(drawn, 1.0 - drawn)

    def draw(self, seconds: float, generator: np.random.Generator) -> dict[str, Any]:
        """The fields of an item that the model reads: masks, gains, and the share to mix."""
        options = self.options
        drawn: dict[str, Any] = {}
        if options.time_masks or options.mel_masks:
            drawn["masks"] = self.masks(seconds, generator)
        if widest := options.mel_filter:
            drawn["mel_gains"] = generator.uniform(-widest, widest, KNOTS).astype(np.float32)
        if options.mixup:
            drawn["mix_weight"] = self.mix_weight(generator)
        return drawn


def _stretch(widest: float, whole: float, generator: np.random.Generator) -> tuple[float, float]:
    """Ends of a stretch of [0, whole], its width uniform up to `widest`."""
    width = generator.uniform(0.0, widest)
    start = generator.uniform(0.0, max(whole - width, 0.0))
    return start, start + width


@contextmanager
def seeded(generator: np.random.Generator) -> Iterator[None]:
    """Python's and numpy's generators begin at a number drawn here, and are restored."""
    states = random.getstate(), np.random.get_state()
    seed = int(generator.integers(2**32))
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def _library(transform: Any) -> Effect:
    """An effect of audiomentations, which is always applied: the probability is drawn here."""
    return lambda wave: transform(np.ascontiguousarray(wave, dtype=np.float32), SAMPLE_RATE)


def _import() -> Any:
    require_extra("augment", "this augmentation")
    import audiomentations

    return audiomentations


def _pitch(options: AugmentConfig) -> Effect:
    low, high = options.pitch_semitones
    return _library(_import().PitchShift(low, high, p=1.0))


def _tempo(options: AugmentConfig) -> Effect:
    low, high = options.tempo_rate
    return _library(_import().TimeStretch(low, high, leave_length_unchanged=False, p=1.0))


def _speed(options: AugmentConfig) -> Effect:
    import soxr

    low, high = options.speed_rate

    def call(wave: np.ndarray) -> np.ndarray:
        rate = random.uniform(low, high)
        return soxr.resample(wave, SAMPLE_RATE, SAMPLE_RATE / rate, quality="LQ")

    return call


def _room(options: AugmentConfig) -> Effect:
    library = _import()
    if options.room_folder:
        folder = _recordings("room_folder", options.room_folder)
        return _library(library.ApplyImpulseResponse(folder, p=1.0))
    low, high = options.room_rt60
    simulator = library.RoomSimulator(
        min_target_rt60=low,
        max_target_rt60=high,
        min_mic_distance=0.3,
        max_mic_distance=1.5,
        calculation_mode="rt60",
        use_ray_tracing=False,
        leave_length_unchanged=True,
        p=1.0,
    )
    return _library(simulator)


def _noise(options: AugmentConfig) -> Effect:
    library, (low, high) = _import(), options.noise_snr
    if options.noise_folder:
        folder = _recordings("noise_folder", options.noise_folder)
        return _library(library.AddBackgroundNoise(folder, low, high, p=1.0))
    return _library(library.AddColorNoise(low, high, *COLOURS, p=1.0))


def _band(options: AugmentConfig) -> Effect:
    return _library(_import().BandPassFilter(*options.band_hz, p=1.0))


def _telephone(options: AugmentConfig) -> Effect:
    import soxr
    from scipy.signal import butter, sosfilt

    band = butter(4, TELEPHONE_HZ, "bandpass", fs=SAMPLE_RATE, output="sos")

    def call(wave: np.ndarray) -> np.ndarray:
        narrow = sosfilt(band, wave).astype(np.float32)
        sent = soxr.resample(narrow, SAMPLE_RATE, TELEPHONE_RATE, quality="HQ")
        heard = soxr.resample(mu_law(sent), TELEPHONE_RATE, SAMPLE_RATE, quality="HQ")
        return np.pad(heard, (0, max(0, len(wave) - len(heard))))[: len(wave)]

    return call


def _mp3(options: AugmentConfig) -> Effect:
    low, high = (round(rate) for rate in options.mp3_kbps)
    return _library(_import().Mp3Compression(low, high, p=1.0))


def mu_law(wave: np.ndarray) -> np.ndarray:
    """(T,) in [-1, 1] as G.711's 8 bits leave it."""
    clipped = np.clip(wave, -1.0, 1.0)
    code = (
        np.round(np.sign(clipped) * np.log1p(MU * np.abs(clipped)) / np.log1p(MU) * 127.0) / 127.0
    )
    return np.asarray(np.sign(code) * np.expm1(np.abs(code) * np.log1p(MU)) / MU, dtype=np.float32)


def _mulaw(options: AugmentConfig) -> Effect:
    return mu_law


def _gain(options: AugmentConfig) -> Effect:
    low, high = options.gain_db
    return lambda wave: wave * np.float32(10.0 ** (random.uniform(low, high) / 20.0))


def _shift(options: AugmentConfig) -> Effect:
    return lambda wave: np.roll(wave, random.randrange(len(wave)))


def _recordings(option: str, folder: str) -> str:
    """The folder, which holds recordings. Raises UserError if it does not."""
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise UserError(f"augment.{option}={folder}: no such folder")
    if not any(p.suffix.lower() in AUDIO_SUFFIXES for p in path.rglob("*")):
        raise UserError(
            f"augment.{option}={folder}: no recordings in it ({', '.join(AUDIO_SUFFIXES)})"
        )
    return str(path)


# Effect -> what makes it of the options
MAKERS: dict[str, Callable[[AugmentConfig], Effect]] = {
    "pitch": _pitch,
    "tempo": _tempo,
    "speed": _speed,
    "room": _room,
    "noise": _noise,
    "band": _band,
    "telephone": _telephone,
    "mp3": _mp3,
    "mulaw": _mulaw,
    "gain": _gain,
    "shift": _shift,
}
