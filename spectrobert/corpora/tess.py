"""TESS: two actresses, 200 words, seven emotions, 2800 clips (Dupuis & Pichora-Fuller 2010).

Two speakers cannot make three speaker-disjoint splits. So `speaker` is left empty and the 200 words
are the groups that stay on one side: both voices are heard in training and in testing, and a score
here does not hold for new speakers (EmoBox's fold mixes them too, and does not even keep the words
apart).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from ..audio.segment import Segment
from . import Corpus
from .example import Dropped, Example
from .file_names import read_names
from .reference import Reference, emobox_names

EMOTIONS = {  # the owner's words
    "angry": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happy",
    "neutral": "neutral",
    "ps": "pleasant surprise",
    "sad": "sad",
}
AGES = {"OAF": "64", "YAF": "26"}  # of the two women
# OA_bite_neutral.wav is the owner's slip for OAF_bite_neutral.wav.
NAME = re.compile(rf"(OAF?|YAF)_([a-z]+)_({'|'.join(EMOTIONS)})", re.IGNORECASE)


def load(root: Path, task: str) -> Iterator[Example | Dropped]:
    """Every clip under `root`; the first of two with one name (a mirror ships each clip twice)."""
    return read_names(root, NAME, "ACTRESS_WORD_EMOTION", _example, by_folder=True)


def emobox(path: Path) -> Iterator[Reference]:
    """The clips of a fold's file of EmoBox; the words are the groups, as in training."""
    for name in emobox_names(path, NAME):
        example = _example(name, "")
        yield Reference(example.id, example.label, group=example.group)


def _example(name: re.Match[str], path: str) -> Example:
    actress, word, emotion = (part.lower() for part in name.groups())
    who = "YAF" if actress == "yaf" else "OAF"
    return Example(
        id=f"{who}_{word}_{emotion}",
        audio=(Segment(path),),
        text=f"Say the word {word}.",
        label=EMOTIONS[emotion],
        group=word,
        traits=(("sex", "female"), ("age", AGES[who]), ("actress", who)),
    )


CORPUS = Corpus(
    load=load,
    tasks=("ser",),
    labels={"ser": tuple(EMOTIONS.values())},
    layout="OAF_back_angry.wav, YAF_..., in any folders",
    source="Dupuis & Pichora-Fuller 2010, doi:10.5683/SP2/E8H2MF, CC BY-NC-ND 4.0",
    published_counts={"examples": 2800} | {f"class {e}": 400 for e in EMOTIONS.values()},
    caveat="both speakers are in every split, which are divided by the word said",
)
