"""`data download` from mirrors of Zenodo, the Hub and others, to examples of the corpus."""

import json
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from rich.console import Console

from spectrobert import corpora
from spectrobert.corpus_tools.fetch import acquisition
from spectrobert.corpus_tools.sources import SOURCES, WebFile
from spectrobert.errors import UserError

from ..helpers.sounds import noise
from ..helpers.web import (
    Page,
    add_hub_repository,
    add_zenodo_record,
    answers,
    md5,
    tar_of,
    zip_of,
)

RAVDESS = "Audio_Speech_Actors_01-24.zip"
RAVDESS_PATH = f"/zenodo.org/records/1188976/files/{RAVDESS}"

Get = Callable[..., tuple[int, str, str]]


@pytest.fixture
def get(site, data, tmp_path, monkeypatch) -> Get:
    """`data download NAME ...` from the mirror to tmp_path / "data"; the Hub over plain HTTP."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    where = ("--data_dir", tmp_path / "data", "--mirror", site.url)
    return lambda name, *words: data("download", name, *where, *words)


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "data"


def sound(tmp_path: Path, seed: int = 0, name: str = "a.wav") -> bytes:
    return Path(noise(tmp_path / name, seed, 0.1)).read_bytes()


def ravdess_zip(tmp_path: Path, actors: int = 24) -> bytes:
    """Two clips of each actor, in the folders of the owner's archive."""
    names = [
        (actor, f"Actor_{actor:02}/03-01-{emotion}-01-01-01-{actor:02}.wav")
        for actor in range(1, actors + 1)
        for emotion in ("03", "04")
    ]
    return zip_of({name: sound(tmp_path, actor) for actor, name in names})


def refused(result: tuple[int, str, str], *words: str) -> None:
    code, _, err = result
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err


def test_ravdess_from_a_mirror_that_cuts_parses(site, tmp_path, folder, get):
    body = ravdess_zip(tmp_path)
    add_zenodo_record(site, "1188976", {RAVDESS: body})
    site.pages[RAVDESS_PATH] = answers(Page(body, cut_after=1000), Page(body))
    code, out, err = get("ravdess")
    assert (code, err) == (0, "")
    assert f"ravdess: done, in {folder / 'ravdess'}" in out
    assert [request.range for request in site.asked(RAVDESS_PATH)] == ["", "bytes=1000-"]
    examples, dropped = corpora.load("ravdess", folder / "ravdess", "ser")
    assert (len(examples), dropped) == (48, [])
    assert {example.speaker for example in examples} == {f"{n:02}" for n in range(1, 25)}
    assert os.listdir(folder) == ["ravdess"]  # no folder of work is left
    record = json.loads((folder / "ravdess" / acquisition.RECORD).read_text())
    assert list(record.values()) == [{"checksum": md5(body), "mirror": site.url}]
    count = len(site.requests)
    code, out, _ = get("ravdess")
    assert (code, len(site.requests)) == (0, count)
    assert "already" in out


def test_the_mirror_may_stand_in_the_environment(site, tmp_path, data, monkeypatch):
    add_zenodo_record(site, "1188976", {RAVDESS: ravdess_zip(tmp_path, 1)})
    monkeypatch.setenv("SPECTROBERT_MIRROR", site.url)
    assert data("download", "ravdess", "--data_dir", tmp_path / "data")[0] == 0


def test_clotho_aqa_goes_on_with_the_files_that_are_missing(site, tmp_path, folder, get, data):
    header = "file_name,QuestionText,answer,confidence\n"
    table = (header + "bell.wav,Is there a bell?,yes,yes\n").encode()
    tables = (f"clotho_aqa_{split}.csv" for split in ("train", "val", "test"))
    files = {
        **dict.fromkeys(("LICENSE.txt", "clotho_aqa_metadata.csv"), b"text"),
        **dict.fromkeys(tables, table),
        "audio_files.zip": zip_of({"audio_files/bell.wav": sound(tmp_path)}),
    }
    add_zenodo_record(site, "6473207", files)
    path = "/zenodo.org/records/6473207/files"
    whole = site.pages.pop(f"{path}/audio_files.zip")
    refused(get("clothoqa"), "audio_files.zip: the server answers 404")
    assert "unfinished" in data("list", "--data_dir", folder)[1]
    site.pages[f"{path}/audio_files.zip"] = whole
    assert get("clothoqa")[0] == 0
    assert len(site.asked(f"{path}/clotho_aqa_train.csv")) == 1
    examples, _ = corpora.load("clotho_aqa", folder / "clotho_aqa", "aqa_binary")
    assert len(examples) == 3
    assert all(Path(e.audio[0].audio).is_file() for e in examples)


def test_a_wrong_file_on_the_mirror_puts_nothing_in_place(site, tmp_path, folder, get):
    add_zenodo_record(site, "1188976", {RAVDESS: ravdess_zip(tmp_path, 1)})
    site.pages[RAVDESS_PATH] = Page(b"something else")
    refused(get("ravdess"), "MD5 hash of downloaded file")
    assert not (folder / "ravdess").exists()


