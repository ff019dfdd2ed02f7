"""CREMA-D: 7442 clips of 91 actors saying 12 sentences in six emotions (Cao et al. 2014).

The label is the emotion the actor was asked for, the usual target. Votes are those of the crowd
that heard the voice alone, if processedResults/tabulatedVotes.csv is there.
The owner draws no split, and EmoBox's single fold has the same actors on both sides, so splits are
carved by actor.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import UserError
from . import Corpus
from .example import Dropped, Example, Traits, Votes
from .file_names import read_names, speech
from .label_files import number, read_table
from .reference import Reference, emobox_names
from .votes import tally

EMOTIONS = {
    "ANG": "angry",
    "DIS": "disgust",
    "FEA": "fearful",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
TABLES = ("processedResults/tabulatedVotes.csv", "tabulatedVotes.csv")
PEOPLE = "VideoDemographics.csv"
TRAITS = {"Sex": "sex", "Age": "age", "Race": "race", "Ethnicity": "ethnicity"}  # its columns
VOTED = {name[0]: emotion for name, emotion in EMOTIONS.items()}  # columns of the table
VOICE = 100_000  # rows of the table are numbered from here; 200,000: the face, 300,000: both
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
    votes, traits = _votes(root), _traits(root)
    for row in read_names(
        folder if folder.is_dir() else root,
        NAME,
        "ACTOR_SENTENCE_EMOTION_LEVEL",
        speech(SENTENCES, EMOTIONS),
    ):
        if isinstance(row, Example):
            own = traits.get(row.speaker, ())
            row = replace(row, votes=votes.get(row.id, ()), traits=own)
        yield row


def emobox(path: Path) -> Iterator[Reference]:
    """The clips of a fold's file of EmoBox."""
    for name in emobox_names(path, NAME):
        yield Reference(name[0], EMOTIONS[name[3]], group=name[1])


def _traits(root: Path) -> dict[str, Traits]:
    """Traits of each actor by the owner's table; {} without it."""
    path = root / PEOPLE
    if not path.is_file():
        return {}
    return {
        row["ActorID"].strip(): tuple(
            (name, value.lower() if name == "sex" else value)
            for column, name in TRAITS.items()
            if (value := (row.get(column) or "").strip())
        )
        for row in read_table(path, ("ActorID", "Sex"))
    }


def _votes(root: Path) -> dict[str, Votes]:
    """The votes of each clip; {} without a table of them."""
    path = next((root / name for name in TABLES if (root / name).is_file()), None)
    if path is None:
        return {}
    found = {}
    for line, row in enumerate(read_table(path, (*VOTED, "fileName")), start=1):
        key = number(next(iter(row.values())))  # a column without a name
        if key is None or not VOICE < key < 2 * VOICE:
            continue
        counts = {emotion: number(row[column]) for column, emotion in VOTED.items()}
        if any(count is None or count < 0 for count in counts.values()):
            raise UserError(f"{path}, row {line}: {', '.join(VOTED)} must be numbers of votes")
        found[row["fileName"]] = tally((name, count or 0.0) for name, count in counts.items())
    return found


CORPUS = Corpus(
    load=load,
    tasks=("ser",),
    labels={"ser": tuple(EMOTIONS.values())},
    layout="AudioWAV/1001_DFA_ANG_XX.wav",
    source="Cao et al. 2014, doi:10.1109/TAFFC.2014.2336244, Open Database License",
    votes=TABLES[0],
    published_counts={"examples": 7442, "speakers": 91},
)
