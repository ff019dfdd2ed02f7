"""WavCaps, LibriSpeech, Common Voice, SLUE-VoxCeleb: their owners' layouts with small audio."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spectrobert.data.corpora import common_voice, librispeech, slue_voxceleb, wavcaps
from spectrobert.data.corpora.tables import (
    Dropped,
    index_audio,
    number,
    read_json,
    read_parquet,
    read_table,
    read_text,
    shards,
)
from spectrobert.data.example import Example
from spectrobert.errors import UserError


def encoded(seconds: float = 0.1, kind: str = "FLAC") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(round(seconds * 16000), dtype="float32"), 16000, format=kind)
    return file.getvalue()


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def tsv(header: str, *rows: str) -> str:
    """Columns divided by a bar in the tests, by a tab in the file."""
    return "\n".join((header, *rows)).replace("|", "\t") + "\n"


def parse(
    results: Iterable[Example | Dropped],
) -> tuple[dict[str, Example], Counter[str]]:
    """The examples by id, and how often each reason to drop was given."""
    results = list(results)
    examples = [item for item in results if isinstance(item, Example)]
    by_id = {item.id: item for item in examples}
    assert len(by_id) == len(examples), "ids repeat"
    return by_id, Counter(item.reason for item in results if isinstance(item, Dropped))


def fails(results: Iterable[Example | Dropped], *words: str) -> None:
    """The parser raises one line that holds these words."""
    with pytest.raises(UserError) as caught:
        list(results)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


# --- tables ---------------------------------------------------------------------------------


def test_table_keeps_quotes_of_a_tsv_and_reads_those_of_a_csv(tmp_path: Path) -> None:
    table = write(tmp_path / "a.tsv", tsv("id|text", '1|"Stop", he said', '2|12" pipe'))
    assert [row["text"] for row in read_table(table, ["id", "text"], delimiter="\t")] == [
        '"Stop", he said',
        '12" pipe',
    ]
    table = write(tmp_path / "a.csv", 'id,text\n1,"Stop, he said"\n')
    assert list(read_table(table, ["id"])) == [{"id": "1", "text": "Stop, he said"}]


def test_table_takes_a_byte_order_mark_windows_line_ends_and_missing_last_cells(
    tmp_path: Path,
) -> None:
    table = write(tmp_path / "a.csv", b"\xef\xbb\xbfid,text,note\r\n1, a ,\r\n\r\n2,b\r\n")
    assert list(read_table(table, ["id", "text"])) == [
        {"id": "1", "text": "a", "note": ""},
        {"id": "2", "text": "b", "note": ""},
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["no column id, text", "none"]),
        (b"id,label\n1,x\n", ["no column text", "id, label"]),
        (b"id,text\n1,a\n2\n", ["line 3", "1 cells", "header has 2"]),
        (b"id,text\n1,a,b\n", ["line 2", "3 cells"]),
        (b"id,text\n1,caf\xe9\n", ["not utf-8 text"]),
        ("id,text\n1,a\n".encode("utf-16"), ["not utf-8 text"]),
        (b'id,text\n1,"' + b"a" * 200_000, ["not a table"]),
    ],
)
def test_damaged_table_is_one_line(tmp_path: Path, content: bytes, words: list[str]) -> None:
    path = write(tmp_path / "labels.csv", content)
    with pytest.raises(UserError) as caught:
        list(read_table(path, ["id", "text"]))
    assert all(word in str(caught.value) for word in ["labels.csv", *words])


def test_table_takes_the_encoding_it_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"id\ncaf\xe9\n")
    assert list(read_table(path, ["id"], encoding="latin-1")) == [{"id": "café"}]


def test_missing_files_are_one_line(tmp_path: Path) -> None:
    for read in (
        lambda path: list(read_table(path, [])),
        read_json,
        read_text,
        lambda path: list(read_parquet(path, [])),
    ):
        with pytest.raises(UserError, match="absent"):
            read(tmp_path / "absent")


@pytest.mark.parametrize("content", ["", '{"data": [', "[" * 100_000, "9" * 5000])
def test_damaged_json_is_one_line(tmp_path: Path, content: str) -> None:
    with pytest.raises(UserError, match=r"a\.json is not JSON"):
        read_json(write(tmp_path / "a.json", content))


def test_json_keeps_the_keys_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '{"data": [{"id": "1", "big": "x"}], "n": 1}')
    assert read_json(path, keep=("data", "id")) == {"data": [{"id": "1"}]}
    assert read_json(path) == {"data": [{"id": "1", "big": "x"}], "n": 1}


def test_index_audio_walks_folders_and_links_and_takes_audio_only(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "c.flac", b"")
    for name in ("a.flac", "sub/-b.WAV", "notes.txt", "a.wav"):
        write(tmp_path / "audio" / name, b"")
    (tmp_path / "audio" / "link").symlink_to(tmp_path / "elsewhere")
    found = index_audio(tmp_path / "audio")
    assert {stem: Path(path).name for stem, path in found.items()} == {
        "a": "a.flac",
        "-b": "-b.WAV",
        "c": "c.flac",
    }
    assert index_audio(tmp_path / "absent") == {}


def test_number_is_finite_or_none() -> None:
    cells = ("1.5", " 2 ", 3, "", "x", "nan", "inf", None)
    assert [number(cell) for cell in cells] == [1.5, 2.0, 3.0, None, None, None, None, None]


def test_shards_are_complete_and_sorted(tmp_path: Path) -> None:
    for part in (1, 0):
        write(tmp_path / f"clean/test-{part:05d}-of-00002-2e18dbb4.parquet", b"")
    assert [path.name[:10] for path in shards(tmp_path, "clean/test")] == [
        "test-00000",
        "test-00001",
    ]
    (tmp_path / "clean/test-00001-of-00002-2e18dbb4.parquet").unlink()
    with pytest.raises(UserError, match=r"clean/test.*1 files of 2"):
        shards(tmp_path, "clean/test")
    assert shards(tmp_path, "clean/train") == []


def test_parquet_yields_rows_before_it_meets_the_end(tmp_path: Path) -> None:
    """A corpus of many gigabytes must not be read into memory at once."""
    path = tmp_path / "a.parquet"
    noise = np.random.default_rng(0).bytes(100_000)
    table = pa.table({"id": [bytes([n]) + noise for n in range(100)]})  # 10 MB
    pq.write_table(table, path, row_group_size=10, use_dictionary=False)
    del table
    before = pa.total_allocated_bytes()
    rows = read_parquet(path, ["id"], rows=5)
    assert next(rows)["id"][0] == 0
    assert pa.total_allocated_bytes() - before < 4_000_000
    assert len(list(rows)) == 99
    with pytest.raises(UserError, match=r"no column text; its columns: 'id'"):
        list(read_parquet(path, ["text"]))
    with pytest.raises(UserError, match="as Parquet"):
        list(read_parquet(write(path, b"PAR1 and no more"), ["id"]))
    pq.write_table(pa.table({"id": ["abcd"]}), path, compression="none", use_dictionary=False)
    write(path, path.read_bytes().replace(b"abcd", b"\xff\xff\xff\xff"))
    with pytest.raises(UserError, match="as Parquet: 'utf-8' codec"):
        list(read_parquet(path, ["id"]))


# --- WavCaps --------------------------------------------------------------------------------


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


# --- LibriSpeech ----------------------------------------------------------------------------


@pytest.fixture
def openslr_root(tmp_path: Path) -> Path:
    for subset, chapter in {
        "train-clean-100": "103/1240",
        "train-other-500": "20/205",
        "dev-clean": "84/121123",
        "test-other": "367/130732",
    }.items():
        folder = tmp_path / "LibriSpeech" / subset / chapter
        stem = chapter.replace("/", "-")
        for utterance in (0, 1, 3):
            write(folder / f"{stem}-{utterance:04d}.flac", encoded())
        lines = f"{stem}-0000 CHAPTER ONE\n{stem}-0001 MISSUS RACHEL'S HOUSE\n{stem}-0002 LOST\n"
        write(folder / f"{stem}.trans.txt", lines)
    write(tmp_path / "LibriSpeech/SPEAKERS.TXT", ";ID  |SEX|\n")
    return tmp_path


def test_librispeech_folders(openslr_root: Path) -> None:
    examples, dropped = parse(librispeech.load(openslr_root, "pre"))
    assert Counter(item.split for item in examples.values()) == {"train": 4, "val": 2, "test": 2}
    example = examples["103-1240-0001"]
    assert (example.text, example.speaker) == ("missus rachel's house", "103")
    assert soundfile.info(example.audio[0].audio).frames == 1600
    assert dropped == {"no audio file": 4, "no transcript": 4}
    assert list(parse(librispeech.load(openslr_root / "LibriSpeech", "pre"))[0]) == list(examples)


def test_librispeech_subsets(openslr_root: Path) -> None:
    examples, _ = parse(librispeech.load(openslr_root, "pre", subsets=("dev-clean",)))
    assert set(examples) == {"84-121123-0000", "84-121123-0001"}
    fails(librispeech.load(openslr_root, "pre", subsets=("dev",)), "'dev'", "dev-clean")
    # Told before anything is read, and not after hours of it.
    results = librispeech.load(openslr_root, "pre", subsets=("dev-clean", "dev-other"))
    with pytest.raises(UserError, match="no dev-other in"):
        next(iter(results))
    assert list(librispeech.load(openslr_root / "LibriSpeech/dev-clean", "pre")) == []


def test_librispeech_transcripts_missing_or_empty(openslr_root: Path) -> None:
    folder = openslr_root / "LibriSpeech/dev-clean/84/121123"
    write(
        folder / "84-121123.trans.txt", "84-121123-0000\n\n84-121123-0001 A B\n84-121123-0001 C\n"
    )
    examples, dropped = parse(librispeech.load(openslr_root, "pre", subsets=("dev-clean",)))
    assert [item.text for item in examples.values()] == ["a b"]
    assert dropped == {"no transcript": 2, "no audio file": 1}
    (folder / "84-121123.trans.txt").unlink()
    assert parse(librispeech.load(openslr_root, "pre", subsets=("dev-clean",)))[1] == {
        "no transcript": 3
    }


def hub_rows(*utterances: str, text: str | None = "MISSUS RACHEL", audio: object = ...) -> pa.Table:
    cell = {"bytes": encoded(), "path": "x.flac"} if audio is ... else audio
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    n = len(utterances)
    return pa.table(
        {
            "file": [f"{utterance}.flac" for utterance in utterances],
            "audio": pa.array([cell] * n, kind),
            "text": pa.array([text] * n, pa.string()),
            "speaker_id": [int(utterance.split("-")[0]) for utterance in utterances],
            "chapter_id": [1240] * n,
            "id": list(utterances),
        }
    )


def hub_file(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def test_librispeech_parquet(tmp_path: Path) -> None:
    hub_file(tmp_path / "clean/train.100/0000.parquet", hub_rows("103-1240-0000"))
    hub_file(tmp_path / "clean/train.100/0001.parquet", hub_rows("103-1240-0001"))
    hub_file(tmp_path / "other/validation-00000-of-00001.parquet", hub_rows("20-1240-0000"))
    # `all` repeats `clean`; it is read only for what the others lack
    hub_file(tmp_path / "all/train.clean.100/0000.parquet", hub_rows("103-1240-0000"))
    hub_file(tmp_path / "all/test.other/0000.parquet", hub_rows("7-1240-0000"))
    examples, dropped = parse(librispeech.load(tmp_path, "pre"))
    assert {name: item.split for name, item in examples.items()} == {
        "103-1240-0000": "train",
        "103-1240-0001": "train",
        "20-1240-0000": "val",
        "7-1240-0000": "test",
    }
    example = examples["103-1240-0001"]
    assert (example.text, example.speaker) == ("missus rachel", "103")
    assert isinstance(example.audio[0].audio, bytes)
    assert soundfile.info(io.BytesIO(example.audio[0].audio)).frames == 1600
    assert not dropped


def test_librispeech_parquet_rows_without_audio_or_text_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "clean/test/0000.parquet"
    for table, reason in (
        (hub_rows("1-1-1", text=None), "no transcript"),
        (hub_rows("1-1-1", audio=None), "no audio file"),
        (hub_rows("1-1-1", audio={"bytes": None, "path": "x.flac"}), "no audio file"),
        (hub_rows("1-1-1").set_column(5, "id", pa.array([None], pa.string())), "no id"),
    ):
        hub_file(path, table)
        assert parse(librispeech.load(tmp_path, "pre")) == ({}, {reason: 1})
    hub_file(path, hub_rows("1-1-1").drop_columns("text"))
    fails(librispeech.load(tmp_path, "pre"), "0000.parquet has no column text")


def test_librispeech_parquet_is_read_as_it_is_asked_for(tmp_path: Path) -> None:
    hub_file(tmp_path / "clean/train.100/0000.parquet", hub_rows("103-1240-0000"))
    write(tmp_path / "clean/train.100/0001.parquet", b"PAR1 cut short")
    results = librispeech.load(tmp_path, "pre")
    assert next(results).id == "103-1240-0000"
    fails(results, "0001.parquet as Parquet")


# --- Common Voice ---------------------------------------------------------------------------

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


# --- SLUE-VoxCeleb --------------------------------------------------------------------------

SLUE_HEADER = "id|normalized_text|speaker_id|split|sentiment|start_second|end_second"
ANN = "id10059_229vKIG_xrI_00004"


@pytest.fixture
def slue_root(tmp_path: Path) -> Path:
    """The owner's archive, of which the train audio was cut by the owner's script too."""
    folder = tmp_path / "slue-voxceleb"
    rows = {
        "fine-tune": [
            f"{ANN}|of god what is|id10059|fine-tune|Neutral|0.45|4.52",
            "id10060_a_00001|i love it|id10060|fine-tune|Positive|0.0|1.5",
            "id10060_a_00002|hm|id10060|fine-tune|<mixed>|0.0|1.5",
            "id10060_a_00003|hm|id10060|fine-tune|Disagreement|0.0|1.5",
            "id10060_a_00004|hm|id10060|fine-tune||0.0|1.5",
            "id10060_a_00009|hm|id10060|fine-tune|Neutral|0.0|1.5",
        ],
        "dev": [
            "id10061_b_00001|no|id10061|dev|Negative|0.5|1.25",
            "id10061_b_00002|no|id10061|dev|Negative|1.25|0.5",
            "id10061_b_00003|no|id10061|dev|Negative||1",
            "id10061_b_00004||id10061|dev|Negative|0|1",
            "|no name|id10061|dev|Negative|0|1",
        ],
        "test": ["odd-name|well|id10062|test|Negative|0|1"],
    }
    for name, lines in rows.items():
        write(folder / f"slue-voxceleb_{name}.tsv", tsv(SLUE_HEADER, *lines))
        for line in lines:
            clip = line.split("|")[0]
            if clip not in ("", "id10060_a_00009"):
                write(folder / f"{name}_raw/{clip}.flac", encoded(5 if clip == ANN else 1.5))
    write(folder / f"fine-tune/{ANN}.flac", encoded(4.07))
    return tmp_path


def test_slue_three_clean_labels(slue_root: Path) -> None:
    examples, dropped = parse(slue_voxceleb.load(slue_root, "sentiment"))
    assert {name: (item.label, item.split) for name, item in examples.items()} == {
        ANN: ("neutral", "train"),
        "id10060_a_00001": ("positive", "train"),
        "id10061_b_00001": ("negative", "val"),
        "id10061_b_00004": ("negative", "val"),  # its audio speaks for itself
        "odd-name": ("negative", "test"),
    }
    assert dropped == {
        "label <mixed>": 1,
        "label Disagreement": 1,
        "label missing": 1,
        "no audio file": 1,
        "no start and end": 2,
        "no id": 1,
    }
    assert slue_voxceleb.CORPUS.labels["sentiment"] == ("negative", "neutral", "positive")
    assert list(slue_voxceleb.load(slue_root / "slue-voxceleb", "sentiment")) == list(
        slue_voxceleb.load(slue_root, "sentiment")
    )


def test_slue_reads_the_labelled_stretch_only(slue_root: Path) -> None:
    examples, _ = parse(slue_voxceleb.load(slue_root, "sentiment"))
    path, start, end, _ = examples[ANN].audio[0]  # cut already
    assert Path(str(path)).parent.name == "fine-tune"
    assert (start, end) == (0.0, None)
    path, start, end, _ = examples["id10061_b_00001"].audio[0]
    assert Path(str(path)).parent.name == "dev_raw"
    assert (start, end) == (0.5, 1.25)


def test_slue_speakers_and_videos(slue_root: Path) -> None:
    examples, _ = parse(slue_voxceleb.load(slue_root, "sentiment"))
    assert (examples[ANN].speaker, examples[ANN].group) == ("id10059", "229vKIG_xrI")
    assert (examples["odd-name"].speaker, examples["odd-name"].group) == ("id10062", "")
    path = slue_root / "slue-voxceleb/slue-voxceleb_fine-tune.tsv"
    lines = path.read_text().splitlines()
    without = ["\t".join(line.split("\t")[:2] + line.split("\t")[3:]) for line in lines]
    write(path, "\n".join(without))
    examples, _ = parse(slue_voxceleb.load(slue_root, "sentiment"))
    assert examples[ANN].speaker == "id10059"  # from the id


def test_slue_for_pretraining_needs_text_and_no_label(slue_root: Path) -> None:
    examples, dropped = parse(slue_voxceleb.load(slue_root, "pre"))
    assert {item.label for item in examples.values()} == {""}
    assert "id10060_a_00002" in examples
    assert dropped == {
        "no audio file": 1,
        "no start and end": 2,
        "no transcript": 1,
        "no id": 1,
    }


def test_slue_blind_release(slue_root: Path) -> None:
    folder = slue_root / "slue-voxceleb"
    path = folder / "slue-voxceleb_test.tsv"
    path.rename(folder / "slue-voxceleb_test_blind.tsv")
    examples, dropped = parse(slue_voxceleb.load(slue_root, "sentiment"))
    assert {item.split for item in examples.values()} == {"train", "val"}
    assert dropped["no label file"] == 1
    (folder / "slue-voxceleb_dev.tsv").unlink()
    fails(slue_voxceleb.load(slue_root, "sentiment"), "slue-voxceleb_dev.tsv")


def slue_hub(*sentiments: str | None) -> pa.Table:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    n = len(sentiments)
    return pa.table(
        {
            "index": list(range(n)),
            "id": [f"id10059_x_{k:05d}" for k in range(n)],
            "audio": pa.array([{"bytes": encoded(2), "path": "x.flac"}] * n, kind),
            "speaker_id": ["id10059"] * n,
            "normalized_text": ["well"] * n,
            "sentiment": pa.array(sentiments, pa.string()),
            "start_second": [0.25] * n,
            "end_second": [1.5] * n,
            "local_path": ["slue-voxceleb/fine-tune_raw/x.flac"] * n,
        }
    )


def test_slue_parquet(tmp_path: Path) -> None:
    hub_file(tmp_path / "voxceleb/train-00000-of-00001.parquet", slue_hub("Negative", "<mixed>"))
    hub_file(tmp_path / "voxceleb/validation-00000-of-00001.parquet", slue_hub(None))
    examples, dropped = parse(slue_voxceleb.load(tmp_path, "sentiment"))
    (example,) = examples.values()
    assert (example.label, example.split, example.speaker) == ("negative", "train", "id10059")
    audio, start, end, _ = example.audio[0]
    assert soundfile.info(io.BytesIO(audio)).duration == 2.0
    assert (start, end) == (0.25, 1.5)
    assert dropped == {"label <mixed>": 1, "label missing": 1}
    assert len(list(slue_voxceleb.load(tmp_path / "voxceleb", "sentiment"))) == 3


# --- damaged label files --------------------------------------------------------------------

SCRAPS = st.sampled_from(
    [b"", b"\t", b"\n", b"\r", b'"', b"\xff", b"\x00", b"{", b"]", b"null", b"\\ud800", b",", b"1"]
)
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 60), SCRAPS | st.binary(max_size=4)),
    min_size=1,
    max_size=4,
)
fuzzed = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def damaged(whole: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Cuts out up to 60 bytes at some places and puts scraps there."""
    for place, length, scrap in edits:
        at = round(place * len(whole))
        whole = whole[:at] + scrap + whole[at + length :]
    return whole


