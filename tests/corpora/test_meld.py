"""MELD, as its owner ships it, with the sound extracted."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrobert.audio.segment import Segment
from spectrobert.corpora import meld
from spectrobert.corpora.example import Dropped, Example
from spectrobert.errors import UserError

from ..helpers import made_up
from ..helpers.corpus_files import CELLS, examples, fuzzed, parse_or_refuse, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made_up.meld(tmp_path)
    return tmp_path


def dropped(rows) -> list[Dropped]:
    return [row for row in rows if isinstance(row, Dropped)]


def test_meld(root: Path) -> None:
    rows = list(meld.load(root, "ser"))
    found = examples(rows)
    assert found["train_dia0_utt1"] == Example(
        "train_dia0_utt1",
        (Segment(str(root / "train/train_splits/dia0_utt1.flac")),),
        text="You\u2019re \u2018it\u2019",
        label="joy",
        split="train",
        group="train_dia0",  # and no speaker: the friends are in every split
    )
    assert found["train_dia0_utt0"].text == "also I was, the point person"
    assert found["dev_dia0_utt0"].text == "“Oh my God!”"
    assert Path(str(found["dev_dia0_utt0"].audio[0].audio)).name == "dia0_utt0.mp3"
    assert [row.split for row in found.values()] == ["train", "train", "val", "test", "test"]
    assert [row.label for row in found.values()] == [
        "neutral",
        "joy",
        "sadness",
        "surprise",
        "anger",
    ]
    assert dropped(rows) == []


def test_sentiment_and_pretraining(root: Path) -> None:
    sentiment = examples(meld.load(root, "sentiment")).values()
    assert [row.label for row in sentiment] == [
        "neutral",
        "positive",
        "negative",
        "positive",
        "negative",
    ]
    pre = list(meld.load(root, "pre"))
    assert {row.label for row in examples(pre).values()} == {""}
    assert dropped(pre) == [Dropped("no text", "test_dia0_utt1")]


def test_saved_by_a_spreadsheet(root: Path) -> None:
    text = made_up.MELD_HEADER + made_up.MELD["dev"].replace("Phoebe", "Ph\xf6be")
    (root / "dev_sent_emo.csv").write_bytes(text.encode("cp1252"))
    assert examples(meld.load(root, "ser"))["dev_dia0_utt0"].text == "“Oh my God!”"


def test_bad_rows(root: Path) -> None:
    (root / "output_repeated_splits_test" / "dia0_utt0.wav").unlink()
    dev = root / "dev_sent_emo.csv"
    whole = dev.read_text()
    dev.write_text(whole.replace(",0,0,", ",zero,0,"))
    assert dropped(meld.load(root, "ser")) == [
        Dropped("Dialogue_ID or Utterance_ID is no number", "dev_sent_emo.csv, row 1"),
        Dropped("no audio file", "test_dia0_utt0"),
    ]
    dev.write_text(whole.replace("sadness", "sad"))
    with pytest.raises(UserError, match=r"row 1: Emotion 'sad' is none of anger, disgust"):
        list(meld.load(root, "ser"))
    assert len(examples(meld.load(root, "sentiment"))) == 4
    dev.unlink()
    with pytest.raises(UserError, match=r"dev_sent_emo\.csv"):
        list(meld.load(root, "ser"))


def test_layout_tells_how_to_extract_the_sound() -> None:
    assert "ffmpeg -i" in meld.CORPUS.layout
    assert "\n" not in meld.CORPUS.layout


@fuzzed
@given(column=st.integers(0, 10), content=CELLS, task=st.sampled_from(meld.CORPUS.tasks))
def test_accounts_for_every_row(column: int, content: str, task: str) -> None:
    cells = ["1", "Why?", "Mark", "surprise", "positive", "0", "0", "8", "21", "a", "b"]
    cells[column] = content
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for split, table in made_up.MELD.items():
            write(root / f"{split}_sent_emo.csv", made_up.MELD_HEADER + table)
        write(root / "dev_sent_emo.csv", made_up.MELD_HEADER + ",".join(cells) + "\n")
        rows = parse_or_refuse(meld.load(root, task))
        assert rows is None or len(rows) == 5
