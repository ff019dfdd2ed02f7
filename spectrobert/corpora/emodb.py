"""EmoDB, of Berlin: ten actors, ten German sentences, seven emotions, 535 clips (Burkhardt 2005).

The five folds that EmoBox takes over have all ten actors on both sides, so they are not offered:
splits are carved by actor.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from . import Corpus
from .example import Dropped, Example
from .file_names import read_names, speech

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
NAME = re.compile(rf"(\d\d)({'|'.join(SENTENCES)})([{''.join(EMOTIONS)}])[a-z]?")


def load(root: Path, task: str) -> Iterator[Example | Dropped]:
    """Every clip under `root`."""
    return read_names(root, NAME, "SPEAKER SENTENCE EMOTION VERSION", speech(SENTENCES, EMOTIONS))


CORPUS = Corpus(
    load=load,
    tasks=("ser",),
    labels={"ser": tuple(EMOTIONS.values())},
    layout="wav/03a01Fa.wav",
    source="Burkhardt et al. 2005, doi:10.21437/Interspeech.2005-446, free to use",
    # the clips that listeners recognised and found natural
    published_counts={"examples": 535, "speakers": 10},
)