@pytest.mark.parametrize("member", ["../escaped.wav", "/tmp/escaped.wav", "C:\\escaped.wav"])
def test_a_malicious_archive_with_a_right_checksum_is_refused(site, tmp_path, folder, get, member):
    body = zip_of({"Actor_01/03-01-03-01-01-01-01.wav": b"fine", member: b"not fine"})
    add_zenodo_record(site, "1188976", {RAVDESS: body})
    refused(get("ravdess"), f"{RAVDESS} is refused: its member")
    assert not list(tmp_path.rglob("*escaped*"))
    assert not (folder / "ravdess").exists()


def test_esc10_loses_the_folder_that_github_puts_around_it(site, tmp_path, folder, get):
    lines = ["filename,fold,target,category,esc10,src_file,take"]
    files = {}
    for fold in range(1, 6):
        for number, category in enumerate(("dog", "rain")):
            name = f"{fold}-{number}-A-0.wav"
            files[f"ESC-50-master/audio/{name}"] = sound(tmp_path, fold * 2 + number)
            lines.append(f"{name},{fold},0,{category},True,{fold}{number},A")
    files["ESC-50-master/meta/esc50.csv"] = "\n".join(lines).encode()
    path = "/github.com/karolpiczak/ESC-50/archive/refs/heads/master.zip"
    site.pages[path] = Page(zip_of(files), chunked=True, etag="")
    code, out, _ = get("esc10")
    assert code == 0
    assert "publishes no checksum" in out
    examples, _ = corpora.load("esc10", folder / "esc10", "aqa_open")
    assert {example.label for example in examples} >= {"dog", "rain"}


def test_wavcaps_from_a_mirror_of_the_hub_parses(site, tmp_path, folder, get):
    inside = "mnt/fast/data/waveforms/SoundBible_flac"
    table = {"num_captions_per_audio": 1, "data": [{"id": "7", "caption": "A bell rings."}]}
    blacklist = {"AudioSet": [], "FreeSound": []}
    files = {
        "README.md": b"not wanted",
        "json_files/blacklist/blacklist_exclude_all_ac.json": json.dumps(blacklist).encode(),
        "json_files/SoundBible/sb_final.json": json.dumps(table).encode(),
        "json_files/FreeSound/fsd_final.json": b"not wanted either",
        "Zip_files/SoundBible/SoundBible.zip": zip_of(
            {f"{inside}/7.flac": sound(tmp_path, name="7.flac")}
        ),
    }
    add_hub_repository(site, "cvssp/WavCaps", files)
    code, _, err = get("wavcaps", "--part", "soundbible")
    assert (code, err) == (0, "")
    examples, dropped = corpora.load("wavcaps", folder / "wavcaps", "pre", sources=("soundbible",))
    assert [(e.id, e.text) for e in examples] == [("soundbible/7", "A bell rings.")]
    assert dropped == []
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    tables = {"sb_final.json", "blacklist_exclude_all_ac.json"}
    assert names == {"7.flac", *tables, acquisition.RECORD}


def test_meld_has_archives_in_its_archive(site, tmp_path, folder, get):
    header = "Utterance,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n"
    folders = {
        "train": "train_splits",
        "dev": "dev_splits_complete",
        "test": "output_repeated_splits_test",
    }
    files: dict[str, bytes] = {}
    for number, (split, place) in enumerate(folders.items()):
        # The owner's clips are .mp4, and ffmpeg makes these of them
        table = f"{header}Hello {split}.,joy,positive,0,0\n".encode()
        clip = sound(tmp_path, number)
        inner = {f"{place}/dia0_utt0.wav": clip, f"{split}_sent_emo.csv": table}
        files[f"MELD.Raw/{split}.tar.gz"] = tar_of(inner)
    add_hub_repository(site, "declare-lab/MELD", {"MELD.Raw.tar.gz": tar_of(files)})
    code, out, _ = get("meld")
    assert code == 0
    assert "left to do: MELD ships video" in out
    assert not list(tmp_path.rglob("*.tar.gz"))
    examples, dropped = corpora.load("meld", folder / "meld", "ser")
    texts = {"train": "Hello train.", "val": "Hello dev.", "test": "Hello test."}
    assert {e.split: e.text for e in examples} == texts
    assert dropped == []


