"""MSP-Podcast, as its owner ships it."""

from pathlib import Path

import pytest

from spectrobert.audio.segment import Segment
from spectrobert.corpora import msp_podcast

from ..helpers import made_up
from ..helpers.corpus_files import dropped, examples, fails, shown, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made_up.msp(tmp_path)
    return tmp_path


def test_eight_emotions(root: Path) -> None:
    rows = list(msp_podcast.load(root, "ser"))
    assert shown(rows, "id", "label", "split", "speaker", "text", "targets") == [
        "MSP-PODCAST_0001_0008 | neutral | train | 127 | so it went | ()",
        "MSP-PODCAST_0001_0019 | surprised | val |  |  | ()",
        "MSP-PODCAST_0002_0033 | contempt | test | 8 |  | ()",
        # no emotion needs a dimension
        *(f"MSP-PODCAST_0003_000{number} | sad | train | 8 |  | ()" for number in (3, 5, 6)),
    ]
    first = examples(rows)["MSP-PODCAST_0001_0008"]
    assert first.audio == (Segment(str(root / "Audios/MSP-PODCAST_0001_0008.wav")),)
    left_out = ("of another test set, Test2", "label O", "label X", "no audio file")
    assert dropped(rows) == dict.fromkeys(left_out, 1)


def test_dimensions_are_of_every_emotion(root: Path) -> None:
    rows = list(msp_podcast.load(root, "dimensional"))
    found = examples(rows)
    assert " ".join(clip[-9:] for clip in found) == (
        "0001_0008 0001_0019 0002_0033 0003_0001 0003_0002"
    )
    targets = found["MSP-PODCAST_0001_0019"].targets
    named = dict(zip(msp_podcast.CORPUS.targets["dimensional"], targets))
    # 5.8, 3.6 and 7 by (x - 1) / 6
    assert named == pytest.approx({"arousal": 0.8, "valence": 2.6 / 6, "dominance": 1.0})
    assert {row.label for row in found.values()} == {""}
    assert dropped(rows) == {
        "of another test set, Test2": 1,
        "EmoAct, EmoVal or EmoDom is not between 1 and 7": 3,
        "no audio file": 1,
    }


def test_a_release_that_reads_as_a_number_is_refused(root: Path) -> None:
    assert list(msp_podcast.load(root, "ser", release="v1.10"))
    fails(msp_podcast.load(root, "ser", release=1.1), "dataset.release=1.1: write it as", "v1.11")


def test_test_sets_and_file_names(root: Path) -> None:
    (root / "Labels/labels_consensus.csv").rename(root / "labels_concensus.csv")
    found = examples(msp_podcast.load(root, "ser", test="test2"))
    assert [clip for clip, row in found.items() if row.split == "test"] == ["MSP-PODCAST_0002_0039"]
    fails(msp_podcast.load(root, "ser", test="Test4"), "known: test1, test2, test3")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (",N,", ",Z,", r"row 1: EmoClass 'Z' is none of A, S, H, U, F, D, C, N, O, X"),
        ("Development", "Dev", r"row 2: Split_Set 'Dev' is none of Train, Development"),
        ("EmoClass", "Emotion", "no column EmoClass"),
    ],
)
def test_foreign_tables(root: Path, old: str, new: str, named: str) -> None:
    write(root / "Labels/labels_consensus.csv", made_up.MSP_CSV.replace(old, new))
    fails(msp_podcast.load(root, "ser"), named)


def test_without_labels_names_the_file(tmp_path: Path) -> None:
    fails(msp_podcast.load(tmp_path, "ser"), "labels_consensus.csv")
