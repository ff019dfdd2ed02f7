"""The one record that every corpus is parsed into."""

from dataclasses import dataclass
from typing import NamedTuple

from ..audio.segment import Segment

SPLITS = ("train", "val", "test")
Votes = tuple[tuple[str, float], ...]  # class -> annotators who chose it
Traits = tuple[tuple[str, str], ...]  # name -> value: of the speaker, or of the clip


class Word(NamedTuple):
    """A spoken word and its time, in seconds into the clip."""

    text: str
    start: float
    end: float


class Dropped(NamedTuple):
    """A row that a parser leaves out, yielded in place of an Example, and counted."""

    reason: str  # the same words for every such row: "label <mixed>", "no audio file"
    what: str  # its id, or the file and line


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a corpus, for one task. Empty strings: the corpus does not state it."""

    id: str  # unique in the corpus, the same on every machine; the key of predictions.csv
    audio: tuple[Segment, ...]
    text: str = ""  # caption or transcript: read by the model with the audio
    # A question, or another prompt; the model then reads it in place of the text
    question: str = ""
    label: str = ""  # the class, as a string: emotion, sentiment, answer
    targets: tuple[float, ...] = ()  # continuous or multi-hot, in the corpus' documented order
    split: str = ""  # "train", "val", "test", or "" if the owner draws no line
    speaker: str = ""  # never shared between splits unless a random split is asked for
    group: str = ""  # not divided by splits either: a source recording, a video, a fold
    seconds: float = 0.0  # the clip's length as the owner states it; 0: not stated
    source: str = ""  # the part of a corpus made of several: a file, a collection
    content: tuple[str, ...] = ()  # sounds heard, in order; (): the corpus does not state them
    claims: tuple[str, ...] = ()  # the part of a content that the text asserts, in the same order
    votes: Votes = ()  # of all annotators, for classes that the task may lack too; (): not stated
    # To be written about the clip; rows of one recording and question are references of each other
    caption: str = ""
    video: str = ""  # a path (audio/video.py), for models that see; "": the corpus has none
    phones: str = ""  # numbers, one per 10 ms, or the path of a .npy file of them, likewise
    traits: Traits = ()  # sex, age and the like: scores are taken by them, no model reads them
    words: tuple[Word, ...] = ()  # of the text, in order, with times; (): not stated

    @property
    def reads(self) -> str:
        """The text that goes into the model."""
        return self.question or self.text
