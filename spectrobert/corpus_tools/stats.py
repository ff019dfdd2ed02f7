"""A corpus in numbers: `python -m spectrobert data stats`.

A clip is the audio of a row; several rows may ask about one clip, which then counts once for hours,
lengths and the log-mel spectrogram.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..audio.segment import Segment
from ..config import DatasetConfig
from ..corpora.example import Example
from ..data import checks, drawing, splits
from . import check, log_mel, recordings
from .log_mel import Clip, LogMel, Moments

WORD = re.compile(r"\w+(?:['\u2019]\w+)*")
PERCENTILES = (0, 1, 25, 50, 75, 99, 100)


class HeardClip(NamedTuple):
    """A clip that can be read."""

    seconds: float
    split: str
    example: Example  # its first row


@dataclass(frozen=True)
class Statistics:
    """Numbers of a corpus, and the clips that plots are drawn from."""

    rows: int
    left_out: int
    split: splits.SplitSummary
    clips: dict[Clip, HeardClip]
    unusable: list[str]  # recordings, with their faults
    sample_rates: Counter[int]  # of recordings
    channels: Counter[int]
    texts: list[str]  # one per row that has any
    log_mel: LogMel

    @property
    def speakers(self) -> dict[str, Counter[str]]:
        """Speaker -> split -> clips."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for clip in self.clips.values():
            if clip.example.speaker:
                counts[clip.example.speaker][clip.split] += 1
        return counts


def measure(
    task: str,
    options: DatasetConfig,
    data_dir: str,
    num_bins: int,
    max_clips: int | None = None,
    seed: int = 0,
    progress: checks.Progress = checks.no_progress,
) -> Statistics:
    """Count and measure.

    Args:
        num_bins: mel bins of the spectrogram.
        max_clips: measure the spectrogram of so many clips, drawn by `seed`; None: of all.
        progress: called with (clips decoded, clips to decode).

    Raises UserError if the corpus cannot be parsed or split.
    """
    folders, examples, dropped = check.parse(task, options, data_dir)
    drawn = drawing.draw(examples, options.name, task, options)
    sounds = recordings.listen_to_all(recordings.distinct(examples), is_quick=True)
    clips: dict[Clip, HeardClip] = {}
    for example, split in zip(examples, drawn.sides):
        if example.audio not in clips and (seconds := clip_seconds(example.audio, sounds)):
            clips[example.audio] = HeardClip(seconds, split, example)
    name = recordings.names(examples, folders)
    headers = {s.audio: sound.header for s, sound in sounds.items() if sound.header}
    mels, unheard = log_mel.measure(
        {clip: heard.split for clip, heard in clips.items()},
        options,
        num_bins,
        max_clips,
        seed,
        progress,
    )
    return Statistics(
        rows=len(examples),
        left_out=len(dropped),
        split=drawn.summary,
        clips=clips,
        unusable=[f"{name(s.audio)}: {x.fault}" for s, x in sounds.items() if x.fault] + unheard,
        sample_rates=Counter(header.sample_rate for header in headers.values()),
        channels=Counter(header.channels for header in headers.values()),
        texts=[example.reads for example in examples if example.reads],
        log_mel=mels,
    )


def clip_seconds(clip: Clip, sounds: Mapping[Segment, recordings.Sound]) -> float:
    """The length of a clip; 0 if a part of it cannot be used."""
    parts = [(segment.onset, sounds[segment._replace(onset=0.0)]) for segment in clip]
    if any(sound.fault for _, sound in parts):
        return 0.0
    return max(onset + sound.seconds for onset, sound in parts)


def summary(statistics: Statistics) -> dict[str, Any]:
    """The numbers in plain types, for JSON and tables."""
    seconds = [clip.seconds for clip in statistics.clips.values()]
    spread = np.percentile(seconds, PERCENTILES).tolist() if seconds else []
    hours = dict.fromkeys(splits.SPLITS, 0.0)
    for clip in statistics.clips.values():
        hours[clip.split] += clip.seconds / 3600
    speakers = [counts.total() for counts in statistics.speakers.values()]
    words = [[word.lower() for word in WORD.findall(text)] for text in statistics.texts]
    mels = statistics.log_mel
    return {
        "rows": statistics.rows,
        "rows_left_out": statistics.left_out,
        "split": statistics.split.definition,
        "rows_by_split": statistics.split.counts,
        "clips": len(seconds),
        "hours": sum(seconds) / 3600,
        "hours_by_split": hours,
        "seconds_percentiles": dict(zip(map(str, PERCENTILES), spread)),
        "unusable": statistics.unusable,
        "sample_rates": dict(statistics.sample_rates),
        "channels": dict(statistics.channels),
        "speakers": len(speakers),
        "clips_by_speaker": _spread(speakers),
        "texts": len(set(statistics.texts)),
        "words_by_text": _spread([len(text) for text in words]),
        "vocabulary": len({word for text in words for word in text}),
        "labels_by_split": statistics.split.labels,
        "log_mel": {
            "of": mels.heard,
            "clips": mels.num_clips,
            "bins": mels.num_bins,
            "all": _mean_and_std(mels.total, mels.num_bins),
            "train": _mean_and_std(mels.by_split["train"], mels.num_bins),
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
