"""MELD, CREMA-D, EmoDB, TESS, SAVEE and ESD, built as their owners ship them."""

from __future__ import annotations

import io
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
from spectrobert.corpora import crema_d, emodb, esd, meld, savee, tess
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


def dropped(rows: Rows) -> list[Dropped]:
    return [row for row in rows if isinstance(row, Dropped)]


# --- CREMA-D ---


def test_crema_d(tmp_path: Path) -> None:
    for name in ("1001_DFA_ANG_XX", "1040_ITH_SAD_X", "1091_WSI_DIS_HI", "1001_DFA_ANG_ZZ", "a"):
        write(tmp_path / "AudioWAV" / f"{name}.wav")
    write(tmp_path / "AudioMP3" / "1001_DFA_ANG_XX.mp3")  # the same clip again
    rows = list(crema_d.load(tmp_path, "ser"))
    found = examples(rows)
    assert found["1001_DFA_ANG_XX"] == Example(
        "1001_DFA_ANG_XX",
        (Segment(str(tmp_path / "AudioWAV/1001_DFA_ANG_XX.wav")),),
        text="Don't forget a jacket.",
        label="angry",
        speaker="1001",
    )
    assert (found["1040_ITH_SAD_X"].label, found["1091_WSI_DIS_HI"].label) == ("sad", "disgust")
    assert [row.what for row in dropped(rows)] == ["1001_DFA_ANG_ZZ.wav", "a.wav"]
    assert len(rows) == 5


def test_crema_d_without_its_folder(tmp_path: Path) -> None:
    write(tmp_path / "1002_IEO_HAP_LO.wav")
    assert list(examples(crema_d.load(tmp_path, "ser"))) == ["1002_IEO_HAP_LO"]


def test_crema_d_has_twelve_sentences_and_six_emotions() -> None:
    assert len(set(crema_d.SENTENCES.values())) == 12
    assert crema_d.CORPUS.labels["ser"] == (
        "angry",
        "disgust",
        "fearful",
        "happy",
        "neutral",
        "sad",
    )


# --- EmoDB ---


def test_emodb(tmp_path: Path) -> None:
    letters = dict(zip("WLEAFTN", emodb.CORPUS.labels["ser"], strict=True))
    for letter in letters:
        write(tmp_path / "wav" / f"03a01{letter}a.wav")
    write(tmp_path / "wav" / "16b10Lb.wav")
    write(tmp_path / "wav" / "16b11Lb.wav")  # no such sentence
    rows = list(emodb.load(tmp_path, "ser"))
    found = examples(rows)
    assert {clip[5]: row.label for clip, row in found.items() if clip[0] == "0"} == letters
    assert letters["W"] == "angry"
    assert letters["A"] == "fearful"  # Angst, not anger
    assert found["16b10Lb"].speaker == "16"
    assert found["16b10Lb"].text == "Die wird auf dem Platz sein, wo wir sie immer hinlegen."
    assert [row.what for row in dropped(rows)] == ["wav/16b11Lb.wav"]
    assert len(rows) == 9


# --- TESS ---


def test_tess(tmp_path: Path) -> None:
    write(tmp_path / "OAF_angry/OAF_back_angry.wav")
    write(tmp_path / "YAF_pleasant_surprised/YAF_back_ps.wav")
    write(tmp_path / "OAF_neutral/OA_bite_neutral.wav")
    write(tmp_path / "TESS Toronto emotional speech set data/OAF_angry/OAF_back_angry.wav")
    write(tmp_path / "OAF_angry/OAF_back.wav")
    write(tmp_path / "OAF_angry/notes.txt", "x")
    rows = list(tess.load(tmp_path, "ser"))
    found = examples(rows)
    assert found["OAF_back_angry"] == Example(
        "OAF_back_angry",
        (Segment(str(tmp_path / "OAF_angry/OAF_back_angry.wav")),),
        text="Say the word back.",
        label="angry",
        group="back",  # and no speaker: two cannot make three splits
    )
    assert found["YAF_back_ps"].label == "pleasant surprise"
    assert found["OAF_bite_neutral"].group == "bite"
    assert set(dropped(rows)) == {
        Dropped(
            "second file of the same clip",
            "TESS Toronto emotional speech set data/OAF_angry/OAF_back_angry.wav",
        ),
        Dropped("file name is not ACTRESS_WORD_EMOTION", "OAF_angry/OAF_back.wav"),
    }
    assert len(rows) == 5


