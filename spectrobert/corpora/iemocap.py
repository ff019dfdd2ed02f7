"""IEMOCAP: five sessions of an actress and an actor in dialogue, 10,039 turns (Busso et al. 2008).

Four classes are the usual protocol: neutral, happy with excited merged in, angry, sad, 5531 turns.
Nine are the owner's categories, all but "other" (`oth`) and "no agreement" (`xxx`), which are
always dropped.

Votes are those of the raters (`C-E1:` and so on in EmoEvaluation), an equal part for each category
that a rater names; what the actors said of themselves (`C-F1:`, `C-M1:`) is not counted.

Times of words (`alignment`) are those of the release's forced alignment, iemocap_alignment.py.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..audio.segment import Segment
from ..errors import UserError, unknown
from . import Corpus, iemocap_alignment
from .example import Dropped, Example, Votes
from .label_files import index_audio, read_json, read_text, require_known
from .reference import Reference, json_lines
from .votes import one_vote, tally

SESSIONS = (1, 2, 3, 4, 5)
SPEAKERS = tuple(f"Ses0{session}{sex}" for session in SESSIONS for sex in "FM")
FOLDS: Mapping[str, tuple[str, ...]] = {  # how each fold's test turns begin
    "session": tuple(f"Ses0{session}" for session in SESSIONS),
    "speaker": SPEAKERS,
}
NINE = {
    "neu": "neutral",
    "hap": "happy",
    "exc": "excited",
    "ang": "angry",
    "sad": "sad",
    "fru": "frustrated",
    "fea": "fearful",
    "sur": "surprised",
    "dis": "disgust",
}
FOUR = {"neu": "neutral", "hap": "happy", "exc": "happy", "ang": "angry", "sad": "sad"}
CLASSES = {4: FOUR, 9: NINE}
OWNER_LABELS = (*NINE, "oth", "xxx")
# Users whose copy had other counts compared with published numbers in vain.
EXPECTED = {"neutral": 1708, "happy": 1636, "angry": 1103, "sad": 1084}

TEST_TURNS = (1085, 1023, 1151, 1031, 1241)  # of the four classes, by session

# The first F or M wore the markers, the last one is the speaker.
TURN = r"Ses0[1-5][FM]_\w+_[FM]\d{3}"
NUMBER = r"(\d+\.?\d*)"
RATER = re.compile(r"C-E\d+:([^(]*)")
# A rater's words -> codes of NINE; all others, as "Other", are classes that no task has
CATEGORIES = {
    "neutral": "neu",
    "neutral state": "neu",
    "happiness": "hap",
    "excited": "exc",
    "anger": "ang",
    "sadness": "sad",
    "frustration": "fru",
    "fear": "fea",
    "surprise": "sur",
    "disgust": "dis",
}
EVALUATION = re.compile(
    rf"\[{NUMBER} - {NUMBER}\]\t({TURN})\t(\w{{3}})\t\[{NUMBER}, {NUMBER}, {NUMBER}\]"
)
TRANSCRIPT = re.compile(rf"({TURN}) \[[^\]]*\]:(.*)")


def load(
    root: Path,
    task: str,
    *,
    classes: int = 4,
    folds: str = "session",
    fold: int = 1,
    strict: bool = True,
    alignment: bool = False,
) -> Iterator[Example | Dropped]:
    """All labelled turns (`ser`), all turns (`dimensional`), or all transcribed ones (`pre`).

    Targets are (arousal, valence, dominance), mapped from 1..5 to 0..1 by (x - 1) / 4.

    `folds="session"`: fold k tests session k. `folds="speaker"`: folds 1 to 10 test Ses01F, Ses01M,
    Ses02F, ...; the partner in the same dialogues then stays in training. There is no validation
    split: it is carved by speaker. Raises UserError if all five sessions are there but their
    four classes are not the known 5531 turns; `strict=False` takes them as they are.
    `alignment=True` reads the times of words; a turn has none if its file is missing, or has not
    the words of the transcript.
    """
    if classes not in CLASSES:
        raise unknown("number of classes of iemocap", classes, CLASSES)
    if folds not in FOLDS:
        raise unknown("kind of folds of iemocap", folds, FOLDS)
    if not 1 <= fold <= len(FOLDS[folds]):
        raise unknown(f"{folds} fold of iemocap", fold, range(1, len(FOLDS[folds]) + 1))
    unpacked = root / "IEMOCAP_full_release"  # what the owner's archive unpacks to
    root = unpacked if unpacked.is_dir() else root
    sessions = [session for session in SESSIONS if (root / f"Session{session}").is_dir()]
    tested = FOLDS[folds][fold - 1]
    rows = [
        row
        for session in sessions
        for row in _session(root / f"Session{session}", task, classes, tested)
    ]
    if alignment:
        rows = [iemocap_alignment.with_words(root, row) for row in rows]
    if strict and task == "ser" and classes == 4 and len(sessions) == len(SESSIONS):
        _check_counts(root, rows)
    for session in SESSIONS:
        if session not in sessions:
            yield Dropped("no folder of this session", f"Session{session}")
    yield from rows


def published_counts(
    root: Path, task: str, *, classes: int, folds: str, fold: int, strict: bool, alignment: bool
) -> dict[str, int]:
    """The four-class protocol's turns; nothing for the others."""
    if task != "ser" or classes != 4:
        return {}
    test = {"examples of test": TEST_TURNS[fold - 1]} if folds == "session" else {}
    labels = {f"class {label}": count for label, count in EXPECTED.items()}
    return {"examples": sum(EXPECTED.values()), "speakers": len(SPEAKERS)} | test | labels


