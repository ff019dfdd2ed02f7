"""CREMA-D: 7442 clips of 91 actors saying 12 sentences in six emotions (Cao et al. 2014).

The label is the emotion the actor was asked for, the usual target; the crowd's votes are not read.
The owner draws no split, and EmoBox's single fold has the same actors on both sides, so splits are
carved by actor.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from . import Corpus
from .example import Dropped, Example
from .file_names import read_names, speech

EMOTIONS = {
    "ANG": "angry",
    "DIS": "disgust",
    "FEA": "fearful",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
SENTENCES = {
    "DFA": "Don't forget a jacket.",
    "IEO": "It's eleven o'clock.",
    "IOM": "I'm on my way to the meeting.",
    "ITH": "I think I have a doctor's appointment.",
    "ITS": "I think I've seen this before.",
    "IWL": "I would like a new alarm clock.",
    "IWW": "I wonder what this is about.",
    "MTI": "Maybe tomorrow it will be cold.",
    "TAI": "The airplane is almost full.",
    "TIE": "That is exactly what happened.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
# The level (LO, MD, HI, XX: unspecified) is not read; the owner's 1040_ITH_SAD_X lacks a letter.
NAME = re.compile(rf"(1\d{{3}})_({'|'.join(SENTENCES)})_({'|'.join(EMOTIONS)})_(?:LO|MD|HI|XX?)")


def load(root: Path, task: str) -> Iterator[Example | Dropped]:
    """Every clip under `AudioWAV`, or under `root` if that folder is missing."""
    folder = root / "AudioWAV"  # the release holds the same clips as MP3 and FLV too
    return read_names(
        folder if folder.is_dir() else root,
        NAME,
        "ACTOR_SENTENCE_EMOTION_LEVEL",
        speech(SENTENCES, EMOTIONS),
    )


CORPUS = Corpus(
    load=load,
    tasks=("ser",),
    labels={"ser": tuple(EMOTIONS.values())},
    layout="AudioWAV/1001_DFA_ANG_XX.wav",
    source="Cao et al. 2014, doi:10.1109/TAFFC.2014.2336244, Open Database License",
    published_counts={"examples": 7442, "speakers": 91},
)
