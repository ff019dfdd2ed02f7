"""MELD: 13,708 utterances of a TV series, seven emotions, three sentiments (Poria et al. 2019).

The owner's splits divide dialogues and share speakers: the six friends are in all three. So
`speaker` stays empty, the group is the dialogue, and a score here does not hold for new speakers.
Who speaks is a trait, `character`; the sex, which MELD does not state, is ours, of the six friends
alone.
MELD ships video: extract the audio first, with the command in `CORPUS.layout`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from ..audio.segment import Segment
from . import Corpus
from .example import Dropped, Example, Traits
from .label_files import index_audio, read_table, require_known
from .reference import Reference

SPLITS = {"train": "train", "dev": "val", "test": "test"}
EMOTIONS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
SENTIMENTS = ("negative", "neutral", "positive")
# by task: column, and the values allowed in it
LABELS = {"ser": ("Emotion", EMOTIONS), "sentiment": ("Sentiment", SENTIMENTS)}
# of the characters of the column Speaker that most utterances are of
SEXES = dict.fromkeys(("Monica", "Phoebe", "Rachel"), "female") | dict.fromkeys(
    ("Chandler", "Joey", "Ross"), "male"
)
COLUMNS = ("Utterance", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID")


def load(root: Path, task: str) -> Iterator[Example | Dropped]:
    """The utterances of all three splits; for `pre` without a label."""
    for name, split in SPLITS.items():
        table = root / f"{name}_sent_emo.csv"
        if not table.is_file():  # the archive has train_sent_emo.csv one folder down
            table = root / name / table.name
        audio = _index_split(root, name)
        # copies that went through a spreadsheet are in Windows' cp1252
        for number, row in enumerate(read_table(table, COLUMNS, fallback="cp1252"), start=1):
            dialogue, utterance = row["Dialogue_ID"], row["Utterance_ID"]
            if not (dialogue.isdecimal() and utterance.isdecimal()):
                where = f"{table.name}, row {number}"
                yield Dropped("Dialogue_ID or Utterance_ID is no number", where)
                continue
            clip = f"dia{int(dialogue)}_utt{int(utterance)}"
            text = _repaired(row["Utterance"])
            if task == "pre" and not text:
                yield Dropped("no text", f"{name}_{clip}")
            elif clip not in audio:
                yield Dropped("no audio file", f"{name}_{clip}")
            else:
                yield Example(
                    id=f"{name}_{clip}",
                    audio=(Segment(audio[clip]),),
                    text=text,
                    label=_label(row, task, f"{table}, row {number}"),
                    split=split,
                    group=f"{name}_dia{int(dialogue)}",  # each split numbers its dialogues from 0
                    traits=_traits(row.get("Speaker", "")),
                )


def published_counts(root: Path, task: str) -> dict[str, int]:
    """Utterances by split; `pre` leaves out those without words."""
    if task == "pre":
        return {"rows": 13708}
    return {"examples of train": 9989, "examples of val": 1109, "examples of test": 2610}


def _index_split(root: Path, name: str) -> dict[str, str]:
    """The clips in all folders whose names contain that of the split."""
    found: dict[str, str] = {}
    for folder in sorted(root.glob(f"*{name}*/")):
        found |= index_audio(folder)
    return found


def _traits(character: str) -> Traits:
    """The character, and the sex of a friend."""
    stated = {"sex": SEXES.get(character, ""), "character": character}
    return tuple((name, value) for name, value in stated.items() if value)


def _label(row: dict[str, str], task: str, where: str) -> str:
    if task not in LABELS:
        return ""
    column, allowed = LABELS[task]
    require_known(where, column, row[column], allowed)
    return row[column]


def emotions(table: Path) -> Iterator[Reference]:
    """The rows of test_sent_emo.csv with their emotion."""
    return _references(table, "ser")


def sentiments(table: Path) -> Iterator[Reference]:
    """The rows of test_sent_emo.csv with their sentiment."""
    return _references(table, "sentiment")


def _references(table: Path, task: str) -> Iterator[Reference]:
    for number, row in enumerate(read_table(table, COLUMNS, fallback="cp1252"), start=1):
        dialogue, utterance = row["Dialogue_ID"], row["Utterance_ID"]
        label = _label(row, task, f"{table}, row {number}")
        yield Reference(f"test_dia{dialogue}_utt{utterance}", label, group=f"test_dia{dialogue}")


def _repaired(text: str) -> str:
    """The published text has some Windows characters as controls: U+0092 is a right quote."""
    return re.sub(
        "[\x80-\x9f]", lambda found: found[0].encode("latin-1").decode("cp1252", "ignore"), text
    )


CORPUS = Corpus(
    load=load,
    tasks=("ser", "sentiment", "pre"),
    labels={"ser": EMOTIONS, "sentiment": SENTIMENTS},
    notes=dict.fromkeys(LABELS, "the owner's splits share speakers: no score for new ones"),
    layout="{train,dev,test}_sent_emo.csv and train_splits/, dev_splits_complete/, "
    "output_repeated_splits_test/ with diaD_uttU.wav; MELD ships .mp4, so first, in each folder: "
    'for f in dia*.mp4; do ffmpeg -i "$f" -vn -ac 1 -ar 16000 "${f%.mp4}.wav"; done',
    source="Poria et al. 2019, arXiv:1810.02508, annotation GPL-3.0, clips for research",
    published_counts=published_counts,
    caveat="the owner's splits share speakers: the six friends are in all three",
)