def accounted(results: Iterable[Example | Dropped]) -> int | None:
    """How many rows became an example or a counted drop; None for a UserError of one line."""
    try:
        results = list(results)
    except UserError as error:
        message = str(error)
        assert "\n" not in message
        return None
    assert all(isinstance(item, (Example, Dropped)) for item in results)
    for item in results:
        if isinstance(item, Example):
            f"{item.id} {item.text} {item.speaker}".encode()  # can be written
    return len(results)


def lines_of(path: Path) -> int:
    return sum(bool(line) for line in re.split(b"[\r\n]", path.read_bytes()))


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


@fuzzed
@given(edits=EDITS)
def test_librispeech_never_loses_a_row(openslr_root: Path, edits: list) -> None:
    path = openslr_root / "LibriSpeech/dev-clean/84/121123/84-121123.trans.txt"
    whole = path.read_bytes()
    try:
        write(path, damaged(whole, edits))
        results = librispeech.load(openslr_root, "pre", subsets=("dev-clean",))
        rows = accounted(results)
        lines = path.read_bytes().split(b"\n")
        assert rows is None or rows >= max(3, sum(bool(line.strip()) for line in lines))
    finally:
        write(path, whole)


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


@fuzzed
@given(edits=EDITS)
def test_slue_never_loses_a_row(slue_root: Path, edits: list) -> None:
    path = slue_root / "slue-voxceleb/slue-voxceleb_fine-tune.tsv"
    whole = path.read_bytes()
    try:
        write(path, damaged(whole, edits))
        results = slue_voxceleb.load(slue_root, "sentiment")
        assert accounted(results) in (None, lines_of(path) - 1 + 6)
    finally:
        write(path, whole)


@fuzzed
@given(edits=EDITS)
def test_parquet_damaged(tmp_path: Path, edits: list) -> None:
    path = tmp_path / "clean/test/0000.parquet"
    hub_file(path, hub_rows("1-1-1", "1-1-2", "1-1-3"))
    write(path, damaged(path.read_bytes(), edits))
    accounted(librispeech.load(tmp_path, "pre"))
