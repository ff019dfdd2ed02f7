"""Corpora with their labels in file names: RAVDESS, CREMA-D, EmoDB, TESS and SAVEE."""

import os
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrobert import corpora
from spectrobert.audio import io
from spectrobert.audio.segment import Segment
from spectrobert.corpora import crema_d, emodb, ravdess, savee
from spectrobert.corpora.example import Dropped, Example
from spectrobert.data import drawing, labels, splits
from spectrobert.data.rows import to_table
from spectrobert.errors import UserError
from spectrobert.settings.schemas import dataset_class

from ..helpers.corpus_files import fuzzed, parse_or_refuse, write

FORMS = {
    "crema_d": "ACTOR_SENTENCE_EMOTION_LEVEL",
    "emodb": "SPEAKER SENTENCE EMOTION VERSION",
    "tess": "ACTRESS_WORD_EMOTION",
    "savee": "SPEAKER/EMOTION NUMBER",
    "ravdess": "MM-VV-EE-II-SS-RR-AA",
}
# corpus | file, without .wav | label, or reason to drop | speaker, or group of TESS | text
FILES = """
crema_d | AudioWAV/1001_DFA_ANG_XX | angry | 1001 | Don't forget a jacket.
crema_d | AudioWAV/1040_ITH_SAD_X | sad | 1040 | I think I have a doctor's appointment.
crema_d | AudioWAV/1091_WSI_DIS_HI | disgust | 1091 | We'll stop in a couple of minutes.
crema_d | AudioWAV/1001_DFA_ANG_ZZ | form | |
crema_d | AudioWAV/a | form | |
emodb | wav/03a01Wa | angry | 03 | Der Lappen liegt auf dem Eisschrank.
emodb | wav/03a01La | bored | 03 | Der Lappen liegt auf dem Eisschrank.
emodb | wav/03a01Ea | disgust | 03 | Der Lappen liegt auf dem Eisschrank.
emodb | wav/03a01Aa | fearful | 03 | Der Lappen liegt auf dem Eisschrank.
emodb | wav/03a01Fa | happy | 03 | Der Lappen liegt auf dem Eisschrank.
emodb | wav/03a01Ta | sad | 03 | Der Lappen liegt auf dem Eisschrank.
emodb | wav/03a01N | neutral | 03 | Der Lappen liegt auf dem Eisschrank.
emodb | wav/16b10Lb | bored | 16 | Die wird auf dem Platz sein, wo wir sie immer hinlegen.
emodb | wav/16b11Lb | form | |
tess | OAF_angry/OAF_back_angry | angry | back | Say the word back.
tess | YAF_pleasant_surprised/YAF_back_ps | pleasant surprise | back | Say the word back.
tess | OAF_neutral/OA_bite_neutral | neutral | bite | Say the word bite.
tess | Toronto data/OAF_angry/OAF_back_angry | second file of the same clip | |
tess | OAF_angry/OAF_back | form | |
savee | AudioData/DC/a01 | angry | DC |
savee | AudioData/DC/d15 | disgust | DC |
savee | AudioData/DC/f02 | fearful | DC |
savee | AudioData/DC/h03 | happy | DC |
savee | n30/DC_n30 | neutral | DC |
savee | DC_sa04 | sad | DC |
savee | KL_su05 | surprised | KL |
savee | AudioData/DC/x01 | form | |
ravdess | Actor_11/03-01-06-02-02-01-11 | fearful | 11 | Dogs are sitting by the door
ravdess | 03-01-02-01-01-02-04 | calm | 04 | Kids are talking by the door
ravdess | copy/03-01-02-01-01-02-04 | second file of the same clip | |
ravdess | 01-01-01-01-01-01-01 | not speech of an audio file | |
ravdess | 03-02-01-01-01-01-01 | not speech of an audio file | |
ravdess | 03-01-09-01-01-01-01 | form | |
ravdess | 03-01-01-01-01-01-25 | form | |
ravdess | notes | form | |
"""


def load(name: str, root: Path, task: str = "ser", **options) -> list[Example]:
    return corpora.load(name, root, task, **options)[0]


