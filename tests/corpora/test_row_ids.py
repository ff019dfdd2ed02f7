"""Ids of a user's rows: the same whatever is added, removed, moved or spelt otherwise."""

import os
import random
from pathlib import Path

import pytest

from spectrobert import corpora
from spectrobert.errors import UserError


def ids(file: Path | list[Path], task: str = "ser", **options) -> list[str]:
    files = [str(path) for path in (file if isinstance(file, list) else [file])]
    examples, _ = corpora.load("csv", Path(), task, file=files, **options)
    return [example.id for example in examples]


def write(file: Path, header: str, *rows: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


def by_row(file: Path, header: str, rows: list[str], task: str = "ser") -> dict[str, str]:
    """Row -> id."""
    return dict(zip(rows, ids(write(file, header, *rows), task), strict=True))


def test_an_id_names_recording_and_stretch(tmp_path: Path) -> None:
    rows = ["a/x.wav,sad,,", "b/x.wav,sad,0,", "x.wav,sad,1.5,", "x.wav,sad,1.50,3.25"]
    file = write(tmp_path / "m.csv", "audio,label,start,end", *rows)
    assert ids(file) == ["a/x.wav", "b/x.wav", "x.wav[1.5-]", "x.wav[1.5-3.25]"]


def test_a_path_may_be_spelt_in_any_way(tmp_path: Path, monkeypatch) -> None:
    for spelling in ("a/x.wav", "./a//x.wav", "b/../a/x.wav", str(tmp_path / "a/x.wav")):
        file = write(tmp_path / "m.csv", "audio,label", f"{spelling},sad")
        assert ids(file) == ["a/x.wav"]
    monkeypatch.chdir(tmp_path.parent)
    assert ids(Path(os.path.relpath(file))) == ["a/x.wav"]
    outside = write(tmp_path / "tables/m.csv", "audio,label", f"{tmp_path / 'a/x.wav'},sad")
    assert ids(outside) == ["../a/x.wav"]


@pytest.mark.parametrize("seed", range(5))
def test_adding_removing_and_moving_rows_changes_no_id(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)
    rows = [f"{i % 40}.wav,{i % 3},Question {i % 7}?,{i}" for i in range(100)]
    header = "audio,start,question,answer"
    before = by_row(tmp_path / "m.csv", header, rows, "aqa_open")
    changed = generator.sample(rows, 60)
    changed.insert(generator.randrange(60), "new.wav,0,New?,new")
    after = by_row(tmp_path / "m.csv", header, changed, "aqa_open")
    assert len(set(before.values())) == 100
    assert {row: id for row, id in after.items() if row in before}.items() <= before.items()


def test_a_corrected_label_or_transcript_keeps_its_id(tmp_path: Path) -> None:
    one = ids(write(tmp_path / "m.csv", "audio,label,text", "a.wav,sad,Helo", "b.wav,sad,x"))
    two = ids(write(tmp_path / "m.csv", "audio,label,text", "a.wav,happy,Hello", "b.wav,sad,x"))
    assert one == two == ["a.wav", "b.wav"]


def test_doubles_are_told_apart_by_what_else_they_say(tmp_path: Path) -> None:
    """Three annotators of one question: whose row is which does not depend on their order."""
    rows = ["a.wav,Loud?,yes", "a.wav,Loud?,no", "a.wav,Loud?,yes", "b.wav,Loud?,yes"]
    header = "audio,question,answer"
    one, two, three, alone = ids(write(tmp_path / "m.csv", header, *rows), "aqa_binary")
    assert three == f"{one}.2"
    assert one.startswith(f"{alone.replace('b.wav', 'a.wav')}#")
    again = ids(write(tmp_path / "m.csv", header, *reversed(rows)), "aqa_binary")
    assert again == [alone, one, two, three]
    # answers of the other task do not take part, but are seen
    open_rows = [*rows, "a.wav,Loud?,maybe", "b.wav,Loud?,maybe"]
    assert len(ids(write(tmp_path / "m.csv", header, *open_rows), "aqa_open")) == 2


def test_one_name_in_two_folders(tmp_path: Path) -> None:
    one = write(tmp_path / "one/m.csv", "audio,label", "x.wav,sad", "y.wav,sad")
    two = write(tmp_path / "two/m.csv", "audio,label", "x.wav,sad")
    first, y, second = ids([one, two])
    assert y == "y.wav"
    assert first != second
    assert ids([two, one]) == [second, first, y]


def test_embedded_audio_has_its_content(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    records = [{"bytes": b"RIFF1", "path": "a.wav"}, {"bytes": b"RIFF2", "path": "a.wav"}]
    file = tmp_path / "m.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"audio": records, "label": ["x", "x"]}), file)
    one, two = ids(file)
    assert [one[:6], two[:6]] == ["a.wav@"] * 2
    assert one != two
    pyarrow.parquet.write_table(pyarrow.table({"audio": records[::-1], "label": ["x", "x"]}), file)
    assert ids(file) == [two, one]


def test_an_id_column_wins(tmp_path: Path) -> None:
    file = write(tmp_path / "m.csv", "id,key,audio,label", "1,k,a.wav,sad", "2,l,b.wav,sad")
    assert ids(file) == ["1", "2"]
    assert ids(file, id="key") == ["k", "l"]
    assert ids(file, id="") == ["a.wav", "b.wav"]
    with pytest.raises(UserError, match=r"no column 'uid'.*dataset\.id=COLUMN"):
        ids(file, id="uid")


def test_ids_of_a_column_must_differ(tmp_path: Path) -> None:
    one = write(tmp_path / "m.csv", "id,audio,label", "1,a.wav,sad", "7,b.wav,sad", "7,c.wav,sad")
    with pytest.raises(UserError) as caught:
        ids(one)
    assert str(caught.value) == (
        f"{one} row 3: id '7' is that of {one} row 2 too; ids must differ"
        " (dataset.id= ignores the column)"
    )
    two = write(tmp_path / "n.csv", "id,audio,label", "1,a.wav,sad", ",b.wav,sad")
    with pytest.raises(UserError, match=r"row 2: column 'id' is empty.*dataset\.id= ignores"):
        ids(two)
