"""CMU-MOSEI, as its owner and s3prl ship it."""

import sys
from collections import Counter
from pathlib import Path

import pytest

from spectrobert.audio.segment import Segment
from spectrobert.corpora import cmu_mosei
from spectrobert.corpora.example import Dropped

from ..helpers import made_up
from ..helpers.corpus_files import dropped, examples, fails, shown, write

STD_FOLDS = (
    "standard_train_fold=['-3g5yACwYnA']\n"
    "standard_valid_fold=['--qXJuDtHPw']\n"
    "standard_test_fold=['2OLVF-KEaZU']\n"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made_up.mosei(tmp_path)
    return tmp_path


@pytest.fixture
def csv_root(tmp_path: Path) -> Path:
    made_up.mosei_csv(tmp_path)
    return tmp_path


def test_cuts_splits_and_groups(csv_root: Path) -> None:
    rows = list(cmu_mosei.load(csv_root, "sentiment", classes="2_nonneg"))
    found = examples(rows)
    cut = csv_root / "Audio/Segmented_Audio/dev/--qXJuDtHPw_0.wav"
    whole = csv_root / "Audio/Full/WAV_16000"
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


def test_csv_alone_is_honest_about_its_rounding(csv_root: Path) -> None:
    two = shown(cmu_mosei.load(csv_root, "sentiment", classes="2_nonneg"), "label", "targets")
    # there is no continuous value to give
    assert (
        two == [f"{sign} | ()" for sign in ("non-negative", "non-negative", "negative")] + two[:1]
    )
    away = cmu_mosei.load(csv_root, "sentiment", classes="label7")
    assert shown(away, "label") == ["1", "1", "-3", "0"]
    seven = cmu_mosei.load(csv_root, "sentiment", classes="7")
    fails(seven, "needs ", "CMU_MOSEI_Labels.csd: ", "classes=2_nonneg, =2_pos")
    for task in ("sentiment_regression", "ser_multilabel"):
        fails(cmu_mosei.load(csv_root, task), f"task {task} needs ", "CMU_MOSEI_Labels.csd")
    five = cmu_mosei.load(csv_root, "sentiment", classes="5")
    fails(five, "known: 2_nonneg, 2_pos, 7, label7")


def test_seven_classes_round_half_to_even_after_clipping(root: Path) -> None:
    found = examples(cmu_mosei.load(root, "sentiment"))
    assert {clip: row.label for clip, row in found.items()} == {
        "--qXJuDtHPw_0": "0",  # 0.5
        "-3g5yACwYnA_0": "2",  # 1.5
        "-3g5yACwYnA_1": "0",  # -0.33, where label7 says -3
        "2OLVF-KEaZU_3": "-3",  # -4.2
    }
    regression = examples(cmu_mosei.load(root, "sentiment_regression"))
    assert {row.label for row in regression.values()} == {""}
    assert [row.targets for row in regression.values()] == [
        pytest.approx((value,)) for value in (0.5, 1.5, -0.3333, -4.2)
    ]
    two = examples(cmu_mosei.load(root, "sentiment", classes="2_nonneg"))
    assert two["2OLVF-KEaZU_3"].label == "negative"  # the .csd's value, where the CSV says 1


@pytest.mark.parametrize("has_csd", [True, False], ids=["csd", "csv alone"])
def test_without_the_neutral_ones(root: Path, has_csd: bool) -> None:
    """The last clip's sentiment is 0 in the CSV, -4.2 in the .csd."""
    if not has_csd:
        (root / cmu_mosei.LABELS_CSD).unlink()
    rows = list(cmu_mosei.load(root, "sentiment", classes="2_pos"))
    expected = ["positive", "positive", "negative", *(["negative"] if has_csd else [])]
    assert shown(rows, "label") == expected
    assert dropped(rows)["sentiment 0, neither negative nor positive"] == (0 if has_csd else 1)


def test_emotions_and_words(root: Path) -> None:
    found = examples(cmu_mosei.load(root, "ser_multilabel"))
    named = dict(zip(cmu_mosei.EMOTIONS, found["-3g5yACwYnA_0"].targets, strict=True))
    assert {name for name, present in named.items() if present} == {"sad", "fear"}
    assert found["-3g5yACwYnA_0"].targets == (0, 1, 0, 0, 0, 1)
    assert found["2OLVF-KEaZU_3"].targets == (0, 0, 1, 0, 0, 0)
    assert found["-3g5yACwYnA_1"].targets == (0, 0, 0, 0, 0, 0)
    assert {row.label for row in found.values()} == {""}
    assert found["-3g5yACwYnA_1"].text == "it works"
    assert found["-3g5yACwYnA_0"].text == found["2OLVF-KEaZU_3"].text == ""


def test_csd_alone_takes_its_folds_from_the_sdk(root: Path) -> None:
    with_csv = examples(cmu_mosei.load(root, "sentiment"))
    (root / cmu_mosei.LABELS_CSV).unlink()
    fails(cmu_mosei.load(root, "sentiment"), "cmu_mosei_std_folds.py")
    folds = write(root / cmu_mosei.FOLDS_PY, STD_FOLDS)
    rows = list(cmu_mosei.load(root, "sentiment"))
    found = examples(rows)
    assert found["-3g5yACwYnA_1"] == with_csv["-3g5yACwYnA_1"]
    assert {clip: row.split for clip, row in found.items()} == {
        "--qXJuDtHPw_0": "val",
        "-3g5yACwYnA_0": "train",
        "-3g5yACwYnA_1": "train",
        "2OLVF-KEaZU_0": "test",
    }
    assert dropped(rows) == {"in no standard fold": 1}
    fails(cmu_mosei.load(root, "sentiment", classes="label7"), "label7 needs ", "csv")
    for spoilt in ("x = [", "standard_train_fold = open('x')", "standard_train_fold = 3", ""):
        folds.write_text(spoilt)
        fails(cmu_mosei.load(root, "sentiment"), "does not hold the lists standard_train_fold")


def test_drops_what_it_cannot_label_or_hear(root: Path) -> None:
    rows = {**made_up.MOSEI_CSD, "2OLVF-KEaZU": [(1.0, 4.0, [float("nan")] * 7)]}
    del rows["--qXJuDtHPw"]
    made_up.write_csd(root / cmu_mosei.LABELS_CSD, "All Labels", rows)
    (root / "Audio/Full/WAV_16000/-3g5yACwYnA.wav").unlink()
    loaded = list(cmu_mosei.load(root, "sentiment"))
    assert dropped(loaded) == {
        "no annotation in CMU_MOSEI_Labels.csd": 2,
        "no audio file": 2,
        "in no standard fold": 1,
    }


def test_foreign_csd_and_missing_h5py(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    csd = root / cmu_mosei.LABELS_CSD
    made_up.write_csd(csd, "OpenFace", {"a": [(0.0, 1.0, [1.0, 2.0])]})
    fails(cmu_mosei.load(root, "sentiment"), "CMU_MOSEI_Labels.csd is not ", " with 7 columns")
    csd.write_bytes(b"<html>404</html>")
    fails(cmu_mosei.load(root, "sentiment"), "is not a computational sequence")
    monkeypatch.setitem(sys.modules, "h5py", None)
    fails(cmu_mosei.load(root, "sentiment"), "reading it needs h5py: pip install")
    fails(
        cmu_mosei.load(root / "Audio", "sentiment"),
        "no CMU_MOSEI_Labels.csv and no CMU_MOSEI_Labels.csd",
    )


def test_real_csv_gives_the_standard_folds(real_data: Path, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("is_alone", [True, False], ids=["csv alone", "csd"])
def test_pre_training_reads_words_and_no_labels(root: Path, is_alone: bool) -> None:
    if is_alone:
        (root / cmu_mosei.LABELS_CSD).unlink()
    found = examples(cmu_mosei.load(root, "pre"))
    assert len(found) == 4
    assert {(row.label, row.targets) for row in found.values()} == {("", ())}
    assert found["-3g5yACwYnA_1"].text == "it works"
