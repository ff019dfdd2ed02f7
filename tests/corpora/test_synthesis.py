"""Sounds and voices that differ as they should, in a log-mel spectrogram's terms."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrobert.corpora.demo import synthesis


def spectrum(samples: NDArray[Any]) -> NDArray[np.float64]:
    """Greatest log energy and its spread, in bands of equal ratio: [2 * band]."""
    frames = samples[: len(samples) // 400 * 400].reshape(-1, 400) / 32768
    power = np.abs(np.fft.rfft(frames * np.hanning(400))) ** 2  # [frame, 40 Hz bin]
    edges = np.unique(np.geomspace(1, 200, 40).astype(int))
    bands = np.log(np.add.reduceat(power, edges, axis=1) + 1e-4)
    return np.concatenate([bands.max(axis=0), bands.std(axis=0)])


def test_events_are_told_apart_by_their_spectra() -> None:
    def draws(name: str, key: int, count: int) -> NDArray[np.float64]:
        rngs = (np.random.default_rng([key, i]) for i in range(count))
        return np.stack([spectrum(synthesis.scene([name], rng)) for rng in rngs])

    centres = np.stack([draws(name, 0, 12).mean(axis=0) for name in synthesis.EVENTS])
    right = [
        np.argmin(((centres - x) ** 2).sum(axis=1)) == k
        for k, name in enumerate(synthesis.EVENTS)
        for x in draws(name, 1, 6)
    ]
    assert np.mean(right) > 0.9


def test_events_follow_each_other() -> None:
    low_then_high = synthesis.scene(["drum", "bird"], np.random.default_rng(0)) / 32768
    halves = np.array_split(low_then_high, 2)
    power = [np.abs(np.fft.rfft(half)) ** 2 for half in halves]
    share_above_2_khz = [p[len(p) // 4 :].sum() / p.sum() for p in power]
    assert share_above_2_khz[0] < 0.3 < 0.7 < share_above_2_khz[1]


def pitch(samples: NDArray[Any]) -> float:
    """The most common pitch in Hz, from the autocorrelation of loud 40 ms frames."""
    frames = samples[: len(samples) // 640 * 640].reshape(-1, 640).astype(float)
    loud = frames[np.std(frames, axis=1) > np.std(frames)]
    spectra = np.abs(np.fft.rfft(loud, 2048)) ** 2
    correlation = np.fft.irfft(spectra)[:, :320]
    return float(np.median(16_000 / (40 + correlation[:, 40:].argmax(axis=1))))


def test_manners_differ_in_pitch_loudness_and_tempo() -> None:
    measured = {}
    for how, manner in synthesis.MANNERS.items():
        said = []
        for i in range(12):
            rng = np.random.default_rng(i)
            who = synthesis.speaker("x", bool(i % 2), rng)
            said.append(synthesis.utterance("the book is on the table", who, manner, rng))
        measured[how] = (
            np.mean([pitch(x) for x in said]),
            np.mean([np.std(x.astype(float)) for x in said]),
            np.mean([len(x) for x in said]),
        )
    by_pitch, by_level, by_length = (
        sorted(measured, key=lambda how: measured[how][k]) for k in range(3)
    )
    assert by_pitch[0] == "sad"
    assert by_pitch[-1] == "fearful"
    assert (by_level[0], by_level[-1]) == ("sad", "angry")
    assert (by_length[0], by_length[-1]) == ("fearful", "sad")


def test_other_words_make_another_recording() -> None:
    def say(text: str) -> NDArray[np.int16]:
        rng = np.random.default_rng(0)
        return synthesis.utterance(
            text, synthesis.speaker("x", True, rng), synthesis.MANNERS["sad"], rng
        )

    assert np.array_equal(say("we meet"), say("we meet"))
    assert not np.array_equal(say("a moon"), say("a man"))
