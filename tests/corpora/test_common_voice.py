"""Common Voice: a release as it unpacks, with small audio."""

from pathlib import Path

import pytest
import soundfile

from spectrobert.corpora import common_voice

from ..helpers import made_up
from ..helpers.corpus_files import fails, parse, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made_up.common_voice(tmp_path)
    return tmp_path


def test_common_voice_official_rows(root: Path) -> None:
    examples, dropped = parse(common_voice.load(root, "pre"))
    assert {name[-1]: (item.split, item.speaker) for name, item in examples.items()} == {
        "0": ("train", "anna"),
        "1": ("train", "anna"),
        "3": ("val", "carl"),
        "4": ("test", "dora"),
    }
    example = examples["common_voice_eo_0"]
    assert example.text == '"Ĉu vi venos?"'
    assert soundfile.info(example.audio[0].audio).samplerate == 16000
    assert dropped == {"no audio file": 1, "no sentence": 1}


def test_common_voice_votes_and_choice_of_rows(root: Path) -> None:
    examples, dropped = parse(common_voice.load(root, "pre", min_up_votes=3))
    assert set(examples) == {"common_voice_eo_1"}
    assert dropped["fewer than 3 up votes"] == 3  # an uncounted row among them
    examples, dropped = parse(common_voice.load(root, "pre", max_down_votes=0))
    assert set(examples) == {"common_voice_eo_0"}
    assert dropped["more than 0 down votes"] == 3
    examples, _ = parse(common_voice.load(root, "pre", rows="validated"))
    assert {item.split for item in examples.values()} == {""}
    assert len(examples) == 3
    fails(common_voice.load(root, "pre", rows="all"), "'all'", "official, validated")


def test_common_voice_finds_the_language(root: Path) -> None:
    release = root / "cv-corpus-17.0-2024-03-15"
    expected = list(common_voice.load(root, "pre"))
    for place, language in ((release, ""), (release / "eo", ""), (root, "eo")):
        assert list(common_voice.load(place, "pre", language=language)) == expected
    fails(common_voice.load(root, "pre", language="de"), "'de'", "known: eo")
    (release / "de/clips").mkdir(parents=True)
    fails(common_voice.load(root, "pre"), "2024-03-15/de", "2024-03-15/eo", "dataset.language=")
    assert list(common_voice.load(root, "pre", language="eo")) == expected
    assert list(common_voice.load(root / "nothing", "pre")) == []
    assert "Mozilla Data Collective" in common_voice.CORPUS.layout


def test_common_voice_half_unpacked(root: Path) -> None:
    folder = root / "cv-corpus-17.0-2024-03-15/eo"
    (folder / "dev.tsv").unlink()
    fails(common_voice.load(root, "pre"), "cannot read", "dev.tsv")
    write(folder / "train.tsv", "file,text\n1,a\n")
    fails(common_voice.load(root, "pre"), "train.tsv has no column client_id, path")
