"""ESD, as its owner ships it."""

from pathlib import Path

import pytest

from spectrobert.audio.segment import Segment
from spectrobert.corpora import esd
from spectrobert.corpora.example import Dropped

from ..helpers import made_up
from ..helpers.corpus_files import drops, examples, fails, shown, write


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_english_in_the_owners_encodings(tmp_path: Path, encoding: str) -> None:
    nested = tmp_path / "Emotional Speech Dataset (ESD)" / "Emotion Speech Dataset"
    made_up.write_english(nested, "0011", made_up.ENGLISH.format("0011").encode(encoding))
    rows = list(esd.load(tmp_path, "ser"))
    assert shown(rows, "id", "label", "speaker", "text") == [
        f"0011_000351 | angry | 0011 | {made_up.SPOKEN}",
        "0011_000001 | neutral | 0011 | The nine the eggs, I keep.",
    ]
    angry = examples(rows)["0011_000351"].audio
    assert angry == (Segment(str(nested / "0011/Angry/train/0011_000351.wav")),)
    assert drops(rows) == [Dropped("no folder of this speaker", f"{n:04}") for n in range(12, 21)]


@pytest.mark.parametrize("encoding", ["gb2312", "utf-16", "utf-8"])
def test_mandarin(tmp_path: Path, encoding: str) -> None:
    spoken = "打远一看\uff0c它们的确很是美丽\uff0c"  # with fullwidth commas
    text = f"0001_000351\t{spoken}\t生气\n"
    write(tmp_path / "0001" / "0001.txt", text.encode(encoding))
    write(tmp_path / "0001" / "Angry" / "0001_000351.wav")
    made_up.write_english(tmp_path, "0011", made_up.ENGLISH.format("0011"))
    rows = esd.load(tmp_path, "ser", language="mandarin")
    assert shown(rows, "text", "label") == [f"{spoken} | angry"]
    fails(esd.load(tmp_path, "ser", language="chinese"), "known: english, mandarin")


def test_lines_without_tabs_without_sound_and_without_sense(tmp_path: Path) -> None:
    text = (
        "0015_000001 I am so happy. Neutral\n\n"
        "0015_000002\tNo sound.\tNeutral\n"
        "rubbish\n"
        "0015_000351\tNo emotion said.\n"
    )
    made_up.write_english(tmp_path, "0015", text)
    write(tmp_path / "0015" / "Sad" / "0015_000003.wav")
    write(tmp_path / "0015" / "Sad" / "0015_000001.wav")
    rows = list(esd.load(tmp_path, "ser"))
    assert set(shown(rows, "id", "text")) == {
        "0015_000001 | I am so happy.",
        "0015_000351 | No emotion said.",
        "0015_000003 | ",
    }
    assert {row for row in drops(rows) if "speaker" not in row.reason} == {
        Dropped("no audio file", "0015_000002"),
        Dropped("not a line of a transcript", "0015.txt:4"),
        Dropped("the same clip under two emotions", "0015_000001"),
    }


def test_unreadable_transcript(tmp_path: Path) -> None:
    made_up.write_english(tmp_path, "0011", b"\xff\xfea")
    fails(esd.load(tmp_path, "ser"), "0011.txt is not utf-16 text")
    (tmp_path / "0011" / "0011.txt").unlink()
    fails(esd.load(tmp_path, "ser"), "cannot read", "0011.txt")
