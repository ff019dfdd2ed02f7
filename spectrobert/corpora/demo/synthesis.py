"""Toy sounds and a toy voice, made with numpy: the recordings of the `demo` corpus.

Sounds are six kinds of event that differ clearly in a log-mel spectrogram; each draw varies pitch,
rate and length. The voice is source and filter: one damped formant response for each glottal pulse,
overlapped and added. Signals are at `RATE` Hz, about 1 at their peaks; frequencies are in Hz,
times in seconds. All randomness comes from the generator passed in.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ..example import Word

Signal = NDArray[np.floating[Any]]

RATE = 16_000
PERIOD = 2048  # points in one stored period of a wave


# --- sound events ---


SINE = (1.0,)
HORN = (1.0, 0.5, 0.3, 0.1)
SAW = tuple(1 / k for k in range(1, 31))


@cache
def _wave(harmonics: tuple[float, ...]) -> Signal:
    """One period of a wave with these amplitudes at 1, 2, 3... times its frequency; peak 1."""
    phase = 2 * np.pi * np.arange(PERIOD) / PERIOD
    wave = sum(a * np.sin(k * phase) for k, a in enumerate(harmonics, start=1))
    return np.asarray(wave / np.abs(wave).max(), np.float32)


def _tone(harmonics: tuple[float, ...], hz: Signal) -> Signal:
    """A wave of frequency `hz` at each sample. Read from a table: ten times as fast as sines."""
    cycles = np.cumsum(hz, dtype=np.float64) / RATE
    return _wave(harmonics)[(cycles * PERIOD).astype(np.int64) % PERIOD]


def _times(seconds: float) -> Signal:
    return np.arange(int(seconds * RATE), dtype=np.float32) / RATE


def _noise(rng: Generator, length: int) -> Signal:
    return rng.standard_normal(length, dtype=np.float32)


def _between(rng: Generator, low: float, high: float) -> float:
    """Log-uniform: equal chances for equal ratios, as ears hear pitch, rate and loudness."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _fade(x: Signal, seconds: float = 0.02) -> Signal:
    """Ramps at both ends, so that no sound begins or ends in a click."""
    n = min(int(seconds * RATE), len(x) // 2)
    envelope = np.ones(len(x), np.float32)
    envelope[:n] = np.linspace(0, 1, n)
    return x * envelope * envelope[::-1]


def _every(period: float, seconds: float, make: Callable[[], Signal]) -> Signal:
    """A fresh `make()` each `period`, for so many seconds."""
    out = np.zeros(int(seconds * RATE), np.float32)
    for onset in np.arange(0, seconds - 0.05, period):
        room = out[int(onset * RATE) :]
        hit = make()[: len(room)]
        room[: len(hit)] += hit
    return out


def bell(rng: Generator, seconds: float) -> Signal:
    """Inharmonic partials; the higher, the sooner gone."""
    base, decay, t = _between(rng, 450, 900), _between(rng, 2.5, 6), _times(seconds)
    ratios, amplitudes = (1.0, 2.0, 2.76, 4.1, 5.4), (1.0, 0.7, 0.6, 0.4, 0.3)
    out = 0 * t
    for ratio, amplitude in zip(ratios, amplitudes, strict=True):
        out += amplitude * np.exp(-decay * ratio**0.5 * t) * _tone(SINE, 0 * t + base * ratio)
    return out


def siren(rng: Generator, seconds: float) -> Signal:
    """A horn that sweeps slowly up and down."""
    base, rate, t = _between(rng, 600, 1000), _between(rng, 1.2, 3), _times(seconds)
    return _tone(HORN, base * 1.5 ** np.sin(2 * np.pi * (rate * t + rng.uniform())))


def drum(rng: Generator, seconds: float) -> Signal:
    """Low thumps that drop in pitch."""
    hz, period, t = _between(rng, 60, 110), _between(rng, 0.2, 0.45), _times(0.22)
    thump = np.exp(-18 * t) * _tone(SINE, hz * (1 + 1.5 * np.exp(-40 * t)))
    return _every(period, seconds, lambda: thump + 0.4 * np.exp(-150 * t) * _noise(rng, len(t)))


def rain(rng: Generator, seconds: float) -> Signal:
    """Hiss that swells a little."""
    t = _times(seconds)
    noise = _noise(rng, len(t))
    hiss = noise - rng.uniform(0.3, 0.8) * np.roll(noise, 1)
    return hiss * (1 + 0.3 * np.sin(2 * np.pi * (rng.uniform(1, 3) * t + rng.uniform())))


def bird(rng: Generator, seconds: float) -> Signal:
    """Fast high chirps, each a sweep down."""
    top, t = _between(rng, 4500, 6800), _times(rng.uniform(0.05, 0.09))
    chirp = _fade(_tone(SINE, top * 0.55 ** (t / t[-1])), 0.01)
    return _every(_between(rng, 0.1, 0.2), seconds, lambda: chirp * np.float32(rng.uniform(0.5, 1)))


def engine(rng: Generator, seconds: float) -> Signal:
    """Low noise that throbs."""
    t = _times(seconds)
    box = np.ones(int(0.4 * RATE / _between(rng, 250, 500)), np.float32)  # moving average: low-pass
    noise = np.convolve(np.convolve(_noise(rng, len(t)), box, "same"), box, "same")
    return noise * (1 + 0.8 * np.sin(2 * np.pi * _between(rng, 9, 18) * t))


EVENTS: dict[str, Callable[[Generator, float], Signal]] = {
    "bell": bell,
    "siren": siren,
    "drum": drum,
    "rain": rain,
    "bird": bird,
    "engine": engine,
}


def scene(names: Sequence[str], rng: Generator) -> NDArray[np.int16]:
    """One to three events in turn, each with a loudness of its own: 1.6 to 3 seconds."""
    shortest, longest = {1: (0.8, 1.4), 2: (0.6, 1.0), 3: (0.5, 0.7)}[len(names)]
    pieces = [np.zeros(int(rng.uniform(0.05, 0.2) * RATE), np.float32)]
    for name in names:
        event = EVENTS[name](rng, rng.uniform(shortest, longest))
        pieces.append(_fade(event * np.float32(_between(rng, 0.15, 0.6) / np.abs(event).max())))
        pieces.append(np.zeros(int(rng.uniform(0.08, 0.2) * RATE), np.float32))
    missing = int(1.6 * RATE) - sum(len(piece) for piece in pieces)
    return _record(np.concatenate([*pieces, np.zeros(max(0, missing), np.float32)]), rng)


def _record(x: Signal, rng: Generator) -> NDArray[np.int16]:
    """A signal as a cheap recorder keeps it: some noise (-54 to -48 dB), and 8 bits.

    The low bits are zero because FLAC then stores the corpus in a quarter of the space. The noise
    is enough, at this step, that no stretch becomes digital silence.
    """
    noisy = x + _between(rng, 2e-3, 4e-3) * _noise(rng, len(x))
    return np.clip(np.round(noisy * 128), -128, 127).astype(np.int16) * np.int16(256)


# --- the voice ---


@dataclass(frozen=True)
class Speaker:
    """The constant properties of a voice."""

    name: str
    is_woman: bool
    pitch: float  # Hz, in an even voice
    formants: float  # a shorter vocal tract scales all formants up
    brightness: float  # amplitude of each formant relative to the one below it
    tempo: float  # 1 is six syllables a second
    level: float  # dB


def speaker(name: str, is_woman: bool, rng: Generator) -> Speaker:
    """A new speaker."""
    return Speaker(
        name=name,
        is_woman=is_woman,
        pitch=_between(rng, 165, 235) if is_woman else _between(rng, 90, 135),
        formants=_between(rng, 1.1, 1.22) if is_woman else _between(rng, 0.94, 1.06),
        brightness=_between(rng, 0.45, 0.7),
        tempo=_between(rng, 0.9, 1.1),
        level=rng.uniform(-1.5, 1.5),
    )


@dataclass(frozen=True)
class Manner:
    """A manner of speaking, relative to the speaker's even voice."""

    pitch: float = 0.0  # semitones up
    fall: float = 2.0  # semitones from the first syllable to the last
    melody: float = 1.0  # semitones, spread of the syllables about that line
    tempo: float = 1.0
    level: float = 0.0  # dB
    effort: float = 1.0  # scales the brightness: a pressed voice has strong high formants
    jitter: float = 0.01  # spread of the pulses about their times, in periods


MANNERS: dict[str, Manner] = {
    "neutral": Manner(),
    "happy": Manner(pitch=3, fall=-3, melody=3, tempo=1.1, level=2, effort=1.15),
    "sad": Manner(pitch=-2, fall=3, melody=0.5, tempo=0.75, level=-6, effort=0.7),
    "angry": Manner(pitch=2, fall=5, melody=2, tempo=1.1, level=5, effort=1.4, jitter=0.03),
    "fearful": Manner(pitch=4.5, fall=0, melody=0.7, tempo=1.25, level=-2, effort=0.9, jitter=0.05),
}

# first three formants in Hz (Peterson and Barney 1952, men)
VOWELS: dict[str, tuple[int, int, int]] = {
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (270, 2290, 3010),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}
SHIFTS = 4  # glottal pulses fall on quarters of a sample: whole samples would be heard as jitter


def _pulse_responses(speaker: Speaker, effort: float) -> Signal:
    """The 20 ms after a glottal pulse: [vowel, shift by parts of a sample, sample]."""
    t = (np.arange(320) + np.arange(SHIFTS)[:, None] / SHIFTS) / RATE  # [shift, sample]
    formants = np.array(list(VOWELS.values()))[:, :, None, None]  # [vowel, formant, 1, 1]
    hz = speaker.formants * formants
    loud = ((speaker.brightness * effort) ** np.arange(3))[:, None, None]  # [formant, 1, 1]
    return (loud * np.exp(-np.pi * (60 + 0.05 * hz) * t) * np.sin(2 * np.pi * hz * t)).sum(axis=1)


@dataclass(frozen=True)
class Syllables:
    """The S syllables of an utterance: one for each run of vowels of its text."""

    spelling: list[tuple[str, str]]  # consonants and vowel
    words: list[int]  # the word that each is of
    lengths: Signal  # (S,) seconds
    ends: Signal

    @property
    def starts(self) -> Signal:
        return self.ends - self.lengths


def syllables(text: str, speaker: Speaker, manner: Manner, rng: Generator) -> Syllables:
    """The times of the syllables, which are the first that an utterance draws."""
    lower = text.lower().replace("y", "i")
    found = list(re.finditer(r"( ?)([^aeiou ]*)([aeiou])[aeiou]*", lower))
    rate = 6 * speaker.tempo * manner.tempo * _between(rng, 0.85, 1.18)  # syllables per second
    lengths = rng.uniform(0.75, 1.05, len(found)) / rate
    ends = np.cumsum(lengths + np.array([0.25 if one[1] else 0.05 for one in found]) / rate)
    words = [lower.count(" ", 0, one.start(3)) for one in found]
    return Syllables([(one[2], one[3]) for one in found], words, lengths, ends)


def word_times(text: str, speaker: Speaker, manner: Manner, rng: Generator) -> tuple[Word, ...]:
    """Each word of an utterance, from the start of its first syllable to the end of its last.

    Args:
        rng: as the utterance gets it.
    """
    drawn = syllables(text, speaker, manner, rng)
    times: dict[int, list[float]] = {}
    for word, start, end in zip(drawn.words, drawn.starts.tolist(), drawn.ends.tolist()):
        times.setdefault(word, [start])[1:] = [end]
    spelt = text.split(" ")
    return tuple(Word(spelt[word], *pair) for word, pair in times.items())


def utterance(text: str, speaker: Speaker, manner: Manner, rng: Generator) -> NDArray[np.int16]:
    """`text` spoken by `speaker`: a syllable for each run of vowels, 1 to 2 seconds in all.

    No phoneme is right, but other words make another recording, and the same words a similar one.
    """
    drawn = syllables(text, speaker, manner, rng)
    found, lengths, starts, ends = drawn.spelling, drawn.lengths, drawn.starts, drawn.ends

    line = manner.pitch + manner.fall * np.linspace(0.5, -0.5, len(found)) + rng.normal(0, 1.5)
    semitones = line + manner.melody * rng.standard_normal(len(found))
    clock_s = np.arange(0, ends[-1], 0.004)
    hz = speaker.pitch * 2 ** (np.interp(clock_s, (starts + ends) / 2, semitones) / 12)
    cycles = np.cumsum(hz) * 0.004
    pulses_s = np.interp(np.arange(1, cycles[-1]), cycles, clock_s)
    periods_s = 1 / np.interp(pulses_s, clock_s, hz)
    pulses_s += manner.jitter * rng.standard_normal(len(pulses_s)) * periods_s

    syllable = np.searchsorted(ends[:-1], pulses_s)
    vowel = np.array(["aeiou".index(vowel) for _, vowel in found])[syllable]
    corners_s = (starts[:, None] + lengths[:, None] * [0, 0.2, 0.8, 1]).ravel()
    loud = np.interp(pulses_s, corners_s, np.tile([0, 1, 0.8, 0], len(found)))
    quarters = np.maximum(0, np.round(pulses_s * RATE * SHIFTS)).astype(np.int64)
    first = -(-quarters // SHIFTS)  # the first sample at or after the pulse
    responses = _pulse_responses(speaker, manner.effort)[vowel, first * SHIFTS - quarters]
    responses *= loud[:, None]
    length = int((ends[-1] + 0.1) * RATE)
    where = (first[:, None] + np.arange(responses.shape[1])).ravel()
    voice = np.bincount(where, responses.ravel(), minlength=length)[:length]

    hiss = np.zeros(length)
    for start, (consonants, _) in zip(starts, found, strict=True):
        if set(consonants) & set("cfhkpqstx"):  # voiceless
            burst = _fade(np.diff(_noise(rng, 500)))
            at = max(0, int(start * RATE) - 300)
            hiss[at : at + len(burst)] += burst
    sound = voice + 0.15 * hiss
    level = -27 + speaker.level + manner.level + rng.normal(0, 2.5)
    return _record(sound * 10 ** (level / 20) / np.sqrt(np.mean(sound**2)), rng)
