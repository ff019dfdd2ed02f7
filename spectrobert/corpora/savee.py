"""SAVEE: 480 clips of four men, seven emotions (Haq & Jackson 2009).

The sentences are not shipped as text. Four folds, one man tested in each, numbered as in EmoBox
(`data/savee/fold_*`).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from ..audio.segment import Segment
from ..errors import unknown
from . import Corpus
from .example import Dropped, Example
from .file_names import read_names
from .reference import Reference

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

    def example(name: re.Match[str], path: str) -> Example:
        speaker, emotion = name.groups()
        return Example(
            id=name[0],
            audio=(Segment(path),),
            label=EMOTIONS[emotion],
            split="test" if speaker == TEST_SPEAKER[fold] else "train",
            speaker=speaker,
            traits=(("sex", "male"),),
        )

    return read_names(root, NAME, "SPEAKER/EMOTION NUMBER", example, clip=_clip, by_folder=True)


def clips() -> Iterator[Reference]:
    """The 480 clips by the rule of their names: each man 15 of an emotion, 30 neutral ones."""
    for fold, speaker in TEST_SPEAKER.items():
        for code, emotion in EMOTIONS.items():
            for number in range(1, 31 if emotion == "neutral" else 16):
                yield Reference(f"{speaker}_{code}{number:02}", emotion, str(fold), speaker)


def _clip(path: Path) -> str:
    return path.stem if "_" in path.stem else f"{path.parent.name}_{path.stem}"


COUNTS = {f"class {label}": 60 for label in EMOTIONS.values()} | {"class neutral": 120}

CORPUS = Corpus(
    load=load,
    tasks=("ser",),
    labels={"ser": tuple(EMOTIONS.values())},
    folds=4,
    layout="AudioData/DC/a01.wav, or DC_a01.wav in one folder",
    source="Haq & Jackson 2009, University of Surrey, research use on registration",
    published_counts={"examples": 480, "examples of test": 120, "speakers": 4} | COUNTS,
)