# --- SAVEE ---


@pytest.mark.parametrize("name", ["AudioData/{0}/{1}.wav", "{0}_{1}.wav"])
def test_savee(tmp_path: Path, name: str) -> None:
    for speaker in ("DC", "JE", "JK", "KL"):
        for clip in ("a01", "d15", "f02", "h03", "n30", "sa04", "su05"):
            write(tmp_path / name.format(speaker, clip))
    write(tmp_path / name.format("DC", "x01"))
    rows = list(savee.load(tmp_path, "ser"))
    found = examples(rows)
    assert len(found) == 28
    assert {clip: row.label for clip, row in found.items() if row.speaker == "DC"} == {
        "DC_a01": "angry",
        "DC_d15": "disgust",
        "DC_f02": "fearful",
        "DC_h03": "happy",
        "DC_n30": "neutral",
        "DC_sa04": "sad",
        "DC_su05": "surprised",
    }
    assert found["KL_a01"].audio == (Segment(str(tmp_path / name.format("KL", "a01"))),)
    assert dropped(rows) == [
        Dropped("file name is not SPEAKER/EMOTION NUMBER", name.format("DC", "x01"))
    ]


def test_savee_folds_test_each_man_once(tmp_path: Path) -> None:
    for speaker in ("DC", "JE", "JK", "KL"):
        write(tmp_path / f"{speaker}_a01.wav")
    tested = []
    for fold in range(1, savee.CORPUS.folds + 1):
        rows = examples(savee.load(tmp_path, "ser", fold=fold)).values()
        tested += [row.speaker for row in rows if row.split == "test"]
        assert Counter(row.split for row in rows) == {"train": 3, "test": 1}
    assert tested == ["JE", "KL", "DC", "JK"]
    with pytest.raises(UserError, match="known: 1, 2, 3, 4"):
        list(savee.load(tmp_path, "ser", fold=5))


# --- ESD ---


def write_english(root: Path, speaker: str, text: str | bytes) -> None:
    """One speaker: an angry clip in one of the owner's split folders, and a neutral one."""
    write(root / speaker / f"{speaker}.txt", text)
    write(root / speaker / "Angry" / "train" / f"{speaker}_000351.wav")
    write(root / speaker / "Neutral" / f"{speaker}_000001.wav")


SPOKEN = "The nine \u2013 so sad."  # an en dash
ENGLISH = "{0}_000001\tThe nine the eggs, I keep.\tNeutral\n{0}_000351\t" + SPOKEN + "\tAngry\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_esd_english_in_the_owners_encodings(tmp_path: Path, encoding: str) -> None:
    nested = tmp_path / "Emotional Speech Dataset (ESD)" / "Emotion Speech Dataset"
    write_english(nested, "0011", ENGLISH.format("0011").encode(encoding))
    rows = list(esd.load(tmp_path, "ser"))
    assert list(examples(rows).values()) == [
        Example(
            "0011_000351",
            (Segment(str(nested / "0011/Angry/train/0011_000351.wav")),),
            text=SPOKEN,
            label="angry",
            speaker="0011",
        ),
        Example(
            "0011_000001",
            (Segment(str(nested / "0011/Neutral/0011_000001.wav")),),
            text="The nine the eggs, I keep.",
            label="neutral",
            speaker="0011",
        ),
    ]
    assert dropped(rows) == [Dropped("no folder of this speaker", f"{n:04}") for n in range(12, 21)]


@pytest.mark.parametrize("encoding", ["gb2312", "utf-16", "utf-8"])
def test_esd_mandarin(tmp_path: Path, encoding: str) -> None:
    spoken = "打远一看\uff0c它们的确很是美丽\uff0c"  # with fullwidth commas
    text = f"0001_000351\t{spoken}\t生气\n"
    write(tmp_path / "0001" / "0001.txt", text.encode(encoding))
    write(tmp_path / "0001" / "Angry" / "0001_000351.wav")
    write_english(tmp_path, "0011", ENGLISH.format("0011"))
    found = examples(esd.load(tmp_path, "ser", language="mandarin"))
    assert [(row.text, row.label) for row in found.values()] == [(spoken, "angry")]
    with pytest.raises(UserError, match="known: english, mandarin"):
        list(esd.load(tmp_path, "ser", language="chinese"))


