"""IEMOCAP, CMU-MOSEI and MSP-Podcast, built as their owners ship them."""

from __future__ import annotations

import io
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrobert.audio.segment import Segment
from spectrobert.corpora import cmu_mosei, iemocap, msp_podcast
from spectrobert.corpora.example import Dropped, Example
from spectrobert.errors import UserError

from ..helpers.corpus_files import damage, parse_or_refuse

Rows = Iterable[Example | Dropped]


def wav() -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(160), 16000, format="WAV")
    return buffer.getvalue()


WAV = wav()


def write(path: Path, content: str | bytes = WAV) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def examples(rows: Rows) -> dict[str, Example]:
    return {row.id: row for row in rows if isinstance(row, Example)}


def dropped(rows: Rows) -> Counter[str]:
    return Counter(row.reason for row in rows if isinstance(row, Dropped))


# --- IEMOCAP ---


def write_dialogue(root: Path, dialogue: str, turns: list[tuple[str, str]]) -> None:
    """One dialogue as released, clutter included; `turns` are (turn, label)."""
    session = root / f"Session{dialogue[4]}"
    evaluation = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
    transcript = []
    for number, (turn, label) in enumerate(turns):
        start = f"{number}.2901 - {number}.8357"
        evaluation += [
            f"[{start}]\t{turn}\t{label}\t[2.5000, 3.0000, 4.5000]",
            "C-E2:\tNeutral;\t()",
            "A-E3:\tval 3; act 2; dom  2;\t()",
            "",
        ]
        transcript.append(f"{turn} [{number:03}.2901-{number:03}.8357]: Excuse me: {number}.")
        write(session / "sentences" / "wav" / dialogue / f"{turn}.wav")
    transcript.append("M: [BREATHING]")
    transcript.append(f"{dialogue}_MXX0 [001.0000-002.0000]: Mmhmm.")
    write(session / "dialog" / "EmoEvaluation" / f"{dialogue}.txt", "\n".join(evaluation))
    write(session / "dialog" / "EmoEvaluation" / f"._{dialogue}.txt", b"\x00\x05\x16\x07\xff[")
    write(session / "dialog" / "EmoEvaluation" / "Categorical" / f"{dialogue}_e1.txt", "[1] x")
    write(session / "dialog" / "transcriptions" / f"{dialogue}.txt", "\n".join(transcript) + "\n")


LABELS = ["neu", "hap", "exc", "ang", "sad", "fru", "fea", "sur", "dis", "oth", "xxx"]


@pytest.fixture
def iemocap_root(tmp_path: Path) -> Path:
    """Two sessions; in session 1 each of the owner's labels once, said by the man."""
    turns = [(f"Ses01F_impro01_M{n:03}", label) for n, label in enumerate(LABELS)]
    write_dialogue(tmp_path, "Ses01F_impro01", turns)
    write_dialogue(tmp_path, "Ses02M_script01_1b", [("Ses02M_script01_1b_F000", "ang")])
    return tmp_path


def test_iemocap_turn(iemocap_root: Path) -> None:
    turn = examples(iemocap.load(iemocap_root, "ser"))["Ses01F_impro01_M003"]
    wav_path = "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M003.wav"
    assert turn.audio == (Segment(str(iemocap_root / wav_path)),)
    assert turn.text == "Excuse me: 3."
    assert (turn.label, turn.targets) == ("angry", ())
    assert turn.speaker == "Ses01M"  # not the dialogue's Ses01F


def test_iemocap_dimensions_are_of_every_turn(iemocap_root: Path) -> None:
    rows = list(iemocap.load(iemocap_root, "dimensional"))
    assert len(examples(rows)) == len(LABELS) + 1
    assert dropped(rows) == {"no folder of this session": 3}
    # [V, A, D] = [2.5, 3, 4.5] of 1 to 5
    named = dict(
        zip(iemocap.CORPUS.targets["dimensional"], examples(rows)["Ses01F_impro01_M003"].targets)
    )
    assert named == pytest.approx({"arousal": 0.5, "valence": 0.375, "dominance": 0.875})
    assert {row.label for row in examples(rows).values()} == {""}


