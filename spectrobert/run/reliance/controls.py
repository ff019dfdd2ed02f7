"""Conditions of the audit: the sound or the words of each clip taken away or exchanged.

T samples, L word pieces.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...config import AqaConfig, TaskConfig
from ...data.clips import ClipDataset, columns
from ...data.partners import partners
from ...data.perturbed_clips import Perturbation

SILENCED = "audio silenced"
WORDLESS = "text removed"
NEITHER = "audio silenced, text removed"
NOISE = "audio: noise as loud"
OTHER_SOUND = "audio of another clip"
REVERSED = "audio reversed"
NEUTRAL = "text: a neutral one"
OTHER_TEXT = "text of another clip"

OF_SOUND = (SILENCED, NOISE, OTHER_SOUND, REVERSED)
OF_WORDS = (WORDLESS, NEUTRAL, OTHER_TEXT)


def neutral_text(task: TaskConfig) -> str:
    """Words that say nothing about an answer; our choice."""
    return "what do you hear?" if isinstance(task, AqaConfig) else "this is what was said"


def controls(clips: ClipDataset, neutral: str, settings: Any) -> dict[str, Perturbation]:
    """The conditions of a split, by name; those of words only if some row has any.

    Args:
        settings: configuration of the model: what it does not hear or read at all is left as it is.
    """
    texts = columns(clips.rows, "text")["text"].to_pylist()
    hears = getattr(settings, "hears", True)
    reads = getattr(settings, "reads", True) and any(texts)
    made = _of_sound(clips) if hears else {}
    if reads:
        made |= _of_words(texts, _strata(clips), neutral)
    return made | {NEITHER: _both(silenced, wordless)} if hears and reads else made


def silenced(clips: ClipDataset, row: int, item: Mapping[str, Any]) -> dict[str, Any]:
    """Digital silence (T,)."""
    return {"waveform": np.zeros_like(item["waveform"])}


def noise(clips: ClipDataset, row: int, item: Mapping[str, Any]) -> dict[str, Any]:
    """White noise (T,) of the clip's root mean square, the same for the same row."""
    wave = item["waveform"]
    drawn = np.random.default_rng([0, row]).standard_normal(len(wave), dtype=np.float32)
    loudness = np.sqrt(np.mean(np.square(wave, dtype=np.float64)))
    return {"waveform": drawn * np.float32(loudness)}


def backwards(clips: ClipDataset, row: int, item: Mapping[str, Any]) -> dict[str, Any]:
    """The clip (T,) from its end to its beginning: the same spectrum, other sounds and words."""
    return {"waveform": np.ascontiguousarray(item["waveform"][::-1])}


def wordless(clips: ClipDataset, row: int, item: Mapping[str, Any]) -> dict[str, Any]:
    """An empty text (L,)."""
    return clips.other_words("", item)


def _of_sound(clips: ClipDataset) -> dict[str, Perturbation]:
    sounds = [tuple(heard) for heard in columns(clips.rows, "sound")["sound"].to_pylist()]
    others = partners(sounds, _strata(clips))

    def other(clips: ClipDataset, row: int, item: Mapping[str, Any]) -> dict[str, Any]:
        chosen = int(others[row])
        fields: dict[str, Any] = {"waveform": clips.sound(chosen)}
        if clips.read_options.by_speaker:
            fields |= clips.speaker_statistics(clips.rows[chosen]["speaker"])
        return fields

    return {SILENCED: silenced, NOISE: noise, OTHER_SOUND: other, REVERSED: backwards}


def _of_words(
    texts: Sequence[str], strata: Sequence[str] | None, neutral: str
) -> dict[str, Perturbation]:
    others = partners(texts, strata)

    def neutralised(clips: ClipDataset, row: int, item: Mapping[str, Any]) -> dict[str, Any]:
        return clips.other_words(neutral, item)

    def other(clips: ClipDataset, row: int, item: Mapping[str, Any]) -> dict[str, Any]:
        return clips.other_words(texts[others[row]], item)

    return {WORDLESS: wordless, NEUTRAL: neutralised, OTHER_TEXT: other}


def _both(first: Perturbation, second: Perturbation) -> Perturbation:
    return lambda clips, row, item: first(clips, row, item) | second(clips, row, item)


def _strata(clips: ClipDataset) -> list[str] | None:
    """Speakers, if pooled vectors are normalised by speaker: clips are exchanged within one."""
    if not clips.read_options.speakers:
        return None
    return columns(clips.rows, "speaker")["speaker"].to_pylist()