def test_parts_of_librispeech_come_one_after_the_other(site, tmp_path, folder, get, monkeypatch):
    items = []
    for part, speaker in (("dev-clean", "84"), ("test-clean", "61")):
        place, utterance = f"LibriSpeech/{part}/{speaker}/1", f"{speaker}-1-0000"
        files = {
            "LibriSpeech/README.TXT": b"the same in every part",
            f"{place}/{utterance}.flac": sound(tmp_path, int(speaker), "u.flac"),
            f"{place}/{speaker}-1.trans.txt": f"{utterance} HELLO THERE\n".encode(),
        }
        body = tar_of(files)
        (item,) = acquisition.choose("librispeech", SOURCES["librispeech"], [part])
        items.append(replace(item, checksum=md5(body)))
        site.pages[f"/www.openslr.org/resources/12/{part}.tar.gz"] = Page(body)
    monkeypatch.setitem(SOURCES, "librispeech", replace(SOURCES["librispeech"], items=tuple(items)))
    for part, speakers in (("dev-clean", {"84"}), ("test-clean", {"84", "61"})):
        assert get("librispeech", "--part", part)[0] == 0
        examples, dropped = corpora.load("librispeech", folder / "librispeech", "pre")
        assert {e.speaker for e in examples} == speakers
        assert {e.text for e in examples} == {"hello there"}
        assert dropped == []
    assert len(site.requests) == 2


def test_a_part_that_was_begun_waits_while_another_is_fetched(site, tmp_path):
    """Its bytes are neither moved to the corpus nor deleted."""
    one, other = (WebFile(f"https://host/{name}", part=name) for name in ("one", "other"))
    site.pages["/host/one"] = answers(Page(b"whole", cut_after=2), Page(status=404))
    site.pages["/host/other"] = Page(b"other")
    for item in (one, other, one):
        with nullcontext() if item is other else pytest.raises(UserError, match="404"):
            acquisition.acquire("x", tmp_path / "x", [item], Console(quiet=True), site.url)
    assert sorted(os.listdir(tmp_path / "x")) == [acquisition.RECORD, "other"]
    assert [asked.range for asked in site.asked("/host/one")] == ["", "bytes=2-", "bytes=2-"]


def test_the_published_checksum_of_librispeech_is_asked_for(site, get):
    site.pages["/www.openslr.org/resources/12/dev-clean.tar.gz"] = Page(b"not it")
    result = get("librispeech", "--part", "dev-clean")
    refused(result, "expected md5:42e2234ba48799c1f50f24a7926300a1")


def test_a_file_that_is_not_what_the_hub_says_is_deleted(site, folder, get):
    name = "voxceleb/train-00000-of-00001.parquet"
    add_hub_repository(site, "asapp/slue", {name: b"parquet"})
    (path,) = (path for path in site.pages if path.endswith(".parquet"))
    site.pages[path].body = b"PARQUET"  # as long, but not the same
    refused(get("slue_voxceleb"), f"{name} had a wrong checksum")
    assert not list(folder.rglob("*.parquet"))


def test_a_hub_without_the_repository_or_out_of_reach(site, get):
    refused(get("slue_voxceleb"), "huggingface.co/datasets/asapp/slue")
    refused(get("slue_voxceleb", "--mirror", "http://127.0.0.1:9"), "Connection refused")


def test_a_folder_filled_by_hand_is_left_alone(site, folder, get):
    mine = folder / "ravdess" / "mine.wav"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    refused(get("ravdess"), "did not come by this command")
    assert site.requests == []
    assert mine.read_bytes() == b"mine"


def test_two_at_once(site, tmp_path):
    work = acquisition.work_folder(tmp_path / "x")
    work.mkdir()
    items = SOURCES["ravdess"].items
    with FileLock(work / "lock"), pytest.raises(UserError, match="another process downloads x"):
        acquisition.acquire("x", tmp_path / "x", items, Console(quiet=True), site.url)


def test_a_data_folder_that_cannot_be_written(tmp_path, get):
    (tmp_path / "data").write_text("not a folder")
    refused(get("ravdess"), "is a file, not a folder")


@pytest.mark.parametrize("name", [n for n, source in SOURCES.items() if not source.items])
def test_the_others_say_what_to_do_and_where_files_go(folder, get, name):
    code, out, err = get(name)
    refused((code, out, err))
    for text in (SOURCES[name].page, str(folder / name), corpora.corpus(name).layout):
        assert text in out
    assert ("licence" in err) == SOURCES[name].needs_licence


@pytest.mark.parametrize("name", ["demo", "csv", "ravdes"])
def test_names_that_cannot_be_downloaded(get, name):
    refused(get(name))


def test_the_checksum_in_a_record_of_zenodo():
    record = json.dumps({"files": [{"key": "a.zip", "checksum": "md5:00ff", "size": 3}]})
    assert acquisition.zenodo_checksum(record, "a.zip") == "md5:00ff"
    with pytest.raises(UserError, match=r"no checksum for b\.zip; its files: a\.zip"):
        acquisition.zenodo_checksum(record, "b.zip")
    for wrong in ("<html>", "[]", '{"files": [{"key": "a.zip"}]}', '{"files": 3}'):
        with pytest.raises(UserError, match="not a record"):
            acquisition.zenodo_checksum(wrong, "a.zip")