def test_iemocap_four_and_nine_classes(iemocap_root: Path) -> None:
    four = list(iemocap.load(iemocap_root, "ser"))
    nine = list(iemocap.load(iemocap_root, "ser", classes=9))
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
        {f"label {label}": 1 for label in LABELS[5:]} | {"no folder of this session": 3}
    )
    assert len(four) == len(nine) == len(LABELS) + 1 + 3


def test_iemocap_pre_takes_every_transcribed_turn(iemocap_root: Path) -> None:
    transcript = iemocap_root / "Session2/dialog/transcriptions/Ses02M_script01_1b.txt"
    transcript.write_text("M: Hi.\n")
    rows = list(iemocap.load(iemocap_root, "pre"))
    assert len(examples(rows)) == len(LABELS)
    assert {row.label for row in examples(rows).values()} == {""}
    assert dropped(rows)["no transcript"] == 1


def test_iemocap_folds(iemocap_root: Path) -> None:
    def tested(**options: object) -> set[str]:
        rows = examples(iemocap.load(iemocap_root, "ser", **options)).values()
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
def test_iemocap_wrong_options(iemocap_root: Path, options: dict, named: str) -> None:
    with pytest.raises(UserError, match=named):
        list(iemocap.load(iemocap_root, "ser", **options))