def turns(source: Path) -> Iterator[Reference]:
    """The turns of the four classes, each with the fold that tests its session.

    Args:
        source: the owner's release, whose audio is not read; EmoBox' iemocap.jsonl; or s3prl's
            folder with Session1.json to Session5.json.
    """
    for turn, emotion in _labels(source):
        if not re.fullmatch(TURN, turn):
            raise UserError(f"{source}: {turn!r} is no name of an IEMOCAP turn")
        require_known(str(source), f"label of {turn}", emotion, OWNER_LABELS)
        if emotion in FOUR:
            yield Reference(turn, FOUR[emotion], turn[4], _speaker(turn))


def _labels(source: Path) -> Iterator[tuple[str, str]]:
    """Turn and owner's label, from any of the sources of `turns`."""
    if source.suffix == ".jsonl":
        for row in json_lines(source):
            yield str(row.get("key", "")).removeprefix("iemocap-"), str(row.get("emo", ""))
    elif (source / "Session1.json").is_file():
        for session in SESSIONS:
            for row in read_json(source / f"Session{session}.json").get("meta_data", []):
                yield Path(row["path"]).stem, row["label"]
    else:
        root = source / "IEMOCAP_full_release"
        for session in SESSIONS:
            folder = (root if root.is_dir() else source) / f"Session{session}"
            for _, line, _ in _turns(folder / "dialog" / "EmoEvaluation"):
                if parts := EVALUATION.fullmatch(line.rstrip()):
                    yield parts[3], parts[4]


def _session(folder: Path, task: str, classes: int, tested: str) -> Iterator[Example | Dropped]:
    """The turns of one session. `tested` is how the names of the test speakers begin."""
    audio = index_audio(folder / "sentences" / "wav")
    texts = _transcripts(folder / "dialog" / "transcriptions")
    for where, line, raters in _turns(folder / "dialog" / "EmoEvaluation"):
        parts = EVALUATION.fullmatch(line.rstrip())
        if parts is None:
            yield Dropped("unreadable line of EmoEvaluation", where)
            continue
        turn, emotion = parts[3], parts[4]
        require_known(where, "label", emotion, OWNER_LABELS)
        if task == "ser" and emotion not in CLASSES[classes]:
            yield Dropped(f"label {emotion}", turn)
        elif task == "pre" and not texts.get(turn):
            yield Dropped("no transcript", turn)
        elif turn not in audio:
            yield Dropped("no audio file", turn)
        else:
            speaker = _speaker(turn)
            yield Example(
                id=turn,
                audio=(Segment(audio[turn]),),
                text=texts.get(turn, ""),
                label=CLASSES[classes][emotion] if task == "ser" else "",
                targets=_dimensions(*parts.group(5, 6, 7)) if task == "dimensional" else (),
                split="test" if speaker.startswith(tested) else "train",
                speaker=speaker,
                votes=_votes(raters, classes) if task == "ser" else (),
                traits=(("sex", "female" if speaker.endswith("F") else "male"),),
            )


