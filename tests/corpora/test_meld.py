"""MELD, as its owner ships it, with the sound extracted."""

from pathlib import Path

import pytest

from spectrobert.audio.segment import Segment
from spectrobert.corpora import meld
from spectrobert.corpora.example import Dropped

from ..helpers import made_up
from ..helpers.corpus_files import drops, examples, fails, shown


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made_up.meld(tmp_path)
    return tmp_path


def test_emotions(root: Path) -> None:
    rows = list(meld.load(root, "ser"))
    # and no speaker: the friends are in every split
    assert shown(rows, "id", "label", "split", "group", "speaker", "text") == [
        "train_dia0_utt0 | neutral | train | train_dia0 |  | also I was, the point person",
        "train_dia0_utt1 | joy | train | train_dia0 |  | You\u2019re \u2018it\u2019",
        "dev_dia0_utt0 | sadness | val | dev_dia0 |  | “Oh my God!”",
        "test_dia0_utt0 | surprise | test | test_dia0 |  | Why?",
        "test_dia0_utt1 | anger | test | test_dia0 |  | ",
    ]
    found = examples(rows)
    flac = str(root / "train/train_splits/dia0_utt1.flac")
    assert found["train_dia0_utt1"].audio == (Segment(flac),)
    assert Path(str(found["dev_dia0_utt0"].audio[0].audio)).name == "dia0_utt0.mp3"
    assert drops(rows) == []


def test_sentiment_and_pretraining(root: Path) -> None:
    sentiment = shown(meld.load(root, "sentiment"), "label")
    assert sentiment == ["neutral", "positive", "negative", "positive", "negative"]
    pre = list(meld.load(root, "pre"))
    assert {row.label for row in examples(pre).values()} == {""}
    assert drops(pre) == [Dropped("no text", "test_dia0_utt1")]


def test_saved_by_a_spreadsheet(root: Path) -> None:
    text = made_up.MELD_HEADER + made_up.MELD["dev"].replace("Phoebe", "Ph\xf6be")
    (root / "dev_sent_emo.csv").write_bytes(text.encode("cp1252"))
    assert examples(meld.load(root, "ser"))["dev_dia0_utt0"].text == "“Oh my God!”"


def test_bad_rows(root: Path) -> None:
    (root / "output_repeated_splits_test" / "dia0_utt0.wav").unlink()
    dev = root / "dev_sent_emo.csv"
    whole = dev.read_text()
    dev.write_text(whole.replace(",0,0,", ",zero,0,"))
    assert drops(meld.load(root, "ser")) == [
        Dropped("Dialogue_ID or Utterance_ID is no number", "dev_sent_emo.csv, row 1"),
        Dropped("no audio file", "test_dia0_utt0"),
    ]
    dev.write_text(whole.replace("sadness", "sad"))
    fails(meld.load(root, "ser"), "row 1: Emotion 'sad' is none of anger, disgust")
    assert len(examples(meld.load(root, "sentiment"))) == 4
    dev.unlink()
    fails(meld.load(root, "ser"), "dev_sent_emo.csv")


def test_layout_tells_how_to_extract_the_sound() -> None:
    assert "ffmpeg -i" in meld.CORPUS.layout
    assert "\n" not in meld.CORPUS.layout