def test_esd_lines_without_tabs_without_sound_and_without_sense(tmp_path: Path) -> None:
    text = (
        "0015_000001 I am so happy. Neutral\n\n"
        "0015_000002\tNo sound.\tNeutral\n"
        "rubbish\n"
        "0015_000351\tNo emotion said.\n"
    )
    write_english(tmp_path, "0015", text)
    write(tmp_path / "0015" / "Sad" / "0015_000003.wav")
    write(tmp_path / "0015" / "Sad" / "0015_000001.wav")
    rows = list(esd.load(tmp_path, "ser"))
    assert {clip: row.text for clip, row in examples(rows).items()} == {
        "0015_000001": "I am so happy.",
        "0015_000351": "No emotion said.",
        "0015_000003": "",
    }
    assert {row for row in dropped(rows) if "speaker" not in row.reason} == {
        Dropped("no audio file", "0015_000002"),
        Dropped("not a line of a transcript", "0015.txt:4"),
        Dropped("the same clip under two emotions", "0015_000001"),
    }


def test_esd_unreadable_transcript(tmp_path: Path) -> None:
    write_english(tmp_path, "0011", b"\xff\xfea")
    with pytest.raises(UserError, match=r"0011.txt is not utf-16 text"):
        list(esd.load(tmp_path, "ser"))
    (tmp_path / "0011" / "0011.txt").unlink()
    with pytest.raises(UserError, match=r"cannot read .*0011.txt"):
        list(esd.load(tmp_path, "ser"))


# --- MELD ---

MELD_HEADER = (
    "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,"
    "StartTime,EndTime\n"
)
MELD_TIMES = '8,21,"00:16:16,059","00:16:21,731"\n'
MELD = {
    "train": '1,"also I was, the point person",Chandler,neutral,neutral,0,0,'
    + MELD_TIMES
    # As published: Windows' quotes as the control characters U+0091 and U+0092.
    + "2,You\x92re \x91it\x92,The Interviewer,joy,positive,0,1,"
    + MELD_TIMES,
    "dev": "1,“Oh my God!”,Phoebe,sadness,negative,0,0," + MELD_TIMES,
    "test": "1,Why?,Mark,surprise,positive,0,0,"
    + MELD_TIMES
    + "2,,Ross,anger,negative,0,1,"
    + MELD_TIMES,
}


@pytest.fixture
def meld_root(tmp_path: Path) -> Path:
    for split, table in MELD.items():
        write(tmp_path / f"{split}_sent_emo.csv", MELD_HEADER + table)
    (tmp_path / "train").mkdir()
    (tmp_path / "train_sent_emo.csv").rename(tmp_path / "train" / "train_sent_emo.csv")
    write(tmp_path / "train" / "train_splits" / "dia0_utt0.wav")
    write(tmp_path / "train" / "train_splits" / "dia0_utt1.flac")
    write(tmp_path / "dev_splits_complete" / "dia0_utt0.mp3")
    write(tmp_path / "output_repeated_splits_test" / "dia0_utt0.wav")
    write(tmp_path / "output_repeated_splits_test" / "dia0_utt1.wav")
    return tmp_path


