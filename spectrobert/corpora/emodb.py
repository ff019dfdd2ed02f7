"""EmoDB, of Berlin: ten actors, ten German sentences, seven emotions, 535 clips (Burkhardt 2005).

Ten folds, one actor tested in each, in the order of their numbers. The five folds that EmoBox takes
over have all ten actors on both sides, so they are not offered. Validation is carved by actor.

Copies with four or five of the seven emotions are common: the classes are those that train has.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from ..audio.segment import Segment
from ..errors import UserError
from . import Corpus
from .example import Dropped, Example, Traits
from .file_names import read_names
from .reference import Reference

EMOTIONS = {  # the first letters of the German words: Wut, Langeweile, Ekel, Angst, Freude, Trauer
    "W": "angry",
    "L": "bored",
    "E": "disgust",
    "A": "fearful",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}
SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}
SEX_AND_AGE = {  # the owner's table of speakers, http://emodb.bilderbar.info/docu
    "03": ("male", "31"),
    "08": ("female", "34"),
    "09": ("female", "21"),
    "10": ("male", "32"),
    "11": ("male", "26"),
    "12": ("male", "30"),
    "13": ("female", "32"),
    "14": ("female", "35"),
    "15": ("male", "25"),
    "16": ("female", "31"),
}
ACTORS = ("03", "08", "09", "10", "11", "12", "13", "14", "15", "16")  # fold k tests the k-th
NAME = re.compile(rf"(\d\d)({'|'.join(SENTENCES)})([{''.join(EMOTIONS)}])[a-z]?")


def load(root: Path, task: str, *, fold: int = 1) -> Iterator[Example | Dropped]:
    """Every clip under `root`; those of the fold's actor are for testing."""
    if not 1 <= fold <= len(ACTORS):
        raise UserError(f"emodb has folds 1 to {len(ACTORS)}, not {fold}")

    def example(name: re.Match[str], path: str) -> Example:
        speaker, sentence, emotion = name.groups()
        return Example(
            id=name[0],
            audio=(Segment(path),),
            text=SENTENCES[sentence],
            label=EMOTIONS[emotion],
            split="test" if speaker == ACTORS[fold - 1] else "train",
            speaker=speaker,
            traits=_traits(speaker),
        )

    return read_names(root, NAME, "SPEAKER SENTENCE EMOTION VERSION", example)


def _traits(speaker: str) -> Traits:
    """Sex and age of an actor; none of a number that is not the owner's."""
    return tuple(zip(("sex", "age"), SEX_AND_AGE.get(speaker, ())))


def clips(names: str) -> Iterator[Reference]:
    """The clips of these names, separated by space, each with the fold that tests its actor."""
    for word in names.split():
        name = NAME.fullmatch(word)
        if name is None:
            raise UserError(f"{word!r} is no name of an Emo-DB clip")
        speaker, _, emotion = name.groups()
        fold = str(ACTORS.index(speaker) + 1)
        yield Reference(word, EMOTIONS[emotion], fold, speaker)


CORPUS = Corpus(
    load=load,
    tasks=("ser",),
    labels={"ser": tuple(EMOTIONS.values())},
    may_lack_classes=True,
    folds=len(ACTORS),
    layout="wav/03a01Fa.wav",
    source="Burkhardt et al. 2005, doi:10.21437/Interspeech.2005-446, free to use",
    # the clips that listeners recognised and found natural
    published_counts={"examples": 535, "speakers": 10},
)
