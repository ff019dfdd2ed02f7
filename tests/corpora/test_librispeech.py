"""LibriSpeech: OpenSLR's folders and the Hub's Parquet files, with small audio."""

import io
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
import soundfile

from spectrobert.corpora import librispeech
from spectrobert.errors import UserError

from ..helpers import made_up
from ..helpers.corpus_files import encoded, fails, hub_file, parse, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made_up.librispeech(tmp_path)
    return tmp_path


def test_librispeech_folders(root: Path) -> None:
    examples, dropped = parse(librispeech.load(root, "pre"))
    assert Counter(item.split for item in examples.values()) == {"train": 4, "val": 2, "test": 2}
    example = examples["103-1240-0001"]
    assert (example.text, example.speaker) == ("missus rachel's house", "103")
    assert soundfile.info(example.audio[0].audio).frames == 1600
    assert dropped == {"no audio file": 4, "no transcript": 4}
    assert list(parse(librispeech.load(root / "LibriSpeech", "pre"))[0]) == list(examples)


def test_librispeech_subsets(root: Path) -> None:
    examples, _ = parse(librispeech.load(root, "pre", subsets=("dev-clean",)))
    assert set(examples) == {"84-121123-0000", "84-121123-0001"}
    fails(librispeech.load(root, "pre", subsets=("dev",)), "'dev'", "dev-clean")
    # Told before anything is read, and not after hours of it.
    results = librispeech.load(root, "pre", subsets=("dev-clean", "dev-other"))
    with pytest.raises(UserError, match="no dev-other in"):
        next(iter(results))
    assert list(librispeech.load(root / "LibriSpeech/dev-clean", "pre")) == []


def test_librispeech_transcripts_missing_or_empty(root: Path) -> None:
    folder = root / "LibriSpeech/dev-clean/84/121123"
    write(
        folder / "84-121123.trans.txt", "84-121123-0000\n\n84-121123-0001 A B\n84-121123-0001 C\n"
    )
    examples, dropped = parse(librispeech.load(root, "pre", subsets=("dev-clean",)))
    assert [item.text for item in examples.values()] == ["a b"]
    assert dropped == {"no transcript": 2, "no audio file": 1}
    (folder / "84-121123.trans.txt").unlink()
    assert parse(librispeech.load(root, "pre", subsets=("dev-clean",)))[1] == {"no transcript": 3}


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
