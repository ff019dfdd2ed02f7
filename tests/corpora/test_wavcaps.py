"""WavCaps: its owner's layout with small audio, and its real label files."""

import json
from pathlib import Path

import pytest
import soundfile

from spectrobert.corpora import wavcaps

from ..helpers import made_up
from ..helpers.corpus_files import fails, parse, write
from ..helpers.made_up import captions, record


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made_up.wavcaps(tmp_path)
    return tmp_path


def test_wavcaps_reads_four_sources_and_leaves_out_the_blacklist(root: Path) -> None:
    examples, dropped = parse(wavcaps.load(root, "pre"))
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


def test_wavcaps_blacklist_is_a_choice(root: Path) -> None:
    for choice in ("none", "test_ac"):
        examples, dropped = parse(wavcaps.load(root, "pre", blacklist=choice))
        assert {"freesound/117790", "audioset/Y-_lackList0"} < set(examples)
        assert "in the blacklist" not in dropped
    fails(wavcaps.load(root, "pre", blacklist="all"), "'all'", "all_ac", "none")
    fails(
        wavcaps.load(root, "pre", blacklist="ub8k_esc50_vggsound"),
        "blacklist_exclude_ub8k_esc50_vggsound.json",
        "dataset.blacklist=none",
    )


def test_wavcaps_blacklist_may_lie_in_the_root_and_must_be_one(root: Path) -> None:
    name = "blacklist_exclude_all_ac.json"
    (root / "json_files/blacklist" / name).rename(root / name)
    assert parse(wavcaps.load(root, "pre"))[1]["in the blacklist"] == 2
    for content in ("[]", '{"AudioSet": []}', '{"AudioSet": [], "FreeSound": [117790]}'):
        write(root / name, content)
        fails(wavcaps.load(root, "pre"), "no WavCaps blacklist", name)


def test_wavcaps_needs_only_what_is_chosen(root: Path) -> None:
    for path in (root / "json_files/blacklist").iterdir():
        path.unlink()
    (root / "json_files/FreeSound/fsd_final.json").unlink()
    examples, _ = parse(wavcaps.load(root, "pre", sources=("soundbible", "bbc")))
    assert set(examples) == {"soundbible/1234", "bbc/NHU05093144"}
    fails(wavcaps.load(root, "pre"), "fsd_final.json", "dataset.sources=")
    fails(wavcaps.load(root, "pre", sources=("sounbible",)), "did you mean 'soundbible'")


def test_wavcaps_tells_when_archives_are_missing_or_not_unpacked(root: Path) -> None:
    flac = root / "waveforms/SoundBible_flac/1234.flac"
    flac.rename(flac.with_suffix(".zip"))
    fails(wavcaps.load(root, "pre", sources=("soundbible",)), "archives unpacked?")
    flac.with_suffix(".zip").unlink()
    flac.parent.rmdir()
    fails(wavcaps.load(root, "pre", sources=("soundbible",)), "no folder SoundBible")


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", '{"data": {}}', '{"data": []}', '{"data": [{"audio": "1.wav", "text": "a"}]}'],
)
def test_wavcaps_refuses_the_json_of_another_corpus(root: Path, content: str) -> None:
    write(root / "json_files/SoundBible/sb_final.json", content)
    sources = ("soundbible",)
    fails(wavcaps.load(root, "pre", sources=sources), "sb_final.json is no WavCaps file")


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


def test_blacklists_add_up(root: Path) -> None:
    lists = root / "json_files/blacklist/blacklist_exclude_ub8k_esc50_vggsound.json"
    write(lists, json.dumps({"AudioSet": [], "FreeSound": ["1234"]}))
    for choice, left in (("all_ac", {"1234"}), ("all_ac+ub8k_esc50_vggsound", set())):
        examples, _ = parse(wavcaps.load(root, "pre", blacklist=choice))
        assert {"1234", "117790"} & {e.split("/")[1] for e in examples if "free" in e} == left
    fails(wavcaps.load(root, "pre", blacklist="all_ac+all"), "'all'")


def test_what_the_blacklists_leave_in() -> None:
    both = "all_ac+ub8k_esc50_vggsound"
    everything = tuple(wavcaps.SOURCES)
    assert set(wavcaps.overlaps(everything, "all_ac")) == {"esc10"}
    assert set(wavcaps.overlaps(everything, "ub8k_esc50_vggsound")) == {"clotho_aqa"}
    assert set(wavcaps.overlaps(everything, "none")) == {"clotho_aqa", "esc10"}
    assert wavcaps.overlaps(everything, both) == wavcaps.overlaps(("bbc",), "none") == {}
