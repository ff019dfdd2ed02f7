"""IEMOCAP, as its owner ships it."""

import json
from collections import Counter
from pathlib import Path

import pytest

from spectrobert.audio.segment import Segment
from spectrobert.corpora import iemocap
from spectrobert.corpora.example import Dropped
from spectrobert.errors import UserError

from ..helpers import made_up
from ..helpers.corpus_files import dropped, examples, fails


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made_up.iemocap(tmp_path)
    return tmp_path


def test_turn(root: Path) -> None:
    turn = examples(iemocap.load(root, "ser"))["Ses01F_impro01_M003"]
    wav_path = "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M003.wav"
    assert turn.audio == (Segment(str(root / wav_path)),)
    assert turn.text == "Excuse me: 3."
    assert (turn.label, turn.targets) == ("angry", ())
    assert turn.speaker == "Ses01M"  # not the dialogue's Ses01F


def test_dimensions_are_of_every_turn(root: Path) -> None:
    rows = list(iemocap.load(root, "dimensional"))
    assert len(examples(rows)) == len(made_up.IEMOCAP_LABELS) + 1
    assert dropped(rows) == {"no folder of this session": 3}
    # [V, A, D] = [2.5, 3, 4.5] of 1 to 5
    named = dict(
        zip(iemocap.CORPUS.targets["dimensional"], examples(rows)["Ses01F_impro01_M003"].targets)
    )
    assert named == pytest.approx({"arousal": 0.5, "valence": 0.375, "dominance": 0.875})
    assert {row.label for row in examples(rows).values()} == {""}


def test_four_and_nine_classes(root: Path) -> None:
    four = list(iemocap.load(root, "ser"))
    nine = list(iemocap.load(root, "ser", classes=9))
    first = "Ses01F_impro01_M{:03}"
    assert [examples(four)[first.format(n)].label for n in range(5)] == [
        "neutral",
        "happy",
        "happy",
        "angry",
        "sad",
    ]
    assert [examples(nine)[first.format(n)].label for n in range(9)] == list(iemocap.NINE.values())
    assert dropped(four) == Counter(
        {f"label {label}": 1 for label in made_up.IEMOCAP_LABELS[5:]}
        | {"no folder of this session": 3}
    )
    assert len(four) == len(nine) == len(made_up.IEMOCAP_LABELS) + 1 + 3


def test_pre_takes_every_transcribed_turn(root: Path) -> None:
    transcript = root / "Session2/dialog/transcriptions/Ses02M_script01_1b.txt"
    transcript.write_text("M: Hi.\n")
    rows = list(iemocap.load(root, "pre"))
    assert len(examples(rows)) == len(made_up.IEMOCAP_LABELS)
    assert {row.label for row in examples(rows).values()} == {""}
    assert dropped(rows)["no transcript"] == 1


def test_folds(root: Path) -> None:
    def tested(**options: object) -> set[str]:
        rows = examples(iemocap.load(root, "ser", **options)).values()
        assert {row.split for row in rows} <= {"train", "test"}
        return {row.speaker for row in rows if row.split == "test"}

    assert tested(fold=1) == {"Ses01M"}
    assert tested(fold=2) == {"Ses02F"}
    assert tested(folds="speaker", fold=1) == set()  # Ses01F says nothing here
    assert tested(folds="speaker", fold=2) == {"Ses01M"}
    assert tested(folds="speaker", fold=3) == {"Ses02F"}
    assert tested(folds="speaker", fold=10) == set()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"fold": 6}, "session fold of iemocap '6'"),
        ({"fold": 0}, "'0'"),
        ({"folds": "speaker", "fold": 11}, "speaker fold of iemocap '11'"),
        ({"folds": "sesion"}, "did you mean 'session'"),
        ({"classes": 5}, "known: 4, 9"),
    ],
)
def test_wrong_options(root: Path, options: dict, named: str) -> None:
    with pytest.raises(UserError, match=named):
        list(iemocap.load(root, "ser", **options))


def test_bad_lines_and_missing_sound(root: Path) -> None:
    file = root / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    file.write_text(file.read_text() + "\n[1.0 - 2.0]\tSes01F_impro01_F0")
    (root / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav").unlink()
    rows = list(iemocap.load(root, "ser"))
    line = len(file.read_text().splitlines())
    assert Dropped("unreadable line of EmoEvaluation", f"Ses01F_impro01.txt:{line}") in rows
    assert Dropped("no audio file", "Ses01F_impro01_M000") in rows

    file.write_text(file.read_text().replace("\tneu\t", "\tnet\t"))
    fails(iemocap.load(root, "ser"), "Ses01F_impro01.txt:3: label 'net' is none of neu, hap")


def test_real_labels_give_the_published_counts(real_data: Path, tmp_path: Path) -> None:
    """All 5531 turns of the real label lists, in the layout that the archive unpacks to."""
    root = tmp_path / "IEMOCAP_full_release"
    dialogues: dict[str, list[tuple[str, str]]] = {}
    for session in range(1, 6):
        path = real_data / "labels" / "iemocap_sessions" / f"Session{session}.json"
        for number, row in enumerate(json.loads(path.read_text())["meta_data"]):
            turn = Path(row["path"]).stem
            # The lists have excited merged already: every second one is given back.
            label = "exc" if row["label"] == "hap" and number % 2 else row["label"]
            dialogues.setdefault(turn.rpartition("_")[0], []).append((turn, label))
    for dialogue, turns in dialogues.items():
        made_up.write_dialogue(root, dialogue, [*turns, (f"{dialogue}_F999", "xxx")])

    for fold, tested in enumerate([1085, 1023, 1151, 1031, 1241], start=1):
        rows = list(iemocap.load(tmp_path, "ser", fold=fold))
        splits = Counter(row.split for row in examples(rows).values())
        assert splits == {"test": tested, "train": 5531 - tested}
    counts = Counter(row.label for row in examples(rows).values())
    assert counts == {"angry": 1103, "happy": 1636, "neutral": 1708, "sad": 1084}
    assert len({row.speaker for row in examples(rows).values()}) == 10
    assert dropped(rows) == {"label xxx": len(dialogues)}

    (root / "Session3/sentences/wav" / turns_of(dialogues, "Ses03")).unlink()
    with pytest.raises(
        UserError, match=r"holds 5530 turns .* where IEMOCAP has 5531 .*1708 neutral"
    ):
        list(iemocap.load(tmp_path, "ser"))
    assert len(examples(iemocap.load(tmp_path, "ser", strict=False))) == 5530


def turns_of(dialogues: dict[str, list[tuple[str, str]]], session: str) -> str:
    dialogue = next(name for name in sorted(dialogues) if name.startswith(session))
    return f"{dialogue}/{dialogues[dialogue][0][0]}.wav"