def test_iemocap_bad_lines_and_missing_sound(iemocap_root: Path) -> None:
    file = iemocap_root / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    file.write_text(file.read_text() + "\n[1.0 - 2.0]\tSes01F_impro01_F0")
    (iemocap_root / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav").unlink()
    rows = list(iemocap.load(iemocap_root, "ser"))
    line = len(file.read_text().splitlines())
    assert Dropped("unreadable line of EmoEvaluation", f"Ses01F_impro01.txt:{line}") in rows
    assert Dropped("no audio file", "Ses01F_impro01_M000") in rows

    file.write_text(file.read_text().replace("\tneu\t", "\tnet\t"))
    with pytest.raises(UserError, match=r"Ses01F_impro01.txt:3: label 'net' is none of neu, hap"):
        list(iemocap.load(iemocap_root, "ser"))


def test_iemocap_real_labels_give_the_published_counts(real_data: Path, tmp_path: Path) -> None:
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
        write_dialogue(root, dialogue, [*turns, (f"{dialogue}_F999", "xxx")])

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


# --- CMU-MOSEI ---

MOSEI_CSV = (
    ",file,index,start,end,label2a,label2b,label6,label7,split\n"
    "0,--qXJuDtHPw,0,23.199,30.325,1,1,0,1,1\n"
    "1,-3g5yACwYnA,0,82.753,100.555,1,1,0,1,0\n"
    "2,-3g5yACwYnA,1,-0.4379,5.5,0,-1,2,-3,0\n"
    "3,2OLVF-KEaZU,3,1.0,4.0,1,0,0,0,2\n"
    "4,-9YyBTjo1zo,0,1.0,2.0,0,-1,0,-1,3\n"
)
# video: (start, end, sentiment and six emotions) by segment, in the order of the .csd
MOSEI_CSD = {
    "--qXJuDtHPw": [(23.199, 30.325, [0.5, 0.67, 0, 0, 0, 0, 0])],
    "-3g5yACwYnA": [
        (82.753, 100.555, [1.5, 0, 1, 0, 0, 0, 0.33]),
        (-0.4379, 5.5, [-0.3333, 0, 0, 0, 0, 0, 0]),
    ],
    "2OLVF-KEaZU": [(1.0, 4.0, [-4.2, 0, 0, 2, 0, 0, 0])],  # owner's slip: beyond -3
    "-9YyBTjo1zo": [(1.0, 2.0, [-1.0, 0, 0, 0, 0, 0, 0])],
}
STD_FOLDS = (
    "standard_train_fold=['-3g5yACwYnA']\n"
    "standard_valid_fold=['--qXJuDtHPw']\n"
    "standard_test_fold=['2OLVF-KEaZU']\n"
)


def write_csd(path: Path, name: str, rows: dict[str, list[tuple[float, float, list]]]) -> Path:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file.create_group(f"{name}/metadata").create_dataset("md5", data=b"x")
        for video, segments in rows.items():
            group = file.create_group(f"{name}/data/{video}")
            cells = [cells for _, _, cells in segments]
            kind = "S32" if isinstance(cells[0][0], bytes) else "float32"
            group.create_dataset("features", data=np.array(cells, dtype=kind))
            group.create_dataset("intervals", data=np.array([row[:2] for row in segments]))
    return path


@pytest.fixture
def mosei_csv(tmp_path: Path) -> Path:
    """The segment list and the sound: one segment cut as s3prl does, the other videos whole."""
    write(tmp_path / cmu_mosei.LABELS_CSV, MOSEI_CSV)
    write(tmp_path / "Audio/Segmented_Audio/dev/--qXJuDtHPw_0.wav")
    for video in MOSEI_CSD:
        write(tmp_path / f"Audio/Full/WAV_16000/{video}.wav")
    return tmp_path


@pytest.fixture
def mosei_both(mosei_csv: Path) -> Path:
    write_csd(mosei_csv / cmu_mosei.LABELS_CSD, "All Labels", MOSEI_CSD)
    words = [(0.1, 0.5, [b"it"]), (0.5, 0.9, [b"sp"]), (0.9, 1.5, [b"works"]), (5.4, 6.2, [b"no"])]
    write_csd(mosei_csv / cmu_mosei.WORDS_CSD, "words", {"-3g5yACwYnA": words[::-1]})
    return mosei_csv


def test_mosei_cuts_splits_and_groups(mosei_csv: Path) -> None:
    rows = list(cmu_mosei.load(mosei_csv, "sentiment", classes="2_nonneg"))
    found = examples(rows)
    cut = mosei_csv / "Audio/Segmented_Audio/dev/--qXJuDtHPw_0.wav"
    whole = mosei_csv / "Audio/Full/WAV_16000"
    assert found["--qXJuDtHPw_0"].audio == (Segment(str(cut)),)
    assert found["-3g5yACwYnA_0"].audio == (
        Segment(str(whole / "-3g5yACwYnA.wav"), 82.753, 100.555),
    )
    assert found["-3g5yACwYnA_1"].audio[0].start == 0  # it begins before the video does
    assert {clip: row.split for clip, row in found.items()} == {
        "--qXJuDtHPw_0": "val",
        "-3g5yACwYnA_0": "train",
        "-3g5yACwYnA_1": "train",
        "2OLVF-KEaZU_3": "test",
    }
    assert found["-3g5yACwYnA_1"].group == "-3g5yACwYnA"
    assert [row for row in rows if isinstance(row, Dropped)] == [
        Dropped("in no standard fold", "-9YyBTjo1zo_0")
    ]


def test_mosei_csv_alone_is_honest_about_its_rounding(mosei_csv: Path) -> None:
    two = examples(cmu_mosei.load(mosei_csv, "sentiment", classes="2_nonneg"))
    assert [row.label for row in two.values()] == [
        "non-negative",
        "non-negative",
        "negative",
        "non-negative",
    ]
    assert {row.targets for row in two.values()} == {()}  # there is no continuous value to give
    away = examples(cmu_mosei.load(mosei_csv, "sentiment", classes="label7"))
    assert [row.label for row in away.values()] == ["1", "1", "-3", "0"]
    with pytest.raises(
        UserError, match=r"needs .*CMU_MOSEI_Labels.csd: .*classes=2_nonneg, =2_pos"
    ):
        list(cmu_mosei.load(mosei_csv, "sentiment", classes="7"))
    for task in ("sentiment_regression", "ser_multilabel"):
        with pytest.raises(UserError, match=rf"task {task} needs .*CMU_MOSEI_Labels.csd"):
            list(cmu_mosei.load(mosei_csv, task))
    with pytest.raises(UserError, match="known: 2_nonneg, 2_pos, 7, label7"):
        list(cmu_mosei.load(mosei_csv, "sentiment", classes="5"))


def test_mosei_seven_classes_round_half_to_even_after_clipping(mosei_both: Path) -> None:
    found = examples(cmu_mosei.load(mosei_both, "sentiment"))
    assert {clip: row.label for clip, row in found.items()} == {
        "--qXJuDtHPw_0": "0",  # 0.5
        "-3g5yACwYnA_0": "2",  # 1.5
        "-3g5yACwYnA_1": "0",  # -0.33, where label7 says -3
        "2OLVF-KEaZU_3": "-3",  # -4.2
    }
    regression = examples(cmu_mosei.load(mosei_both, "sentiment_regression"))
    assert {row.label for row in regression.values()} == {""}
    assert [row.targets for row in regression.values()] == [
        pytest.approx((value,)) for value in (0.5, 1.5, -0.3333, -4.2)
    ]
    two = examples(cmu_mosei.load(mosei_both, "sentiment", classes="2_nonneg"))
    assert two["2OLVF-KEaZU_3"].label == "negative"  # the .csd's value, where the CSV says 1


@pytest.mark.parametrize("has_csd", [True, False], ids=["csd", "csv alone"])
def test_mosei_without_the_neutral_ones(mosei_both: Path, has_csd: bool) -> None:
    """The last clip's sentiment is 0 in the CSV, -4.2 in the .csd."""
    if not has_csd:
        (mosei_both / cmu_mosei.LABELS_CSD).unlink()
    rows = list(cmu_mosei.load(mosei_both, "sentiment", classes="2_pos"))
    assert [row.label for row in examples(rows).values()] == [
        "positive",
        "positive",
        "negative",
    ] + (["negative"] if has_csd else [])
    assert dropped(rows)["sentiment 0, neither negative nor positive"] == (0 if has_csd else 1)


def test_mosei_emotions_and_words(mosei_both: Path) -> None:
    found = examples(cmu_mosei.load(mosei_both, "ser_multilabel"))
    named = dict(zip(cmu_mosei.EMOTIONS, found["-3g5yACwYnA_0"].targets, strict=True))
    assert {name for name, present in named.items() if present} == {"sad", "fear"}
    assert found["-3g5yACwYnA_0"].targets == (0, 1, 0, 0, 0, 1)
    assert found["2OLVF-KEaZU_3"].targets == (0, 0, 1, 0, 0, 0)
    assert found["-3g5yACwYnA_1"].targets == (0, 0, 0, 0, 0, 0)
    assert {row.label for row in found.values()} == {""}
    assert found["-3g5yACwYnA_1"].text == "it works"
    assert found["-3g5yACwYnA_0"].text == found["2OLVF-KEaZU_3"].text == ""


def test_mosei_csd_alone_takes_its_folds_from_the_sdk(mosei_both: Path) -> None:
    with_csv = examples(cmu_mosei.load(mosei_both, "sentiment"))
    (mosei_both / cmu_mosei.LABELS_CSV).unlink()
    with pytest.raises(UserError, match=r"cmu_mosei_std_folds\.py"):
        list(cmu_mosei.load(mosei_both, "sentiment"))
    folds = write(mosei_both / cmu_mosei.FOLDS_PY, STD_FOLDS)
    rows = list(cmu_mosei.load(mosei_both, "sentiment"))
    found = examples(rows)
    assert found["-3g5yACwYnA_1"] == with_csv["-3g5yACwYnA_1"]
    assert {clip: row.split for clip, row in found.items()} == {
        "--qXJuDtHPw_0": "val",
        "-3g5yACwYnA_0": "train",
        "-3g5yACwYnA_1": "train",
        "2OLVF-KEaZU_0": "test",
    }
    assert dropped(rows) == {"in no standard fold": 1}
    with pytest.raises(UserError, match=r"label7 needs .*csv"):
        list(cmu_mosei.load(mosei_both, "sentiment", classes="label7"))
    for spoilt in ("x = [", "standard_train_fold = open('x')", "standard_train_fold = 3", ""):
        folds.write_text(spoilt)
        with pytest.raises(UserError, match="does not hold the lists standard_train_fold"):
            list(cmu_mosei.load(mosei_both, "sentiment"))


def test_mosei_drops_what_it_cannot_label_or_hear(mosei_both: Path) -> None:
    rows = {**MOSEI_CSD, "2OLVF-KEaZU": [(1.0, 4.0, [float("nan")] * 7)]}
    del rows["--qXJuDtHPw"]
    write_csd(mosei_both / cmu_mosei.LABELS_CSD, "All Labels", rows)
    (mosei_both / "Audio/Full/WAV_16000/-3g5yACwYnA.wav").unlink()
    loaded = list(cmu_mosei.load(mosei_both, "sentiment"))
    assert dropped(loaded) == {
        "no annotation in CMU_MOSEI_Labels.csd": 2,
        "no audio file": 2,
        "in no standard fold": 1,
    }


def test_mosei_foreign_csd_and_missing_h5py(
    mosei_both: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    csd = mosei_both / cmu_mosei.LABELS_CSD
    write_csd(csd, "OpenFace", {"a": [(0.0, 1.0, [1.0, 2.0])]})
    with pytest.raises(UserError, match=r"CMU_MOSEI_Labels\.csd is not .* with 7 columns"):
        list(cmu_mosei.load(mosei_both, "sentiment"))
    csd.write_bytes(b"<html>404</html>")
    with pytest.raises(UserError, match="is not a computational sequence"):
        list(cmu_mosei.load(mosei_both, "sentiment"))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UserError, match="reading it needs h5py: pip install"):
        list(cmu_mosei.load(mosei_both, "sentiment"))
    with pytest.raises(UserError, match=r"no CMU_MOSEI_Labels.csv and no CMU_MOSEI_Labels.csd"):
        list(cmu_mosei.load(mosei_both / "Audio", "sentiment"))


def test_mosei_real_csv_gives_the_standard_folds(real_data: Path, tmp_path: Path) -> None:
    csv = real_data / "labels" / cmu_mosei.LABELS_CSV
    (tmp_path / cmu_mosei.LABELS_CSV).symlink_to(csv)
    for line in csv.read_text().splitlines()[1:]:
        write(tmp_path / "Full/WAV_16000" / f"{line.split(',')[1]}.wav", b"")
    rows = list(cmu_mosei.load(tmp_path, "sentiment", classes="2_nonneg"))
    splits = Counter(row.split for row in examples(rows).values())
    assert splits == {"train": 16327, "val": 1871, "test": 4662}
    assert dropped(rows) == {"in no standard fold": 399}
    tested = [row.label for row in examples(rows).values() if row.split == "test"]
    assert tested.count("non-negative") / len(tested) == pytest.approx(0.710, abs=5e-4)
    rows = list(cmu_mosei.load(tmp_path, "sentiment", classes="2_pos"))
    tested = [row.label for row in examples(rows).values() if row.split == "test"]
    assert tested.count("positive") / len(tested) == pytest.approx(0.629, abs=5e-4)


# --- MSP-Podcast ---

MSP_CSV = (
    "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set\n"
    "MSP-PODCAST_0001_0008.wav,N,2.2,4.0,3.2,127,Male,Train\n"
    "MSP-PODCAST_0001_0019.wav,U,5.8,3.6,7,Unknown,Unknown,Development\n"
    "MSP-PODCAST_0002_0033.wav,C,4.0,2.0,4.6,8,Female,Test1\n"
    "MSP-PODCAST_0002_0039.wav,A,1,2.0,4.6,9,Female,Test2\n"
    "MSP-PODCAST_0003_0001.wav,O,4.0,2.0,4.6,8,Female,Test1\n"
    "MSP-PODCAST_0003_0002.wav,X,4.0,2.0,4.6,8,Female,Train\n"
    "MSP-PODCAST_0003_0003.wav,S,,2.0,3.0,8,Female,Train\n"
    "MSP-PODCAST_0003_0005.wav,S,2.0,2.0,7.5,8,Female,Train\n"
    "MSP-PODCAST_0003_0006.wav,S,2.0,0.5,3.0,8,Female,Train\n"
    "MSP-PODCAST_0003_0004.wav,S,2.0,2.0,2.5,8,Female,Train\n"
)


@pytest.fixture
def msp_root(tmp_path: Path) -> Path:
    write(tmp_path / "Labels/labels_consensus.csv", MSP_CSV)
    for line in MSP_CSV.splitlines()[1:-1]:  # the last clip has no sound
        write(tmp_path / "Audios" / line.split(",")[0])
    write(tmp_path / "Transcripts/MSP-PODCAST_0001_0008.txt", "so it\nwent\n")
    return tmp_path


def test_msp_podcast(msp_root: Path) -> None:
    rows = list(msp_podcast.load(msp_root, "ser"))
    audio = msp_root / "Audios"
    assert list(examples(rows).values()) == [
        Example(
            "MSP-PODCAST_0001_0008",
            (Segment(str(audio / "MSP-PODCAST_0001_0008.wav")),),
            text="so it went",
            label="neutral",
            split="train",
            speaker="127",
        ),
        Example(
            "MSP-PODCAST_0001_0019",
            (Segment(str(audio / "MSP-PODCAST_0001_0019.wav")),),
            label="surprised",
            split="val",
        ),
        Example(
            "MSP-PODCAST_0002_0033",
            (Segment(str(audio / "MSP-PODCAST_0002_0033.wav")),),
            label="contempt",
            split="test",
            speaker="8",
        ),
        *(
            Example(
                f"MSP-PODCAST_0003_000{number}",
                (Segment(str(audio / f"MSP-PODCAST_0003_000{number}.wav")),),
                label="sad",
                split="train",
                speaker="8",
            )
            for number in (3, 5, 6)  # no emotion needs a dimension
        ),
    ]
    assert dropped(rows) == {
        "of another test set, Test2": 1,
        "label O": 1,
        "label X": 1,
        "no audio file": 1,
    }


def test_msp_podcast_dimensions_are_of_every_emotion(msp_root: Path) -> None:
    rows = list(msp_podcast.load(msp_root, "dimensional"))
    found = examples(rows)
    assert [clip[-9:] for clip in found] == [
        "0001_0008",
        "0001_0019",
        "0002_0033",
        "0003_0001",
        "0003_0002",
    ]
    named = dict(
        zip(msp_podcast.CORPUS.targets["dimensional"], found["MSP-PODCAST_0001_0019"].targets)
    )
    # 5.8, 3.6 and 7 by (x - 1) / 6
    assert named == pytest.approx({"arousal": 0.8, "valence": 2.6 / 6, "dominance": 1.0})
    assert {row.label for row in found.values()} == {""}
    assert dropped(rows) == {
        "of another test set, Test2": 1,
        "EmoAct, EmoVal or EmoDom is not between 1 and 7": 3,
        "no audio file": 1,
    }


def test_msp_podcast_a_release_that_reads_as_a_number_is_refused(msp_root: Path) -> None:
    assert list(msp_podcast.load(msp_root, "ser", release="v1.10"))
    with pytest.raises(UserError, match=r"dataset\.release=1\.1: write it as .*v1\.11"):
        list(msp_podcast.load(msp_root, "ser", release=1.1))


def test_msp_podcast_test_sets_and_file_names(msp_root: Path) -> None:
    (msp_root / "Labels/labels_consensus.csv").rename(msp_root / "labels_concensus.csv")
    found = examples(msp_podcast.load(msp_root, "ser", test="test2"))
    assert [clip for clip, row in found.items() if row.split == "test"] == ["MSP-PODCAST_0002_0039"]
    with pytest.raises(UserError, match="known: test1, test2, test3"):
        list(msp_podcast.load(msp_root, "ser", test="Test4"))


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (",N,", ",Z,", r"row 1: EmoClass 'Z' is none of A, S, H, U, F, D, C, N, O, X"),
        ("Development", "Dev", r"row 2: Split_Set 'Dev' is none of Train, Development"),
        ("EmoClass", "Emotion", "no column EmoClass"),
    ],
)
def test_msp_podcast_foreign_tables(msp_root: Path, old: str, new: str, named: str) -> None:
    write(msp_root / "Labels/labels_consensus.csv", MSP_CSV.replace(old, new))
    with pytest.raises(UserError, match=named):
        list(msp_podcast.load(msp_root, "ser"))


