"""ESD, as its owner ships it."""

from __future__ import annotations

from pathlib import Path

import pytest

from spectrobert.audio.segment import Segment
from spectrobert.corpora import esd
from spectrobert.corpora.example import Dropped, Example
from spectrobert.errors import UserError

from ..helpers import made_up
from ..helpers.corpus_files import examples, write


def dropped(rows) -> list[Dropped]:
    return [row for row in rows if isinstance(row, Dropped)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_english_in_the_owners_encodings(tmp_path: Path, encoding: str) -> None:
    nested = tmp_path / "Emotional Speech Dataset (ESD)" / "Emotion Speech Dataset"
    made_up.write_english(nested, "0011", made_up.ENGLISH.format("0011").encode(encoding))
    rows = list(esd.load(tmp_path, "ser"))
    assert list(examples(rows).values()) == [
        Example(
            "0011_000351",
            (Segment(str(nested / "0011/Angry/train/0011_000351.wav")),),
            text=made_up.SPOKEN,
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
def test_mandarin(tmp_path: Path, encoding: str) -> None:
    spoken = "打远一看\uff0c它们的确很是美丽\uff0c"  # with fullwidth commas
    text = f"0001_000351\t{spoken}\t生气\n"
    write(tmp_path / "0001" / "0001.txt", text.encode(encoding))
    write(tmp_path / "0001" / "Angry" / "0001_000351.wav")
    made_up.write_english(tmp_path, "0011", made_up.ENGLISH.format("0011"))
    found = examples(esd.load(tmp_path, "ser", language="mandarin"))
    assert [(row.text, row.label) for row in found.values()] == [(spoken, "angry")]
    with pytest.raises(UserError, match="known: english, mandarin"):
        list(esd.load(tmp_path, "ser", language="chinese"))


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


def test_unreadable_transcript(tmp_path: Path) -> None:
    made_up.write_english(tmp_path, "0011", b"\xff\xfea")
    with pytest.raises(UserError, match=r"0011.txt is not utf-16 text"):
        list(esd.load(tmp_path, "ser"))
    (tmp_path / "0011" / "0011.txt").unlink()
    with pytest.raises(UserError, match=r"cannot read .*0011.txt"):
        list(esd.load(tmp_path, "ser"))
