"""A user's table: columns, formats, answers, and what is wrong with a row or a file."""

import json
from pathlib import Path

import pytest

from spectrobert import corpora
from spectrobert.corpora.example import Example
from spectrobert.data import drawing, splits
from spectrobert.errors import UserError


def load(file: Path | list[Path], task: str = "pre", **options: str) -> list[Example]:
    names = [str(f) for f in file] if isinstance(file, list) else str(file)
    return corpora.load("csv", Path("unused"), task, file=names, **options)[0]


def refused(file: Path, task: str = "pre", **options: str) -> str:
    with pytest.raises(UserError) as caught:
        load(file, task, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert file.name in message
    return message


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_no_file_named() -> None:
    with pytest.raises(UserError, match=r"dataset csv needs dataset\.file="):
        corpora.load("csv", Path("unused"), "pre")


def test_all_columns(tmp_path: Path) -> None:
    file = write(
        tmp_path / "m.csv",
        "audio,label,text,split,speaker,start,end",
        'x/a.wav, happy ,"Hello, ""you""",Training,sp1,0.5,2',
        "/abs/b.wav,sad,,dev,,,",
    )
    one, two = load(file, "ser")
    assert one.audio[0] == (str(tmp_path / "x/a.wav"), 0.5, 2.0, 0.0)
    assert (one.id, one.label, one.text) == ("x/a.wav[0.5-2]", "happy", 'Hello, "you"')
    assert (one.split, one.speaker) == ("train", "sp1")
    assert two.audio[0] == ("/abs/b.wav", 0.0, None, 0.0)
    assert (two.split, two.speaker, two.text) == ("val", "", "")


@pytest.mark.parametrize("extension", [".csv", ".tsv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("text", ['he said "no', '"all of it"', "a, b", "null", "naïve"])
def test_every_format_gives_the_same(tmp_path: Path, extension: str, text: str) -> None:
    import pandas

    rows = [{"audio": "a.wav", "text": text, "start": 1.5}, {"audio": "b.wav", "text": "b"}]
    table = pandas.DataFrame(rows)
    file = tmp_path / f"m{extension}"
    match extension:
        case ".csv":
            table.to_csv(file, index=False, encoding="utf-8-sig")
        case ".tsv":
            table.to_csv(file, index=False, sep="\t")
        case ".jsonl":
            file.write_text("\n".join(json.dumps(row) for row in rows))
        case ".parquet":
            table.to_parquet(file)
    one, two = load(file)
    assert (one.text, two.text) == (text, "b")
    assert one.audio[0] == (str(tmp_path / "a.wav"), 1.5, None, 0.0)
    assert two.audio[0] == (str(tmp_path / "b.wav"), 0.0, None, 0.0)


def test_a_tsv_with_bare_quotation_marks(tmp_path: Path) -> None:
    file = write(
        tmp_path / "m.tsv", "audio\ttext", 'a.wav\t"Go', 'b.wav\t"A" or "B"', 'c.wav\t"', ""
    )
    assert [e.text for e in load(file)] == ['"Go', '"A" or "B"', '"']


def test_not_a_number_is_an_empty_cell(tmp_path: Path) -> None:
    """As pandas writes it."""
    file = write(tmp_path / "m.jsonl", '{"audio": "a.wav", "text": "x", "end": NaN}')
    assert load(file)[0].audio[0].end is None


def test_parquet_with_the_audio_inside(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    records = [{"bytes": b"RIFF1", "path": "a.wav"}, {"bytes": None, "path": "b.wav"}]
    for name, column in {"records": records, "binary": [b"RIFF1", b"RIFF2"]}.items():
        table = pyarrow.table({"audio": column, "text": ["one", "two"]})
        pyarrow.parquet.write_table(table, tmp_path / f"{name}.parquet")
    one, two = load(tmp_path / "records.parquet")
    assert (one.audio[0].audio, two.audio[0].audio) == (b"RIFF1", str(tmp_path / "b.wav"))
    one, two = load(tmp_path / "binary.parquet")
    assert (one.audio[0].audio, two.audio[0].audio) == (b"RIFF1", b"RIFF2")


def test_several_files(tmp_path: Path) -> None:
    one = write(tmp_path / "m.csv", "audio,text", "a.wav,a")
    (tmp_path / "sub").mkdir()
    two = write(tmp_path / "sub/m.tsv", "text\taudio", "b\tb.wav")
    examples = load([one, two])
    assert [e.id.partition("|")[0] for e in examples] == ["a.wav", "b.wav"]
    assert examples[1].audio[0].audio == str(tmp_path / "sub/b.wav")


def test_answers(tmp_path: Path) -> None:
    rows = ["a.wav,Loud?, YES", "a.wav,What?,Wind ", "a.wav,How many?,1"]
    file = write(tmp_path / "m.csv", "audio,question,answer", *rows)
    (binary,) = load(file, "aqa_binary")
    assert (binary.id, binary.question, binary.label) == ("a.wav|43526215", "Loud?", "yes")
    assert [e.label for e in load(file, "aqa_open")] == ["wind", "1"]
    write(file, "audio,question,answer", *rows[1:])
    assert refused(file, "aqa_binary").endswith("no answer is yes or no; found: 1, wind")
    write(file, "audio,question,answer", rows[0])
    assert "no answer is other than yes or no" in refused(file, "aqa_open")


def test_missing_columns(tmp_path: Path) -> None:
    file = write(tmp_path / "m.csv", "path,transcript,speaker", "a.wav,x,s1")
    assert refused(file, audio="path").endswith(
        "m.csv: no column 'text'; found: path, transcript, speaker; "
        "name the right one with dataset.text=COLUMN"
    )
    (example,) = load(file, audio="path", text="transcript")
    assert (example.text, example.speaker) == ("x", "s1")
    # A column that was asked for is never passed over: it may be what keeps speakers apart.
    message = refused(file, audio="path", text="transcript", speaker="spk")
    assert "no column 'spk'" in message
    assert "dataset.speaker=COLUMN" in message
    (example,) = load(file, audio="path", text="transcript", speaker="")
    assert example.speaker == ""


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (",hi,,,", "row 2: column 'audio' is empty"),
        ("b.wav, ,,,", "row 2: column 'text' is empty"),
        ("b.wav,hi,fold3,,", "row 2: unknown split 'fold3' in column 'split'; known: train"),
        ("b.wav,hi,,soon,", "row 2: start 'soon' is not a time"),
        ("b.wav,hi,,nan,", "row 2: start 'nan' is not a time"),
        ("b.wav,hi,,-1,", "row 2: start '-1' is not a time"),
        ("b.wav,hi,,,inf", "row 2: end 'inf' is not a time"),
        ("b.wav,hi,,2,2", "row 2: end 2 must lie after start 2"),
        ("b.wav,hi,,2,1.5", "row 2: end 1.5 must lie after start 2"),
        ("b.wav,hi, there,,,", "row 2: 6 cells, but 5 columns"),
        ("b.wav,hi", "row 2: 2 cells, but 5 columns"),
        ('b.wav,"hi,,,', "row 2: unexpected end of data"),
    ],
)
def test_bad_rows(tmp_path: Path, cells: str, message: str) -> None:
    file = write(tmp_path / "m.csv", "audio,text,split,start,end", "a.wav,x,,,", cells)
    assert message in refused(file)


def test_an_empty_label(tmp_path: Path) -> None:
    file = write(tmp_path / "m.csv", "audio,label", "a.wav,sad", "b.wav,")
    assert "row 2: column 'label' is empty" in refused(file, "ser")


def test_split_names(tmp_path: Path) -> None:
    names = ["train", "Training", "val", "valid", "validation", "DEV", "test", "eval", ""]
    file = write(tmp_path / "m.csv", "audio,text,split", *(f"a.wav,x,{name}" for name in names))
    expected = ["train"] * 2 + ["val"] * 4 + ["test"] * 2 + [""]
    assert [e.split for e in load(file)] == expected
    assert {e.split for e in load(file, split_column="")} == {""}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.csv", b"", "empty file"),
        ("m.csv", b"audio,text\n", "no rows"),
        ("m.csv", b"\naudio,text\n", "its first line is empty"),
        ("m.csv", b"audio,text, text \na,b,c\n", "two columns are named 'text'"),
        ("m.tsv", b"text\taudio\taudio\n", "two columns are named 'audio'"),
        ("m.csv", b"audio,text\na.wav,x\nb\0.wav,x\n", "NUL character in line 3"),
        ("m.csv", b"audio,text\na.wav,\xff\xfe\n", "not UTF-8: invalid start byte at byte 17"),
        ("m.xlsx", b"audio,text\n", "known: .csv, .jsonl, .parquet, .tsv"),
        ("m.jsonl", b'{"audio": "a.wav", "text": "x"}\n{"audio"', "row 2: not JSON"),
        ("m.jsonl", b"[1, 2]", "row 1: expected a JSON object, not '[1, 2]'"),
        ("m.jsonl", b'{"audio": "a.wav", "text": "x"}\n{"audio": "b.wav"}', "row 2: column"),
        ("m.parquet", b"no Parquet at all", "not Parquet"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert message in refused(tmp_path / name)


def test_columns_without_a_name_are_passed_over(tmp_path: Path) -> None:
    file = write(tmp_path / "m.csv", "audio,text,,", "a.wav,x,,")
    assert len(load(file)) == 1


def test_a_root_is_refused() -> None:
    with pytest.raises(UserError, match=r"dataset\.root=x: dataset 'csv' has no .*audio_dir"):
        corpora.root_folder("csv", "x", "data")
    assert corpora.root_folder("ravdess", "x", "data") == Path("x")
    assert corpora.root_folder("csv", "", "data") == Path("data/csv")


def test_a_missing_file(tmp_path: Path) -> None:
    assert "no file" in refused(tmp_path / "m.csv")


def test_real_tables_together(real_data: Path) -> None:
    files = [
        real_data / "ljspeech_385/manifest.tsv",
        real_data / "asterisk_en/transcripts.tsv",
        real_data / "ravdess/manifest.tsv",
    ]
    examples = load(files, audio="path", text="transcript")
    assert len({e.id for e in examples}) == len(examples) == 385 + 568 + 1440
    assert all(Path(str(e.audio[0].audio)).is_file() for e in examples)
    quoting = next(e for e in examples if e.audio[0].audio.endswith("LJ001-0007.flac"))
    assert quoting.text == (
        "the earliest book printed with movable types, the Gutenberg, "
        'or "forty-two line Bible" of about 1455,'
    )
    names, summary = drawing.assign(examples)
    splits.verify(examples, names, random=False)
    by_actor = load(files[2], "ser", audio="path", label="emotion", speaker="actor")
    names, summary = drawing.assign(by_actor)
    assert "test carved by speaker (2 of 24)" in summary.definition
    splits.verify(by_actor, names, random=False)