def test_meld(meld_root: Path) -> None:
    rows = list(meld.load(meld_root, "ser"))
    found = examples(rows)
    assert found["train_dia0_utt1"] == Example(
        "train_dia0_utt1",
        (Segment(str(meld_root / "train/train_splits/dia0_utt1.flac")),),
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


def test_meld_sentiment_and_pretraining(meld_root: Path) -> None:
    sentiment = examples(meld.load(meld_root, "sentiment")).values()
    assert [row.label for row in sentiment] == [
        "neutral",
        "positive",
        "negative",
        "positive",
        "negative",
    ]
    pre = list(meld.load(meld_root, "pre"))
    assert {row.label for row in examples(pre).values()} == {""}
    assert dropped(pre) == [Dropped("no text", "test_dia0_utt1")]


def test_meld_saved_by_a_spreadsheet(meld_root: Path) -> None:
    text = MELD_HEADER + MELD["dev"].replace("Phoebe", "Ph\xf6be")
    (meld_root / "dev_sent_emo.csv").write_bytes(text.encode("cp1252"))
    assert examples(meld.load(meld_root, "ser"))["dev_dia0_utt0"].text == "“Oh my God!”"


def test_meld_bad_rows(meld_root: Path) -> None:
    (meld_root / "output_repeated_splits_test" / "dia0_utt0.wav").unlink()
    dev = meld_root / "dev_sent_emo.csv"
    whole = dev.read_text()
    dev.write_text(whole.replace(",0,0,", ",zero,0,"))
    assert dropped(meld.load(meld_root, "ser")) == [
        Dropped("Dialogue_ID or Utterance_ID is no number", "dev_sent_emo.csv, row 1"),
        Dropped("no audio file", "test_dia0_utt0"),
    ]
    dev.write_text(whole.replace("sadness", "sad"))
    with pytest.raises(UserError, match=r"row 1: Emotion 'sad' is none of anger, disgust"):
        list(meld.load(meld_root, "ser"))
    assert len(examples(meld.load(meld_root, "sentiment"))) == 4
    dev.unlink()
    with pytest.raises(UserError, match=r"dev_sent_emo\.csv"):
        list(meld.load(meld_root, "ser"))


def test_meld_layout_tells_how_to_extract_the_sound() -> None:
    assert "ffmpeg -i" in meld.CORPUS.layout
    assert "\n" not in meld.CORPUS.layout


# --- damage ---


@settings(max_examples=100, deadline=None)
@given(spoil=damage(), task=st.sampled_from(meld.CORPUS.tasks))
def test_meld_survives_damage(spoil: Callable[[bytes], bytes], task: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for split, table in MELD.items():
            write(root / f"{split}_sent_emo.csv", MELD_HEADER + table)
        write(root / "train_sent_emo.csv", spoil((MELD_HEADER + MELD["train"]).encode()))
        write(root / "train_splits" / "dia0_utt1.wav")
        parse_or_refuse(meld.load(root, task))


cell = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters='",'), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(column=st.integers(0, 10), content=cell, task=st.sampled_from(meld.CORPUS.tasks))
def test_meld_accounts_for_every_row(column: int, content: str, task: str) -> None:
    cells = ["1", "Why?", "Mark", "surprise", "positive", "0", "0", "8", "21", "a", "b"]
    cells[column] = content
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for split, table in MELD.items():
            write(root / f"{split}_sent_emo.csv", MELD_HEADER + table)
        write(root / "dev_sent_emo.csv", MELD_HEADER + ",".join(cells) + "\n")
        assert len(parse_or_refuse(meld.load(root, task))) in (0, 5)


@settings(max_examples=100, deadline=None)
@given(spoil=damage(), encoding=st.sampled_from(["utf-8", "utf-16", "gb18030"]))
def test_esd_survives_damage(spoil: Callable[[bytes], bytes], encoding: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_english(root, "0001", spoil(ENGLISH.format("0001").encode(encoding)))
        found = parse_or_refuse(esd.load(root, "ser", language="mandarin"))
        assert not found or len(examples(found)) == 2  # a spoilt transcript costs no clip


names = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/"), max_size=20
)
LOADERS = {"crema_d": crema_d, "emodb": emodb, "tess": tess, "savee": savee}
NAMES = ("1001_DFA_ANG_XX", "03a01Fa", "OAF_back_angry", "DC_sa01")


@settings(max_examples=100, deadline=None)
@given(
    corpus=st.sampled_from(sorted(LOADERS)),
    name=st.sampled_from(NAMES),
    put=names,
    at=st.integers(0, 15),
)
def test_named_files_are_an_example_or_dropped(corpus: str, name: str, put: str, at: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / f"{name[:at]}{put}{name[at:]}.wav")
        rows = parse_or_refuse(LOADERS[corpus].load(Path(folder), "ser"))
        assert len(rows) == 1
