"""The readers of label files, shared by the corpora."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spectrobert.corpora.label_files import (
    index_audio,
    number,
    read_json,
    read_parquet,
    read_table,
    read_text,
    shards,
)
from spectrobert.errors import UserError

from ..helpers.corpus_files import tsv, write


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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_a_table_that_is_not_utf_8_is_in_the_fallback(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "a.csv", "id\ncafé\n".encode(encoding))
    assert list(read_table(path, ["id"], fallback="latin-1")) == [{"id": "café"}]


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
