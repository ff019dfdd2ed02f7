"""RAVDESS, the speech clips: two sentences, eight emotions, 24 actors, 1440 clips of 3 to 5 s.

Livingstone & Russo 2018, https://doi.org/10.1371/journal.pone.0196391; Zenodo 1188976; CC BY-NC-SA
4.0. Labels are in the names: `MM-VV-EE-II-SS-RR-AA.wav`, modality, channel, emotion, intensity,
statement, repetition, actor (odd: male).

Only modality 03 (audio) and channel 01 (speech) are taken: the sound of the video files is the same
recordings again. A name that is found twice (a copy in a nested folder, WAV next to FLAC) is taken
once. One pair of the original, 03-01-03-01-02-01-07 and 03-01-03-01-02-02-07, is the same bytes
under two names: both are kept, their actor is one.

The test split is one of the six folds of EmoBox (four actors, 240 clips each); validation is carved
by actor.

Tasks: `ser`, eight classes; the transcript is the text, one of two sentences, which does not give
the label away. `sentiment`: valence of the emotion; calm was recorded as a second neutral, and
surprise, which may be of either sign, is left out (192 clips). `pre`: the transcript as text.
"""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from ..audio.segment import Segment
from ..errors import UserError
from . import Corpus
from .example import Dropped, Example
from .file_names import read_names
from .reference import Reference

NAME = re.compile(r"(0[1-3])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-([01]\d|2[0-4])")
AUDIO_SPEECH = ("03", "01")  # modality, channel
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")  # 01-08
STATEMENTS = ("kids", "dogs")  # 01, 02
SENTENCES = ("Kids are talking by the door", "Dogs are sitting by the door")  # 01, 02
VALENCE = {
    "neutral": "neutral",
    "calm": "neutral",
    "happy": "positive",
    "sad": "negative",
    "angry": "negative",
    "fearful": "negative",
    "disgust": "negative",
}
TEST_ACTORS = (  # EmoBox, data/ravdess/fold_*
    ("01", "11", "20", "21"),
    ("04", "10", "12", "14"),
    ("08", "09", "19", "23"),
    ("03", "05", "07", "24"),
    ("02", "15", "16", "18"),
    ("06", "13", "17", "22"),
)


def load(root: Path, task: str, *, fold: int = 1) -> Iterator[Example | Dropped]:
    """The clips anywhere under `root`; those of the fold's actors are for testing."""
    if not 1 <= fold <= len(TEST_ACTORS):
        raise UserError(f"ravdess has folds 1 to {len(TEST_ACTORS)}, not {fold}")

    def example(name: re.Match[str], path: str) -> Example | Dropped:
        modality, channel, number, strength, sentence, _, actor = name.groups()
        emotion = EMOTIONS[int(number) - 1]
        if (modality, channel) != AUDIO_SPEECH:
            return Dropped("not speech of an audio file", name[0])
        if task == "sentiment" and emotion not in VALENCE:
            return Dropped(f"label {emotion}", name[0])
        return Example(
            id=name[0],
            audio=(Segment(path),),
            text=SENTENCES[int(sentence) - 1],
            label={"ser": emotion, "sentiment": VALENCE.get(emotion, ""), "pre": ""}[task],
            split="test" if actor in TEST_ACTORS[fold - 1] else "train",
            speaker=actor,
            traits=(
                ("sex", "male" if int(actor) % 2 else "female"),
                ("intensity", "normal" if strength == "01" else "strong"),
                ("statement", STATEMENTS[int(sentence) - 1]),
            ),
        )

    return read_names(root, NAME, "MM-VV-EE-II-SS-RR-AA", example)


def clips() -> Iterator[Reference]:
    """The 1440 clips by the rule of their names, each with the fold that tests its actor."""
    folds = {a: str(n) for n, actors in enumerate(TEST_ACTORS, start=1) for a in actors}
    two = ("01", "02")
    for actor, (number, emotion) in product(sorted(folds), enumerate(EMOTIONS, start=1)):
        strengths = two[:1] if emotion == "neutral" else two  # neutral has no strong version
        for strength, sentence, repetition in product(strengths, two, two):
            name = "-".join((*AUDIO_SPEECH, f"{number:02}", strength, sentence, repetition, actor))
            yield Reference(name, emotion, folds[actor], actor)


def published_counts(root: Path, task: str, *, fold: int) -> dict[str, int]:
    """Counts of the paper and of EmoBox's folds."""
    classes = {
        "ser": dict.fromkeys(EMOTIONS, 192) | {"neutral": 96},
        "sentiment": {"negative": 768, "neutral": 288, "positive": 192},
        "pre": {},
    }[task]
    labels = {f"class {label}": count for label, count in classes.items()}
    test = {"examples of test": 240} if task != "sentiment" else {}
    return {"examples": sum(classes.values()) or 1440, "speakers": 24} | test | labels


CORPUS = Corpus(
    load=load,
    tasks=("pre", "ser", "sentiment"),
    labels={"ser": EMOTIONS, "sentiment": ("negative", "neutral", "positive")},
    notes={
        "sentiment": "valence of the emotion: calm and neutral are neutral, happy is positive, "
        "sad, angry, fearful and disgust are negative, surprised is left out"
    },
    folds=len(TEST_ACTORS),
    layout="03-01-EE-II-SS-RR-AA.wav (or .flac), in Actor_NN folders or flat",
    source="Livingstone & Russo 2018, doi:10.1371/journal.pone.0196391, CC BY-NC-SA 4.0",
    published_counts=published_counts,
)
