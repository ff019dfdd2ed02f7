"""MSP-Podcast: speech from podcasts, eight emotions, three dimensions (Lotfian & Busso 2019).

Tasks: `ser`, eight classes; `dimensional`, arousal, valence and dominance of all turns, those of
another or of no emotion (O, X) included.

Votes are the primary emotions (EmoClass_Major) of `labels_detailed`, .csv or .json, if it is there.
The sex is that of the column Gender, if the release has it.

Releases and test sets differ a lot (arousal CCC .75 on 1.7 test1, .57 on 1.11 test3): name both
with every score.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from ..audio.segment import Segment
from ..errors import UserError, unknown
from . import Corpus
from .example import Dropped, Example, Traits, Votes
from .label_files import index_audio, number, read_json, read_table, read_text, require_known
from .votes import tally

# Early releases misspell the name.
TABLES = tuple(
    f"{folder}{name}.csv"
    for folder in ("", "Labels/")
    for name in ("labels_consensus", "labels_concensus")
)
# One annotator's answer per row (CSV), or per clip and annotator (JSON)
DETAILED = tuple(
    f"{folder}labels_detailed.{kind}" for folder in ("", "Labels/") for kind in ("csv", "json")
)
COLUMNS = ("FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Split_Set")
EMOTIONS = {
    "A": "angry",
    "S": "sad",
    "H": "happy",
    "U": "surprised",
    "F": "fearful",
    "D": "disgust",
    "C": "contempt",
    "N": "neutral",
}
# An annotator's words, in lower case -> class; all others are classes that no task has
VOTED = {"fear": "fearful", "surprise": "surprised"}
SEXES = ("female", "male")  # other cells: Unknown
DROPPED = ("O", "X")  # another emotion; no agreement
DIMENSIONS = ("EmoAct", "EmoVal", "EmoDom")
# Validation: before release 1.11
SPLITS = {"Train": "train", "Development": "val", "Validation": "val"}
TESTS = {"test1": "Test1", "test2": "Test2", "test3": "Test3"}


def load(
    root: Path, task: str, *, test: str = "test1", release: str = ""
) -> Iterator[Example | Dropped]:
    """The turns of train, development and one of the test sets, `test`.

    Targets are (arousal, valence, dominance), mapped from 1..7 to 0..1 by (x - 1) / 6, which is
    audEERING's map. The text is that of `Transcripts/NAME.txt`, if the release has it. The files
    do not say which release they are: `release` ("v1.11") states it in every result.
    """
    if not isinstance(release, str):
        raise UserError(f"dataset.release={release}: write it as dataset.release=v1.11")
    if test not in TESTS:
        raise unknown("test set of msp_podcast", test, TESTS)
    table = next((root / name for name in TABLES if (root / name).is_file()), root / TABLES[0])
    splits = SPLITS | {TESTS[test]: "test"}
    audio = index_audio(root / "Audios")
    votes = _votes(root) if task == "ser" else {}
    transcripts = {path.stem: path for path in (root / "Transcripts").glob("**/*.txt")}
    for line, row in enumerate(read_table(table, COLUMNS), start=1):
        clip, emotion, split = Path(row["FileName"]).stem, row["EmoClass"], row["Split_Set"]
        where = f"{table}, row {line}"
        require_known(where, "EmoClass", emotion, (*EMOTIONS, *DROPPED))
        require_known(where, "Split_Set", split, (*SPLITS, *TESTS.values()))
        targets = _dimensions(row)
        if split not in splits:
            yield Dropped(f"of another test set, {split}", clip)
        elif task == "ser" and emotion in DROPPED:
            yield Dropped(f"label {emotion}", clip)
        elif task == "dimensional" and not targets:
            yield Dropped("EmoAct, EmoVal or EmoDom is not between 1 and 7", clip)
        elif clip not in audio:
            yield Dropped("no audio file", clip)
        else:
            yield Example(
                id=clip,
                audio=(Segment(audio[clip]),),
                text=" ".join(read_text(transcripts[clip]).split()) if clip in transcripts else "",
                label=EMOTIONS[emotion] if task == "ser" else "",
                targets=targets if task == "dimensional" else (),
                split=splits[split],
                speaker="" if row["SpkrID"] == "Unknown" else row["SpkrID"],
                votes=votes.get(clip, ()),
                traits=_traits(row),
            )


def _traits(row: Mapping[str, str]) -> Traits:
    """The speaker's sex; none if it is unknown."""
    sex = row.get("Gender", "").lower()
    return (("sex", sex),) if sex in SEXES else ()


def _dimensions(row: Mapping[str, str]) -> tuple[float, ...]:
    """Arousal, valence, dominance, 0 to 1; empty if one is missing or out of range."""
    values = (number(row[name]) for name in DIMENSIONS)
    valid = tuple(value for value in values if value is not None and 1 <= value <= 7)
    return tuple((x - 1) / 6 for x in valid) if len(valid) == len(DIMENSIONS) else ()


def _votes(root: Path) -> dict[str, Votes]:
    """The votes of each clip; {} if the release has no detailed labels."""
    path = next((root / name for name in DETAILED if (root / name).is_file()), None)
    if path is None:
        return {}
    chosen: dict[str, list[tuple[str, float]]] = {}
    for clip, answer in _json_answers(path) if path.suffix == ".json" else _csv_answers(path):
        word = answer.partition("-")[0].strip().lower()  # Other-annoyed
        chosen.setdefault(Path(clip).stem, []).append((VOTED.get(word, word), 1.0))
    return {clip: tally(votes) for clip, votes in chosen.items()}


def _csv_answers(path: Path) -> Iterator[tuple[str, str]]:
    for row in read_table(path, ("FileName", "EmoClass_Major")):
        yield row["FileName"], row["EmoClass_Major"]


def _json_answers(path: Path) -> Iterator[tuple[str, str]]:
    """{clip: {annotator: {"EmoClass_Major": answer}}}. Raises UserError for another shape."""
    try:
        for clip, annotators in read_json(path).items():
            for answers in annotators.values():
                yield clip, str(answers["EmoClass_Major"])
    except (AttributeError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is not {{clip: {{annotator: {{EmoClass_Major: answer}}}}}}"
        ) from error


CORPUS = Corpus(
    load=load,
    tasks=("ser", "dimensional"),
    labels={"ser": tuple(EMOTIONS.values())},
    targets={"dimensional": ("arousal", "valence", "dominance")},
    notes={
        "ser": "eight classes; other (O) and no agreement (X) dropped. Scores of other releases or "
        "test sets are not comparable",
        "dimensional": "1..7 mapped to 0..1 by (x - 1) / 6; turns of every emotion, O and X too. "
        "Scores of other releases or test sets are not comparable",
    },
    layout="[Labels/]labels_consensus.csv and Audios/MSP-PODCAST_0001_0008.wav",
    source="Lotfian & Busso 2019, doi:10.1109/TAFFC.2017.2736999, licence from UT Dallas",
    votes="[Labels/]labels_detailed.csv or .json",
)
