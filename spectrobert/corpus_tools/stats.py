"""What a corpus holds, in numbers: `python -m spectrobert data stats`.

A clip is what is heard in a row; several rows may ask about one clip, which then counts once for
hours, lengths and the log-mel spectrogram.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..audio.segment import Segment
from ..config import DatasetConfig
from ..corpora.example import Example
from ..data import drawing, splits
from . import check, log_mel, recordings
from .log_mel import Clip, LogMel, Moments

WORD = re.compile(r"\w+(?:['\u2019]\w+)*")
PERCENTILES = (0, 1, 25, 50, 75, 99, 100)


@dataclass(frozen=True)
class Statistics:
    """The numbers, and what plots are drawn from."""

    rows: int
    left_out: int
    split: splits.SplitSummary
    clips: dict[Clip, float]  # seconds of those that can be read
    split_of: dict[Clip, str]
    examples: dict[Clip, Example]  # the first row of each clip
    unusable: list[str]  # recordings, with their faults
    sample_rates: Counter[int]  # of recordings
    channels: Counter[int]
    speakers: dict[str, Counter[str]]  # speaker -> split -> clips
    words: list[int]  # of each text
    num_texts: int  # distinct ones
    vocabulary: int  # distinct words, lower-cased
    log_mel: LogMel

    @property
    def hours(self) -> dict[str, float]:
        """By split."""
        found = dict.fromkeys(splits.SPLITS, 0.0)
        for clip, seconds in self.clips.items():
            found[self.split_of[clip]] += seconds / 3600
        return found


def measure(
    task: str,
    options: DatasetConfig,
    data_dir: str,
    num_bins: int,
    max_clips: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Statistics:
    """Count and measure.

    Args:
        num_bins: mel bins of the spectrogram.
        max_clips: measure the spectrogram of so many clips, drawn by `seed`; None: of all.
        progress: called with (clips decoded, clips to decode).

    Raises UserError where the corpus cannot be parsed or split.
    """
    folders, examples, dropped = check.parse(task, options, data_dir)
    drawn = drawing.draw(examples, options.name, task, options)
    first: dict[Clip, tuple[Example, str]] = {}
    for example, name in zip(examples, drawn.sides):
        first.setdefault(example.audio, (example, name))
    sounds = recordings.listen_to_all(recordings.distinct(examples), is_quick=True)
    clips = {clip: _seconds(clip, sounds) for clip in first}
    usable = {clip: seconds for clip, seconds in clips.items() if seconds is not None}
    called = recordings.names(examples, folders)
    headers = {s.audio: sound.header for s, sound in sounds.items() if sound.header}
    speakers: dict[str, Counter[str]] = {}
    for clip in usable:
        example, name = first[clip]
        speakers.setdefault(example.speaker, Counter())[name] += 1
    speakers.pop("", None)
    texts = [example.reads for example in examples if example.reads]
    words = [[word.lower() for word in WORD.findall(text)] for text in texts]
    measured, unheard = log_mel.measure(
        {clip: first[clip][1] for clip in usable}, options, num_bins, max_clips, seed, progress
    )
    return Statistics(
        rows=len(examples),
        left_out=len(dropped),
        split=drawn.summary,
        clips=usable,
        split_of={clip: first[clip][1] for clip in usable},
        examples={clip: first[clip][0] for clip in usable},
        unusable=[f"{called(s.audio)}: {x.fault}" for s, x in sounds.items() if x.fault] + unheard,
        sample_rates=Counter(header.sample_rate for header in headers.values()),
        channels=Counter(header.channels for header in headers.values()),
        speakers=speakers,
        words=[len(found) for found in words],
        num_texts=len(set(texts)),
        vocabulary=len({word for found in words for word in found}),
        log_mel=measured,
    )


def _seconds(clip: Clip, sounds: Mapping[Segment, recordings.Sound]) -> float | None:
    """The length of a clip; None where a part of it cannot be used."""
    parts = [(segment.onset, sounds[segment._replace(onset=0.0)]) for segment in clip]
    if any(sound.fault for _, sound in parts):
        return None
    return max(onset + sound.seconds for onset, sound in parts)


def summary(found: Statistics) -> dict[str, Any]:
    """The numbers in plain types, for JSON and tables."""
    clips = list(found.clips.values())
    spread = np.percentile(clips, PERCENTILES).tolist() if clips else []
    speakers = [sides.total() for sides in found.speakers.values()]
    total, train = found.log_mel.total, found.log_mel.by_split["train"]
    return {
        "rows": found.rows,
        "rows_left_out": found.left_out,
        "split": found.split.definition,
        "rows_by_split": found.split.counts,
        "clips": len(clips),
        "hours": sum(clips) / 3600,
        "hours_by_split": found.hours,
        "seconds_percentiles": dict(zip(map(str, PERCENTILES), spread)),
        "unusable": found.unusable,
        "sample_rates": dict(found.sample_rates),
        "channels": dict(found.channels),
        "speakers": len(speakers),
        "clips_by_speaker": _spread(speakers),
        "texts": found.num_texts,
        "words_by_text": _spread(found.words),
        "vocabulary": found.vocabulary,
        "labels_by_split": found.split.labels,
        "log_mel": {
            "of": found.log_mel.heard,
            "clips": found.log_mel.num_clips,
            "bins": found.log_mel.num_bins,
            "all": _mean_and_std(total, found.log_mel.num_bins),
            "train": _mean_and_std(train, found.log_mel.num_bins),
        },
    }


def _spread(values: Sequence[int]) -> dict[str, float]:
    """Smallest, median and largest; nothing of nothing."""
    if not values:
        return {}
    return {"min": min(values), "median": float(np.median(values)), "max": max(values)}


def _mean_and_std(of: Moments, num_bins: int) -> dict[str, float] | None:
    if not of.count:
        return None
    return {"mean": of.mean, "std": of.std, "frames": of.count // num_bins}