def _turns(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """FILE:NUMBER and text of the line of each turn, and the raters' lines below it."""
    turn: tuple[str, str, list[str]] | None = None
    for where, line in _lines(folder):
        if line.startswith("["):
            if turn:
                yield turn
            turn = where, line, []
        elif turn:
            turn[2].append(line)
    if turn:
        yield turn


def _votes(lines: Sequence[str], classes: int) -> Votes:
    """The categories that the raters name, merged as the classes are."""
    votes: list[tuple[str, float]] = []
    for rater in filter(None, map(RATER.match, lines)):
        words = [word for part in rater[1].split(";") if (word := part.strip().lower())]
        codes = [CATEGORIES.get(word, word) for word in words]
        votes += one_vote([CLASSES[classes].get(code, NINE.get(code, code)) for code in codes])
    return tally(votes)


def _dimensions(valence: str, arousal: str, dominance: str) -> tuple[float, ...]:
    """Arousal, valence, dominance; the lines have valence first."""
    return tuple((float(value) - 1) / 4 for value in (arousal, valence, dominance))


def _transcripts(folder: Path) -> dict[str, str]:
    lines = (TRANSCRIPT.fullmatch(line) for _, line in _lines(folder))
    return {line[1]: line[2].strip() for line in lines if line is not None}


def _lines(folder: Path) -> Iterator[tuple[str, str]]:
    """FILE:NUMBER and text of each line in a folder (its dot files are a Mac's leftovers)."""
    for path in sorted(folder.glob("Ses*.txt")):
        for number, line in enumerate(read_text(path).splitlines(), start=1):
            yield f"{path.name}:{number}", line


def _speaker(turn: str) -> str:
    """The speaker: Ses01M of `Ses01F_impro01_M003`, a turn of the dialogue `Ses01F_impro01`."""
    return turn[:5] + turn.rpartition("_")[2][0]


def _check_counts(root: Path, rows: Sequence[Example | Dropped]) -> None:
    found = Counter(row.label for row in rows if isinstance(row, Example))
    if found != EXPECTED:
        shown, expected = (
            ", ".join(f"{counts[label]} {label}" for label in EXPECTED)
            for counts in (found, EXPECTED)
        )
        raise UserError(
            f"{root} holds {found.total()} turns ({shown}) where IEMOCAP has "
            f"{sum(EXPECTED.values())} ({expected}); is the copy whole? "
            "dataset.strict=false takes it as it is"
        )


CORPUS = Corpus(
    load=load,
    tasks=("ser", "dimensional", "pre"),
    targets={"dimensional": ("arousal", "valence", "dominance")},
    notes={
        "ser": "dataset.classes=4: excited is merged into happy; 9: the owner's categories. Other "
        "(oth), no agreement (xxx) and labels outside the set are dropped",
        "dimensional": "1..5 mapped to 0..1 by (x - 1) / 4; turns of every emotion",
    },
    folds=5,
    layout="the full release: Session{1..5}/dialog/{EmoEvaluation,transcriptions}/*.txt and "
    "Session{1..5}/sentences/wav/DIALOG/TURN.wav",
    source="Busso et al. 2008, doi:10.1007/s10579-008-9076-6, licence from USC SAIL",
    published_counts=published_counts,
    votes="the raters' lines in EmoEvaluation",
    words="dataset.alignment=true, which reads sentences/ForcedAlignment/DIALOG/TURN.wdseg",
)