@pytest.mark.parametrize("name", FORMS)
def test_a_name_says_all_and_others_are_counted(tmp_path: Path, name: str) -> None:
    lines = [[cell.strip() for cell in line.split("|")] for line in FILES.strip().splitlines()]
    own = [cells[1:] for cells in lines if cells[0] == name]
    wanted, left_out = {}, []
    for file, label, *cells in own:
        path = str(write(tmp_path / f"{file}.wav"))
        if label in corpora.corpus(name).labels["ser"]:
            wanted[path] = (label, *cells)
        else:
            reason = f"file name is not {FORMS[name]}" if label == "form" else label
            left_out.append(Dropped(reason, os.path.relpath(path, tmp_path)))
    write(tmp_path / "notes.txt", "no audio")
    if name == "crema_d":
        write(tmp_path / "AudioMP3/1040_ITH_SAD_X.mp3")  # the same clip again
        left_out = [row._replace(what=Path(row.what).name) for row in left_out]
    examples, dropped = corpora.load(name, tmp_path, "ser")
    who = "group" if name == "tess" else "speaker"  # two speakers cannot make three splits
    assert {
        str(row.audio[0].audio): (row.label, getattr(row, who), row.text) for row in examples
    } == wanted
    assert {row.audio[0]._replace(audio="") for row in examples} == {Segment("")}
    assert sorted(dropped) == sorted(left_out)
    assert name != "tess" or {row.speaker for row in examples} == {""}


def test_ids(tmp_path: Path) -> None:
    """The owner's slip of TESS is put right, the folder of SAVEE is a part of the name."""
    write(tmp_path / "OA_bite_neutral.wav")
    write(tmp_path / "DC/a01.wav")
    write(tmp_path / "1002_IEO_HAP_LO.wav")  # of a root without AudioWAV
    ids = [row.id for name in ("tess", "savee", "crema_d") for row in load(name, tmp_path)]
    assert ids == ["OAF_bite_neutral", "DC_a01", "1002_IEO_HAP_LO"]


def test_crema_d_has_twelve_sentences() -> None:
    assert len(set(crema_d.SENTENCES.values())) == 12


def test_savee_folds_test_each_man_once(tmp_path: Path) -> None:
    for speaker in ("DC", "JE", "JK", "KL"):
        write(tmp_path / f"{speaker}_a01.wav")
    tested = []
    for fold in range(1, savee.CORPUS.folds + 1):
        rows = load("savee", tmp_path, fold=fold)
        tested += [row.speaker for row in rows if row.split == "test"]
        assert Counter(row.split for row in rows) == {"train": 3, "test": 1}
    assert tested == ["JE", "KL", "DC", "JK"]


def test_emodb_folds_test_each_actor_once(tmp_path: Path) -> None:
    for actor in emodb.ACTORS:
        write(tmp_path / f"{actor}a01Fa.wav")
    tested = []
    for fold in range(1, emodb.CORPUS.folds + 1):
        rows = load("emodb", tmp_path, fold=fold)
        tested += [row.speaker for row in rows if row.split == "test"]
        assert Counter(row.split for row in rows) == {"train": 9, "test": 1}
    assert tested == ["03", "08", "09", "10", "11", "12", "13", "14", "15", "16"]
    first = [row.speaker for row in load("emodb", tmp_path) if row.split == "test"]
    assert first == ["03"]


def test_a_part_of_emodb_has_the_classes_that_it_holds(real_data: Path) -> None:
    counts = {"angry": 127, "happy": 71, "sad": 62, "neutral": 79}
    for fold, actor in enumerate(emodb.ACTORS, start=1):
        examples = load("emodb", real_data / "emodb", fold=fold)
        assert Counter(e.label for e in examples) == counts
        names, summary = drawing.assign(examples)
        assert summary.speakers["test"] == [actor]
        assert len(summary.speakers["val"]) == 1
        splits.verify(examples, names, random=False)
        table = to_table(examples)
        assert labels.label_set("ser", dataset_class("emodb")(), table, names) == tuple(counts)


