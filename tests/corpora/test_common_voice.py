"""Common Voice: a release as it unpacks, with small audio."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from hypothesis import given

from spectrobert.corpora import common_voice

from ..helpers.corpus_files import (
    EDITS,
    accounted,
    damaged,
    encoded,
    fails,
    fuzzed,
    lines_of,
    parse,
    tsv,
    write,
)

CV_HEADER = "client_id|path|sentence_id|sentence|up_votes|down_votes|age|gender|locale|segment"


@pytest.fixture
def cv_root(tmp_path: Path) -> Path:
    """One release of one language, as its archive unpacks."""
    folder = tmp_path / "cv-corpus-17.0-2024-03-15/eo"
    for clip in range(5):
        write(folder / f"clips/common_voice_eo_{clip}.mp3", encoded(0.2, "MP3"))
    rows = {
        "train": [
            'anna|common_voice_eo_0.mp3|s0|"Ĉu vi venos?"|2|0||||',
            "anna|common_voice_eo_1|s1|Jes.|5|1|||eo",
            "bela|common_voice_eo_9.mp3|s2|Mankas.|2|0||||",
            "bela|common_voice_eo_2.mp3|s3||2|0||||",
        ],
        "dev": ["carl|common_voice_eo_3.mp3|s4|Ne.|_|||||"],
        "test": ["dora|common_voice_eo_4.mp3|s5|Eble.|2|3||||"],
    }
    for name, lines in rows.items():
        write(folder / f"{name}.tsv", tsv(CV_HEADER, *lines))
    write(folder / "validated.tsv", tsv(CV_HEADER, *rows["train"][:2], *rows["test"]))
    return tmp_path


def test_common_voice_official_rows(cv_root: Path) -> None:
    examples, dropped = parse(common_voice.load(cv_root, "pre"))
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


def test_common_voice_votes_and_choice_of_rows(cv_root: Path) -> None:
    examples, dropped = parse(common_voice.load(cv_root, "pre", min_up_votes=3))
    assert set(examples) == {"common_voice_eo_1"}
    assert dropped["fewer than 3 up votes"] == 3  # an uncounted row among them
    examples, dropped = parse(common_voice.load(cv_root, "pre", max_down_votes=0))
    assert set(examples) == {"common_voice_eo_0"}
    assert dropped["more than 0 down votes"] == 3
    examples, _ = parse(common_voice.load(cv_root, "pre", rows="validated"))
    assert {item.split for item in examples.values()} == {""}
    assert len(examples) == 3
    fails(common_voice.load(cv_root, "pre", rows="all"), "'all'", "official, validated")


def test_common_voice_finds_the_language(cv_root: Path) -> None:
    release = cv_root / "cv-corpus-17.0-2024-03-15"
    expected = list(common_voice.load(cv_root, "pre"))
    for root, language in ((release, ""), (release / "eo", ""), (cv_root, "eo")):
        assert list(common_voice.load(root, "pre", language=language)) == expected
    fails(common_voice.load(cv_root, "pre", language="de"), "'de'", "known: eo")
    (release / "de/clips").mkdir(parents=True)
    fails(common_voice.load(cv_root, "pre"), "2024-03-15/de", "2024-03-15/eo", "dataset.language=")
    assert list(common_voice.load(cv_root, "pre", language="eo")) == expected
    assert list(common_voice.load(cv_root / "nothing", "pre")) == []
    assert "Mozilla Data Collective" in common_voice.CORPUS.layout


def test_common_voice_half_unpacked(cv_root: Path) -> None:
    folder = cv_root / "cv-corpus-17.0-2024-03-15/eo"
    (folder / "dev.tsv").unlink()
    fails(common_voice.load(cv_root, "pre"), "cannot read", "dev.tsv")
    write(folder / "train.tsv", "file,text\n1,a\n")
    fails(common_voice.load(cv_root, "pre"), "train.tsv has no column client_id, path")


@fuzzed
@given(edits=EDITS)
def test_common_voice_never_loses_a_row(cv_root: Path, edits: list) -> None:
    path = cv_root / "cv-corpus-17.0-2024-03-15/eo/validated.tsv"
    whole = path.read_bytes()
    try:
        write(path, damaged(whole, edits))
        results = common_voice.load(cv_root, "pre", rows="validated", min_up_votes=1)
        assert accounted(results) in (None, lines_of(path) - 1)
    finally:
        write(path, whole)
