"""SAVEE: 480 clips of four men, seven emotions (Haq & Jackson 2009).

The sentences are not shipped as text. Four folds, one man tested in each, numbered as in EmoBox
(`data/savee/fold_*`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..audio.segment import Segment
from ..errors import unknown
from . import Corpus
from .example import Dropped, Example
from .label_files import AUDIO_SUFFIXES

EMOTIONS = {
    "a": "angry",
    "d": "disgust",
    "f": "fearful",
    "h": "happy",
    "n": "neutral",
    "sa": "sad",
    "su": "surprised",
}
TEST_SPEAKER = {1: "JE", 2: "KL", 3: "DC", 4: "JK"}
NAME = re.compile(rf"({'|'.join(TEST_SPEAKER.values())})_({'|'.join(EMOTIONS)})\d\d")


def load(root: Path, task: str, *, fold: int = 1) -> Iterator[Example | Dropped]:
    """Every clip under `root`, named by folder and file (DC/a01.wav) or by file (DC_a01.wav)."""
    if fold not in TEST_SPEAKER:
        raise unknown("fold of savee", fold, TEST_SPEAKER)
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() not in AUDIO_SUFFIXES:
            continue
        clip = path.stem if "_" in path.stem else f"{path.parent.name}_{path.stem}"
        name = NAME.fullmatch(clip)
        if name is None:
            yield Dropped("file name is not SPEAKER/EMOTION NUMBER", str(path.relative_to(root)))
            continue
        speaker, emotion = name.groups()
        yield Example(
            id=clip,
            audio=(Segment(str(path)),),
            label=EMOTIONS[emotion],
            split="test" if speaker == TEST_SPEAKER[fold] else "train",
            speaker=speaker,
        )


def published_counts(root: Path, task: str, *, fold: int) -> dict[str, int]:
    """Of each man 15 clips an emotion, and 30 neutral ones."""
    labels = {f"class {label}": 60 for label in EMOTIONS.values()} | {"class neutral": 120}
    return {"examples": 480, "examples of test": 120, "speakers": 4} | labels


CORPUS = Corpus(
    load=load,
    tasks=("ser",),
    labels={"ser": tuple(EMOTIONS.values())},
    folds=4,
    layout="AudioData/DC/a01.wav, or DC_a01.wav in one folder",
    source="Haq & Jackson 2009, University of Surrey, research use on registration",
    published_counts=published_counts,
)
