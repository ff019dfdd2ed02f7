"""Clotho-AQA: questions about 1991 recordings of 15 to 30 s, each answered by three people.

Lipping et al. 2022, https://arxiv.org/abs/2204.09634; Zenodo 6473207; the recordings are
Freesound's, each with its own licence. Read are `clotho_aqa_{train,val,test}.csv` (file_name,
QuestionText, answer, confidence) and the recordings in `audio_files/`, or next to the CSV files.
The splits are the owner's, and no recording is in two of them.

Tasks: `aqa_binary` takes the rows answered yes or no, `aqa_open` all others (one word, 828 in
train), and `caption` those of `aqa_open`, their answers to be written, not chosen; the rows of the
other task are counted as left out. Every row is an example: three people, three rows, who need not
agree. Scored row by row, no system can pass 86.2 % binary and 61.1 % open on the test split. Votes
are the three answers to the question.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..audio.segment import Segment
from . import Corpus
from .answers import YES_NO, left_out
from .example import SPLITS, Dropped, Example, Votes
from .label_files import read_table
from .reference import Reference
from .votes import tally

WRITTEN = {"caption": "aqa_open"}  # a task that writes answers -> the task whose rows it has
COLUMNS = ("file_name", "QuestionText", "answer")
# Named one way in the CSV files and another way in some copies of the audio.
TWO_NAMES = {
    "souffle_me.tallique.wav": "souffle_me_tallique.wav",
    "souffle_me_tallique.wav": "souffle_me.tallique.wav",
}


def load(root: Path, task: str) -> Iterator[Example | Dropped]:
    """The rows of the task, in the order of the files; `id` is split:row, counted from 1.

    A recording need not exist: missing ones are found and counted when the data is checked.
    """
    folder = root / "audio_files" if (root / "audio_files").is_dir() else root
    for split in SPLITS:
        table = root / f"clotho_aqa_{split}.csv"
        # UTF-8, or else latin-1, in which the owner's list of recordings is written
        rows = list(read_table(table, COLUMNS, fallback="latin-1"))
        votes = _votes(rows)
        for number, row in enumerate(rows, 1):
            answer = row["answer"].lower()
            if reason := left_out(WRITTEN.get(task, task), answer):
                yield Dropped(reason, f"{split}:{number}")
                continue
            yield Example(
                id=f"{split}:{number}",
                audio=(Segment(str(_recording(folder, row["file_name"]))),),
                question=row["QuestionText"],
                label="" if task in WRITTEN else answer,
                caption=answer if task in WRITTEN else "",
                split=split,
                group=row["file_name"],
                votes=votes[_question(row)],
            )


def binary(table: Path) -> Iterator[Reference]:
    """The rows of clotho_aqa_test.csv that are answered yes or no."""
    return _references(table, "aqa_binary")


def open_answers(table: Path) -> Iterator[Reference]:
    """The rows of clotho_aqa_test.csv that are answered otherwise."""
    return _references(table, "aqa_open")


def _references(table: Path, task: str) -> Iterator[Reference]:
    for number, row in enumerate(read_table(table, COLUMNS, fallback="latin-1"), 1):
        answer, recording = row["answer"].lower(), row["file_name"]
        if not left_out(task, answer):
            question = row["QuestionText"]
            yield Reference(f"test:{number}", answer, group=recording, question=question)


def _question(row: Mapping[str, str]) -> tuple[str, str]:
    return row["file_name"], row["QuestionText"]


def _votes(rows: Iterable[Mapping[str, str]]) -> dict[tuple[str, str], Votes]:
    """The answers to each question."""
    answers: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for row in rows:
        answers.setdefault(_question(row), []).append((row["answer"].lower(), 1.0))
    return {question: tally(given) for question, given in answers.items()}


def published_counts(root: Path, task: str) -> dict[str, int]:
    """Counts of the owner's three files: rows and questions by task, recordings of both."""
    examples, questions = {
        "aqa_binary": ((14088, 4128, 5676), (4695, 1376, 1892)),
        "aqa_open": ((7044, 2064, 2838), (2348, 688, 946)),
    }[WRITTEN.get(task, task)]
    counts = {"examples": examples, "questions": questions, "recordings": (1174, 344, 473)}
    by_split = {
        f"{what} of {split}": count
        for what, of_splits in counts.items()
        for split, count in zip(SPLITS, of_splits)
    }
    if task in WRITTEN:
        return by_split
    return by_split | {"classes": 828 if task == "aqa_open" else len(YES_NO)}


def _recording(folder: Path, file_name: str) -> Path:
    path = folder / file_name
    if file_name in TWO_NAMES and not path.exists() and (folder / TWO_NAMES[file_name]).exists():
        return folder / TWO_NAMES[file_name]
    return path


CORPUS = Corpus(
    load=load,
    tasks=("aqa_binary", "aqa_open", "caption"),
    labels={"aqa_binary": YES_NO},
    notes={
        "aqa_binary": "the rows answered yes or no, three annotators per question; row by row no "
        "system can pass 86.2 % on the test split",
        "aqa_open": "the rows answered otherwise, three annotators per question; row by row no "
        "system can pass 61.1 % on the test split",
    },
    layout="clotho_aqa_train.csv, clotho_aqa_val.csv, clotho_aqa_test.csv, and audio_files/",
    source="Lipping et al. 2022, arXiv:2204.09634, Zenodo 6473207 (recordings: Freesound licences)",
    published_counts=published_counts,
    votes="the three answers to a question",
)
