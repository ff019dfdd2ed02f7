"""WavCaps: its owner's layout with small audio, and its real label files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile
from hypothesis import given

from spectrobert.corpora import wavcaps

from ..helpers.corpus_files import EDITS, accounted, damaged, encoded, fails, fuzzed, parse, write


def captions(*records: object) -> str:
    return json.dumps({"num_captions_per_audio": 1, "data": records})


def record(clip: str, caption: str = "A dog barks.", seconds: float = 1.0) -> dict[str, object]:
    return {"id": clip, "caption": caption, "duration": seconds, "audio": "wav_path"}


@pytest.fixture
def wavcaps_root(tmp_path: Path) -> Path:
    """The Hub's tree, unpacked in place; FreeSound's archive holds the folders of its maker."""
    labels = tmp_path / "json_files"
    write(
        labels / "AudioSet_SL/as_final.json",
        captions(record("Yb0RFKhbpFJA.wav", "Wind blows."), record("Y-_lackList0.wav")),
    )
    write(labels / "BBC_Sound_Effects/bbc_final.json", captions(record("NHU05093144")))
    write(
        labels / "FreeSound/fsd_final.json",
        captions(
            record("1234", " Rain falls. ", 67109.0),
            record("117790"),
            record("999"),
            record("5", ""),
            {"id": 6, "caption": "An id that is a number."},
            record("7", "half a \ud800 character"),
            "not a record",
        ),
    )
    write(labels / "SoundBible/sb_final.json", captions(record("1234", "A bell rings.")))
    for name, clips in {
        "all_ac": {"AudioSet": ["Y-_lackList0.wav"], "FreeSound": ["117790"]},
        "test_ac": {"AudioSet": [], "FreeSound": []},
    }.items():
        write(labels / f"blacklist/blacklist_exclude_{name}.json", json.dumps(clips))
    zips = tmp_path / "Zip_files"
    for path in (
        zips / "AudioSet_SL/Yb0RFKhbpFJA.flac",
        zips / "AudioSet_SL/Y-_lackList0.flac",
        tmp_path / "audio/BBC_Sound_Effects/NHU05093144.flac",
        zips / "FreeSound/mnt/data/waveforms/FreeSound_flac/1234.flac",
        zips / "FreeSound/mnt/data/waveforms/FreeSound_flac/117790.flac",
    ):
        write(path, encoded())
    write(tmp_path / "waveforms/SoundBible_flac/1234.flac", encoded(0.2))
    return tmp_path


def test_wavcaps_reads_four_sources_and_leaves_out_the_blacklist(wavcaps_root: Path) -> None:
    examples, dropped = parse(wavcaps.load(wavcaps_root, "pre"))
    assert set(examples) == {
        "audioset/Yb0RFKhbpFJA",
        "bbc/NHU05093144",
        "freesound/1234",
        "soundbible/1234",
    }
    assert examples["freesound/1234"].text == "Rain falls."
    assert examples["freesound/1234"].split == examples["freesound/1234"].speaker == ""
    assert dropped == {"in the blacklist": 2, "no audio file": 1, "no id or no caption": 4}
    seconds = {
        name: soundfile.info(examples[name].audio[0].audio).duration for name in examples
    }  # one id in two sources: each gets its own recording
    assert (seconds["freesound/1234"], seconds["soundbible/1234"]) == (0.1, 0.2)


def test_wavcaps_blacklist_is_a_choice(wavcaps_root: Path) -> None:
    for choice in ("none", "test_ac"):
        examples, dropped = parse(wavcaps.load(wavcaps_root, "pre", blacklist=choice))
        assert {"freesound/117790", "audioset/Y-_lackList0"} < set(examples)
        assert "in the blacklist" not in dropped
    fails(wavcaps.load(wavcaps_root, "pre", blacklist="all"), "'all'", "all_ac", "none")
    fails(
        wavcaps.load(wavcaps_root, "pre", blacklist="ub8k_esc50_vggsound"),
        "blacklist_exclude_ub8k_esc50_vggsound.json",
        "dataset.blacklist=none",
    )


def test_wavcaps_blacklist_may_lie_in_the_root_and_must_be_one(wavcaps_root: Path) -> None:
    name = "blacklist_exclude_all_ac.json"
    (wavcaps_root / "json_files/blacklist" / name).rename(wavcaps_root / name)
    assert parse(wavcaps.load(wavcaps_root, "pre"))[1]["in the blacklist"] == 2
    for content in ("[]", '{"AudioSet": []}', '{"AudioSet": [], "FreeSound": [117790]}'):
        write(wavcaps_root / name, content)
        fails(wavcaps.load(wavcaps_root, "pre"), "no WavCaps blacklist", name)


def test_wavcaps_needs_only_what_is_chosen(wavcaps_root: Path) -> None:
    for path in (wavcaps_root / "json_files/blacklist").iterdir():
        path.unlink()
    (wavcaps_root / "json_files/FreeSound/fsd_final.json").unlink()
    examples, _ = parse(wavcaps.load(wavcaps_root, "pre", sources=("soundbible", "bbc")))
    assert set(examples) == {"soundbible/1234", "bbc/NHU05093144"}
    fails(wavcaps.load(wavcaps_root, "pre"), "fsd_final.json", "dataset.sources=")
    fails(wavcaps.load(wavcaps_root, "pre", sources=("sounbible",)), "did you mean 'soundbible'")


def test_wavcaps_tells_when_archives_are_missing_or_not_unpacked(wavcaps_root: Path) -> None:
    flac = wavcaps_root / "waveforms/SoundBible_flac/1234.flac"
    flac.rename(flac.with_suffix(".zip"))
    fails(wavcaps.load(wavcaps_root, "pre", sources=("soundbible",)), "archives unpacked?")
    flac.with_suffix(".zip").unlink()
    flac.parent.rmdir()
    fails(wavcaps.load(wavcaps_root, "pre", sources=("soundbible",)), "no folder SoundBible")


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", '{"data": {}}', '{"data": []}', '{"data": [{"audio": "1.wav", "text": "a"}]}'],
)
def test_wavcaps_refuses_the_json_of_another_corpus(wavcaps_root: Path, content: str) -> None:
    write(wavcaps_root / "json_files/SoundBible/sb_final.json", content)
    sources = ("soundbible",)
    fails(wavcaps.load(wavcaps_root, "pre", sources=sources), "sb_final.json is no WavCaps file")


def test_wavcaps_real_labels(real_data: Path, tmp_path: Path) -> None:
    labels = real_data / "labels"
    root = tmp_path / "json_files"
    write(root / "SoundBible/sb_final.json", (labels / "wavcaps_soundbible.json").read_bytes())
    for name in ("all_ac", "test_ac"):
        content = (labels / f"wavcaps_blacklist_exclude_{name}.json").read_bytes()
        write(root / f"blacklist/blacklist_exclude_{name}.json", content)
    # 322000 is only in the longer list, 156 in both; the AudioSet id is in the longer one.
    write(root / "FreeSound/fsd_final.json", captions(record("322000"), record("156")))
    write(root / "AudioSet_SL/as_final.json", captions(record("Yr1nicOVtvkQ.wav")))
    rows = json.loads((labels / "wavcaps_soundbible.json").read_bytes())["data"]
    for row in rows[:-3]:
        write(tmp_path / f"Zip_files/SoundBible/{row['id']}.flac", b"")
    for clip in ("FreeSound/322000", "FreeSound/156", "AudioSet_SL/Yr1nicOVtvkQ"):
        write(tmp_path / f"Zip_files/{clip}.flac", b"")
    sources = ("soundbible", "freesound", "audioset")
    examples, dropped = parse(wavcaps.load(tmp_path, "pre", sources=sources))
    assert len(rows) == 1232
    assert len(examples) == 1229
    assert examples["soundbible/2219"].text == "An airplane is landing."
    assert dropped == {"no audio file": 3, "in the blacklist": 3}
    examples, dropped = parse(wavcaps.load(tmp_path, "pre", sources=sources, blacklist="test_ac"))
    assert "freesound/322000" in examples
    assert dropped["in the blacklist"] == 1


@fuzzed
@given(edits=EDITS)
def test_wavcaps_never_loses_a_row(wavcaps_root: Path, edits: list) -> None:
    path = wavcaps_root / "json_files/FreeSound/fsd_final.json"
    whole = path.read_bytes()
    rows = accounted(wavcaps.load(wavcaps_root, "pre", sources=("freesound",)))
    assert rows == 7
    try:
        write(path, damaged(whole, edits))
        rows = accounted(wavcaps.load(wavcaps_root, "pre", sources=("freesound",)))
        assert rows is None or rows == len(json.loads(path.read_text("utf-8-sig"))["data"])
    finally:
        write(path, whole)


@fuzzed
@given(edits=EDITS)
def test_wavcaps_blacklist_damaged(wavcaps_root: Path, edits: list) -> None:
    path = wavcaps_root / "json_files/blacklist/blacklist_exclude_all_ac.json"
    whole = path.read_bytes()
    try:
        write(path, damaged(whole, edits))
        assert accounted(wavcaps.load(wavcaps_root, "pre")) in (None, 11)
    finally:
        write(path, whole)


def test_blacklists_add_up(wavcaps_root: Path) -> None:
    lists = wavcaps_root / "json_files/blacklist/blacklist_exclude_ub8k_esc50_vggsound.json"
    write(lists, json.dumps({"AudioSet": [], "FreeSound": ["1234"]}))
    for choice, left in (("all_ac", {"1234"}), ("all_ac+ub8k_esc50_vggsound", set())):
        examples, _ = parse(wavcaps.load(wavcaps_root, "pre", blacklist=choice))
        assert {"1234", "117790"} & {e.split("/")[1] for e in examples if "free" in e} == left
    fails(wavcaps.load(wavcaps_root, "pre", blacklist="all_ac+all"), "'all'")


def test_what_the_blacklists_leave_in() -> None:
    both = "all_ac+ub8k_esc50_vggsound"
    everything = tuple(wavcaps.SOURCES)
    assert set(wavcaps.overlaps(everything, "all_ac")) == {"esc10"}
    assert set(wavcaps.overlaps(everything, "ub8k_esc50_vggsound")) == {"clotho_aqa"}
    assert set(wavcaps.overlaps(everything, "none")) == {"clotho_aqa", "esc10"}
    assert wavcaps.overlaps(everything, both) == wavcaps.overlaps(("bbc",), "none") == {}
