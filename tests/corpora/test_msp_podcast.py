"""MSP-Podcast, as its owner ships it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrobert.audio.segment import Segment
from spectrobert.corpora import msp_podcast
from spectrobert.corpora.example import Example
from spectrobert.errors import UserError

from ..helpers import made_up
from ..helpers.corpus_files import CELLS, dropped, examples, fuzzed, parse_or_refuse, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made_up.msp(tmp_path)
    return tmp_path


def test_msp_podcast(root: Path) -> None:
    rows = list(msp_podcast.load(root, "ser"))
    audio = root / "Audios"
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


def test_dimensions_are_of_every_emotion(root: Path) -> None:
    rows = list(msp_podcast.load(root, "dimensional"))
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


def test_a_release_that_reads_as_a_number_is_refused(root: Path) -> None:
    assert list(msp_podcast.load(root, "ser", release="v1.10"))
    with pytest.raises(UserError, match=r"dataset\.release=1\.1: write it as .*v1\.11"):
        list(msp_podcast.load(root, "ser", release=1.1))


def test_test_sets_and_file_names(root: Path) -> None:
    (root / "Labels/labels_consensus.csv").rename(root / "labels_concensus.csv")
    found = examples(msp_podcast.load(root, "ser", test="test2"))
    assert [clip for clip, row in found.items() if row.split == "test"] == ["MSP-PODCAST_0002_0039"]
    with pytest.raises(UserError, match="known: test1, test2, test3"):
        list(msp_podcast.load(root, "ser", test="Test4"))


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
    with pytest.raises(UserError, match=named):
        list(msp_podcast.load(root, "ser"))


def test_without_labels_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"labels_consensus\.csv"):
        list(msp_podcast.load(tmp_path, "ser"))


@fuzzed
@given(
    row=st.integers(1, 10),
    column=st.integers(0, 7),
    content=CELLS,
    task=st.sampled_from(["ser", "dimensional"]),
)
def test_msp_podcast_accounts_for_every_row(row: int, column: int, content: str, task: str) -> None:
    lines = [line.split(",") for line in made_up.MSP_CSV.splitlines()]
    lines[row][column] = content
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "labels_consensus.csv", "\n".join(map(",".join, lines)))
        found = parse_or_refuse(msp_podcast.load(Path(folder), task))
    assert found is None or len(found) == 10