def test_msp_podcast_without_labels_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"labels_consensus\.csv"):
        list(msp_podcast.load(tmp_path, "ser"))


# --- damage ---


@settings(max_examples=60, deadline=None)
@given(spoil=damage(), task=st.sampled_from(["ser", "dimensional", "pre"]))
def test_iemocap_survives_damage(spoil: Callable[[bytes], bytes], task: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_dialogue(root, "Ses01F_impro01", [(f"Ses01F_impro01_M{n:03}", "neu") for n in (0, 1)])
        for kind in ("EmoEvaluation", "transcriptions"):
            path = root / "Session1" / "dialog" / kind / "Ses01F_impro01.txt"
            whole = path.read_bytes()
            path.write_bytes(spoil(whole))
            found = parse_or_refuse(iemocap.load(root, task))
            if found and kind == "EmoEvaluation":
                lines = path.read_text(encoding="utf-8-sig").splitlines()
                assert len(found) == sum(line.startswith("[") for line in lines) + 4  # sessions
            path.write_bytes(whole)


@settings(max_examples=60, deadline=None)
@given(spoil=damage(), classes=st.sampled_from(["2_nonneg", "2_pos", "label7"]))
def test_mosei_csv_survives_damage(spoil: Callable[[bytes], bytes], classes: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / cmu_mosei.LABELS_CSV, spoil(MOSEI_CSV.encode()))
        parse_or_refuse(cmu_mosei.load(Path(folder), "sentiment", classes=classes))


@settings(max_examples=60, deadline=None)
@given(spoil=damage(), name=st.sampled_from([cmu_mosei.LABELS_CSD, cmu_mosei.WORDS_CSD]))
def test_mosei_csd_survives_damage(spoil: Callable[[bytes], bytes], name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root / cmu_mosei.LABELS_CSV, MOSEI_CSV)
        write_csd(root / cmu_mosei.LABELS_CSD, "All Labels", MOSEI_CSD)
        words = {"-3g5yACwYnA": [(0.1, 0.5, [b"it"])]}
        path = write_csd(root / cmu_mosei.WORDS_CSD, "words", words).with_name(name)
        path.write_bytes(spoil(path.read_bytes()))
        found = parse_or_refuse(cmu_mosei.load(root, "ser_multilabel"))
        assert len(found) in (0, 5)


@settings(max_examples=60, deadline=None)
@given(spoil=damage(), task=st.sampled_from(["ser", "dimensional"]))
def test_msp_podcast_survives_damage(spoil: Callable[[bytes], bytes], task: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "labels_consensus.csv", spoil(MSP_CSV.encode()))
        write(Path(folder) / "Audios/MSP-PODCAST_0001_0008.wav")
        parse_or_refuse(msp_podcast.load(Path(folder), task))


cell = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters='",'), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(
    row=st.integers(1, 10),
    column=st.integers(0, 7),
    content=cell,
    task=st.sampled_from(["ser", "dimensional"]),
)
def test_msp_podcast_accounts_for_every_row(row: int, column: int, content: str, task: str) -> None:
    lines = [line.split(",") for line in MSP_CSV.splitlines()]
    lines[row][column] = content
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "labels_consensus.csv", "\n".join(map(",".join, lines)))
        found = parse_or_refuse(msp_podcast.load(Path(folder), task))
    assert len(found) in (0, 10)
