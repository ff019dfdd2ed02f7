"""Parsed corpora are cached, and parsed again exactly if something has changed."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spectrobert import corpora
from spectrobert.audio import io
from spectrobert.audio.segment import Segment
from spectrobert.corpora.example import Example
from spectrobert.data import checks, rows, store
from spectrobert.data.preparation import prepare
from spectrobert.errors import UserError
from spectrobert.settings.schemas import dataset_class

from ..helpers.corpus_files import encoded
from ..helpers.sounds import constant, noise

ROOT = Path(__file__).parents[2]
CLIPS = 12


@pytest.fixture
def soundbible(tmp_path) -> Path:
    """WavCaps' layout with one source: three clips in each of four stretches of length."""
    root = tmp_path / "wavcaps"
    for i in range(CLIPS):
        noise(root / "Zip_files" / "SoundBible" / f"{i}.flac", i, 0.3)
    captions(root, CLIPS)
    return root


def captions(root: Path, count: int) -> None:
    data = [{"id": str(i), "caption": f"Sound {i}.", "duration": 0.25} for i in range(count)]
    path = root / "json_files" / "SoundBible" / "sb_final.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"data": data}))


@pytest.fixture
def parses(monkeypatch) -> list[str]:
    """One entry for each time that a parser runs."""
    seen = []

    def counting(name, *rest, _stream=corpora.stream, **options):
        seen.append(name)
        return _stream(name, *rest, **options)

    monkeypatch.setattr(corpora, "stream", counting)
    return seen


def ids(root: Path, **options) -> list[str]:
    found = store.parsed("wavcaps", root, "pre", {"sources": ["soundbible"], **options})
    return found.table.column("id").to_pylist()


def test_a_corpus_is_parsed_once(soundbible, parses):
    first, again = ids(soundbible), ids(soundbible)
    assert first == again == [f"soundbible/{i}" for i in range(CLIPS)]
    assert parses == ["wavcaps"]


@pytest.mark.parametrize(
    "change", ["label file", "audio added", "audio removed", "option", "moved"]
)
def test_what_changes_is_parsed_again(soundbible, parses, change, tmp_path):
    options = {}
    ids(soundbible)
    expected = CLIPS
    if change == "label file":
        captions(soundbible, CLIPS - 1)
        expected = CLIPS - 1
    elif change == "audio added":
        noise(soundbible / "Zip_files" / "SoundBible" / "new.flac", 1)
    elif change == "audio removed":
        (soundbible / "Zip_files" / "SoundBible" / "3.flac").unlink()
        expected = CLIPS - 1
    elif change == "option":
        options = {"blacklist": "none"}
    else:
        soundbible = soundbible.rename(tmp_path / "elsewhere")
    assert len(ids(soundbible, **options)) == expected
    assert len(parses) == 2


@pytest.mark.parametrize("lost", ["nothing", "the folder", "a file"])
def test_a_corpus_that_makes_its_files_makes_lost_ones_again(parses, lost, tmp_path):
    root = tmp_path / "demo"
    options = {"size": 0.01, "seed": 0, "speech": 0.25}
    made = store.parsed("demo", root, "pre", options).table
    if lost == "the folder":
        shutil.rmtree(root)
    elif lost == "a file":
        next(root.rglob("*.flac")).unlink()
    table = store.parsed("demo", root, "pre", options).table
    assert table == made
    assert all(Path(path).exists() for path in rows.stretches(table).recording.to_pylist())
    assert len(parses) == (1 if lost == "nothing" else 2)