@pytest.mark.parametrize(
    ("name", "fold", "words"),
    [
        ("savee", 5, "known: 1, 2, 3, 4"),
        ("emodb", 0, "folds 1 to 10"),
        ("emodb", 11, "folds 1 to 10"),
        ("ravdess", 0, "folds 1 to 6"),
        ("ravdess", 7, "folds 1 to 6"),
    ],
)
def test_no_such_fold(tmp_path: Path, name: str, fold: int, words: str) -> None:
    with pytest.raises(UserError, match=words):
        load(name, tmp_path, fold=fold)


class TestRavdess:
    def test_folds_and_copies(self, tmp_path: Path) -> None:
        write(tmp_path / "Actor_11/03-01-06-02-02-01-11.wav")
        write(tmp_path / "Actor_11/03-01-06-02-02-01-11.flac")
        write(tmp_path / "03-01-02-01-01-02-04.FLAC")
        flat, nested = load("ravdess", tmp_path)
        assert (flat.label, flat.text) == ("calm", "Kids are talking by the door")
        assert nested.audio[0].audio == str(tmp_path / "Actor_11/03-01-06-02-02-01-11.flac")
        assert (flat.split, nested.split) == ("train", "test")  # 11 is of fold 1, 04 of fold 2
        flat, nested = load("ravdess", tmp_path, fold=2)
        assert (flat.split, nested.split) == ("test", "train")
        actors = sorted(actor for fold in ravdess.TEST_ACTORS for actor in fold)
        assert actors == [f"{number:02}" for number in range(1, 25)]

    def test_no_name_fits(self, tmp_path: Path) -> None:
        write(tmp_path / "a.wav")
        write(tmp_path / "b.wav")
        with pytest.raises(UserError, match=r"2 rows dropped, .* is not MM-VV-EE-II-SS-RR-AA"):
            load("ravdess", tmp_path)

    def test_sentiment_is_valence_without_surprise(self, tmp_path: Path) -> None:
        for emotion in range(1, 9):
            write(tmp_path / f"03-01-0{emotion}-01-01-01-01.wav")
        examples, dropped = corpora.load("ravdess", tmp_path, "sentiment")
        labels = [e.label for e in examples]
        assert labels == ["neutral", "neutral", "positive"] + ["negative"] * 4
        assert dropped == [("label surprised", "03-01-08-01-01-01-01.wav")]
        assert {e.label for e in load("ravdess", tmp_path, "pre")} == {""}

    def test_real(self, real_data: Path) -> None:
        for fold in range(1, 7):
            examples = load("ravdess", real_data / "ravdess", fold=fold)
            assert len(examples) == len({e.id for e in examples}) == 1440
            expected = dict.fromkeys(ravdess.EMOTIONS, 32) | {"neutral": 16}
            assert Counter(e.label for e in examples if e.split == "test") == expected
            names, summary = drawing.assign(examples)
            assert summary.counts == {"train": 1080, "val": 120, "test": 240}
            assert tuple(summary.speakers["test"]) == ravdess.TEST_ACTORS[fold - 1]
            splits.verify(examples, names, random=False)
        counts = Counter(e.label for e in load("ravdess", real_data / "ravdess", "sentiment"))
        assert counts == {"negative": 768, "neutral": 288, "positive": 192}

    def test_real_originals(self, real_data: Path) -> None:
        examples = load("ravdess", real_data / "ravdess_original_48k")
        assert len(examples) == 6
        for example in examples:
            clip = io.read_clip(example.audio)
            assert 3 * io.SAMPLE_RATE < len(clip) < 6 * io.SAMPLE_RATE


NAMES = ("1001_DFA_ANG_XX", "03a01Fa", "OAF_back_angry", "DC_sa01", "03-01-06-02-02-01-11")
LETTERS = st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/")


@fuzzed
@given(
    corpus=st.sampled_from(["crema_d", "emodb", "ravdess", "savee", "tess"]),
    name=st.sampled_from(NAMES),
    put=st.text(LETTERS, max_size=20),
    at=st.integers(0, 15),
)
def test_named_files_are_an_example_or_dropped(corpus: str, name: str, put: str, at: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / f"{name[:at]}{put}{name[at:]}.wav")
        rows = parse_or_refuse(corpora.corpus(corpus).load(Path(folder), "ser"))
        assert rows is not None
        assert len(rows) == 1