def test_touching_no_file_of_the_corpus_parses_nothing(soundbible, parses, tmp_path, monkeypatch):
    ids(soundbible)
    (tmp_path / "elsewhere.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert len(ids(Path("wavcaps"))) == CLIPS
    assert parses == ["wavcaps"]


@pytest.mark.parametrize("damage", [b"", b"\xff", b"{}", b'{"version": "gone", "stamp": {}}'])
def test_a_damaged_cache_is_parsed_again(soundbible, parses, damage):
    options = {"sources": ["soundbible"]}
    ids(soundbible)
    key = store.fingerprint("wavcaps", soundbible, "pre", options)
    (store.cache_dir() / "wavcaps" / key / store.CURRENT).write_bytes(damage)
    assert len(ids(soundbible)) == CLIPS
    assert len(parses) == 2


def test_a_cut_table_is_parsed_again(soundbible, parses):
    found = store.parsed("wavcaps", soundbible, "pre", {"sources": ["soundbible"]})
    path = found.folder / "rows.arrow"
    path.write_bytes(path.read_bytes()[:200])
    assert len(ids(soundbible)) == CLIPS


def test_nothing_is_left_of_a_corpus_that_cannot_be_read(tmp_path, soundbible):
    (soundbible / "json_files" / "SoundBible" / "sb_final.json").write_text('{"data": []}')
    with pytest.raises(UserError, match="no WavCaps file"):
        ids(soundbible)
    key = store.fingerprint("wavcaps", soundbible, "pre", {"sources": ["soundbible"]})
    assert list((store.cache_dir() / "wavcaps" / key).iterdir()) == []


def test_a_cache_that_cannot_be_made_is_one_line(soundbible, tmp_path, monkeypatch):
    """Also if its root is a file; findings alone are then not kept."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPECTROBERT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match=r"cannot keep the rows of wavcaps in .* SPECTROBERT_CACHE"):
        ids(soundbible)
    known = store.KnownFindings(store.cache_dir() / "wavcaps.json")
    known.look_at(Segment(noise(tmp_path / "a.wav")), False)
    known.write()


def test_two_processes_at_once_do_not_hurt_each_other(soundbible, tmp_path):
    code = (
        "from pathlib import Path; from spectrobert.data import store;"
        f"t = store.parsed('wavcaps', Path({str(soundbible)!r}), 'pre',"
        " {'sources': ['soundbible']}).table; print(len(t.column('id').to_pylist()))"
    )
    environment = os.environ | {"SPECTROBERT_CACHE": str(tmp_path / "c"), "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    assert [p.communicate()[0].strip() for p in running] == [str(CLIPS).encode()] * 2


def test_old_versions_go_when_nobody_has_opened_them_for_long(soundbible):
    options = {"sources": ["soundbible"]}
    old = store.parsed("wavcaps", soundbible, "pre", options).folder
    captions(soundbible, CLIPS - 1)
    ids(soundbible)
    assert old.exists()  # another process may be reading it
    ages_ago = time.time() - (store.UNUSED_DAYS + 1) * 24 * 3600
    os.utime(old, (ages_ago, ages_ago))
    captions(soundbible, CLIPS - 2)
    ids(soundbible)
    assert not old.exists()


def test_repeated_ids_are_an_error(soundbible):
    path = soundbible / "json_files" / "SoundBible" / "sb_final.json"
    data = json.loads(path.read_text())["data"]
    path.write_text(json.dumps({"data": [*data, data[5], data[5], data[2]]}))
    with pytest.raises(UserError) as caught:
        ids(soundbible)
    assert str(caught.value) == (
        "dataset 'wavcaps': 2 example ids occur more than once, the first: 'soundbible/2', 2 times"
    )


# ---------------------------------------------------------------- findings


def wavcaps(root: Path, **options):
    shares = {"val_share": 0.3, "test_share": 0.3}  # of twelve clips, two at least
    return dataset_class("wavcaps")(root=str(root), sources=["soundbible"], **shares, **options)


def test_check_none_opens_no_file_and_takes_the_owners_lengths(soundbible, monkeypatch):
    def refuse(*_):
        raise AssertionError("a file was looked at")

    monkeypatch.setattr(io, "look", refuse)
    prepared = prepare("pre", wavcaps(soundbible, check="none"), "")
    assert prepared.splits["train"]["seconds"][:] == [0.25] * len(prepared.splits["train"])
    known = Segment("x.wav", 1.0, 3.5, onset=1.0)
    flat = [
        Example("a", (known,)),
        Example("b", (Segment("y"),)),
        Example("c", (known, Segment("y", onset=3.0))),
    ]
    found = checks.look(rows.to_table(flat), "none")
    assert found.seconds.tolist() == [3.5, 0.0, 0.0]  # onset 1 and 2.5 s; unknown


def test_audio_is_looked_at_again_only_when_it_changes(soundbible, monkeypatch):
    looked = []

    def counting(audio, *rest, _look=io.look):
        looked.append(audio)
        return _look(audio, *rest)

    monkeypatch.setattr(io, "look", counting)
    options = wavcaps(soundbible, check="header")
    assert prepare("pre", options, "").skipped == []
    assert len(looked) == CLIPS
    prepare("pre", options, "")
    assert len(looked) == CLIPS
    path = soundbible / "Zip_files" / "SoundBible" / "7.flac"
    path.write_bytes(b"not audio any more")
    options.max_skipped = 0.5
    (skipped,) = prepare("pre", options, "").skipped
    assert skipped.recording == str(path)
    assert len(looked) == CLIPS + 1  # the others' findings are kept


def test_of_many_files_only_folders_are_asked(soundbible, monkeypatch):
    from spectrobert.data import stamps

    for module in (stamps, checks):
        monkeypatch.setattr(module, "MAX_STATTED", CLIPS - 1)
    paths = pa.array([str(p) for p in sorted(soundbible.rglob("*.flac"))])
    before = stamps.of_audio(paths)
    (soundbible / "Zip_files" / "SoundBible" / "7.flac").write_bytes(b"the same name")
    assert stamps.of_audio(paths) == before
    (soundbible / "Zip_files" / "SoundBible" / "7.flac").unlink()
    assert stamps.of_audio(paths) != before


def test_audio_in_parquet_is_copied_batch_by_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "BATCH_BYTES", 5000)
    sounds = [encoded(0.1 + i / 100) for i in range(30)]
    sounds = [Path(noise(tmp_path / f"{i}.flac", i, 0.2)).read_bytes() for i in range(30)]
    table = {
        "audio": [{"bytes": sound, "path": None} for sound in sounds],
        "text": [f"text {i}" for i in range(30)],
    }
    pq.write_table(pa.table(table), tmp_path / "all.parquet")
    options = dataset_class("csv")(file=str(tmp_path / "all.parquet"))
    prepared = prepare("pre", options, "")
    parsed = store.parsed(
        "csv",
        Path(),
        "pre",
        {"file": str(tmp_path / "all.parquet")}
        | {n: getattr(options, n) for n in corpora.corpus("csv").options() if n != "file"},
    )
    assert len(parsed.table.column("audio").chunks) > 5
    found = {
        row["text"]: row["audio"][0]["bytes"] for split in prepared.splits.values() for row in split
    }
    assert found == {f"text {i}": sound for i, sound in enumerate(sounds)}
    assert pa.total_allocated_bytes() < 100e6


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_an_owners_split_of_bad_files_is_not_carved_again(tmp_path, split):
    lines = ["audio,label,split,speaker"]
    for i in range(60):
        side = ("train", "train", "train", "train", "val", "test")[i % 6]
        write = constant if side == split else noise
        path = write(tmp_path / f"{i}.wav", 0.0 if side == split else i)
        lines.append(f"{path},{'ab'[i // 6 % 2]},{side},{side}{i % 4}")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    options = dataset_class("csv")(file=str(tmp_path / "table.csv"), max_skipped=0.9)
    with pytest.raises(UserError) as caught:
        prepare("ser", options, "")
    message = str(caught.value)
    sides = {"train": "40 examples of the owner's training", "val": "10 examples of the owner's"}
    assert sides.get(split, "10 examples of the owner's test split") in message
    assert "silent" in message
    options.split = "random"  # which gives up the owner's lines
    if split != "train":
        assert prepare("ser", options, "").summary.counts["test"]
