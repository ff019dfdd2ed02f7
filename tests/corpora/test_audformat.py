"""audformat databases, written by the library itself: tables, columns, schemes, splits."""

from pathlib import Path

import audformat
import pytest

from spectrobert import corpora, errors
from spectrobert.corpora import audformat as reader
from spectrobert.data import store
from spectrobert.data.drawing import draw
from spectrobert.data.labels import label_names
from spectrobert.data.rows import to_table
from spectrobert.data.splits import caution
from spectrobert.settings.schemas import dataset_class

from ..helpers.corpus_files import drops, fails, parse, shown, write

FILES = [f"wav/{name}.wav" for name in "abcd"]
SEGMENTS = audformat.segmented_index(
    [FILES[0], FILES[0], FILES[1]], ["0s", "0.5s", "0s"], ["0.5s", "1.25s", None]
)


class Writer:
    """A database of four files, in which tables are put column by column."""

    def __init__(self, root: Path):
        self.root = root
        self.database = audformat.Database("mine")
        for split in ("train", "dev", "test", "other"):
            self.database.splits[split] = audformat.Split(split)

    def scheme(self, name: str, kind: str = "str", labels=None) -> None:
        self.database.schemes[name] = audformat.Scheme(
            None if isinstance(labels, (list, dict)) else kind, labels=labels
        )

    def table(self, id: str, rows=None, in_split: str = "", /, **columns) -> None:
        """A table; `column=values`, or `column=(scheme, values)`."""
        index = audformat.filewise_index(FILES) if rows is None else rows
        table = self.database[id] = audformat.Table(index, split_id=in_split or None)
        for column, values in columns.items():
            scheme, values = values if isinstance(values, tuple) else (None, values)
            table[column] = audformat.Column(scheme_id=scheme)
            table[column].set(values)

    def save(self, kind: str = "csv") -> Path:
        self.database.save(self.root, storage_format=kind)
        return self.root


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path)


@pytest.mark.parametrize("kind", ["csv", "parquet", "pkl"])
def test_files_with_labels(writer: Writer, kind: str) -> None:
    writer.scheme("emotion", labels=["sad", "glad"])
    writer.scheme("speaker", "int", labels=[1, 2])
    writer.table(
        "files",
        emotion=("emotion", ["sad", None, "glad", "sad"]),
        speaker=("speaker", [1, 1, 2, None]),
        transcription=["One", "two", None, "four"],
    )
    root = writer.save(kind)
    rows, left_out = parse(reader.load(root, "ser"))
    assert shown(rows.values(), "id", "label", "speaker", "text", "split") == [
        "wav/a.wav | sad | 1 | One | ",
        "wav/c.wav | glad | 2 |  | ",
        "wav/d.wav | sad |  | four | ",
    ]
    assert rows["wav/a.wav"].audio == ((str(root / "wav/a.wav"), 0.0, None, 0.0),)
    assert left_out == {"no emotion": 1}
    rows, left_out = parse(reader.load(root, "pre"))
    assert shown(rows.values(), "text", "label") == ["One | ", "two | ", "four | "]
    assert left_out == {"no transcription": 1}


def test_segments_with_speakers_by_file_and_by_segment(writer: Writer) -> None:
    writer.table("turns", SEGMENTS, emotion=["sad", "glad", "sad"])
    writer.table("files", speaker=["anna", "ben", "carl", "dora"])
    writer.table("words", SEGMENTS[:2], transcription=["one", "two"])
    rows, _ = parse(reader.load(writer.save(), "ser"))
    assert shown(rows.values(), "id", "label", "speaker", "text") == [
        "wav/a.wav[0-0.5] | sad | anna | one",
        "wav/a.wav[0.5-1.25] | glad | anna | two",
        "wav/b.wav | sad | ben | ",
    ]
    assert [row.audio[0][1:3] for row in rows.values()] == [(0.0, 0.5), (0.5, 1.25), (0.0, None)]


def test_tables_of_splits_come_before_the_whole(writer: Writer) -> None:
    whole = audformat.filewise_index(FILES)
    writer.table("emotion", emotion=list("xyxy"))
    writer.table("emotion.train", whole[:2], "train", emotion=["x", "y"])
    writer.table("emotion.dev", whole[2:3], "dev", emotion=["x"])
    writer.table("emotion.test", whole[3:], "test", emotion=["y"])
    writer.table("emotion.more", whole, "other", emotion=list("yyyy"))
    root = writer.save()
    assert sorted(shown(reader.load(root, "ser"), "id", "label", "split")) == [
        "wav/a.wav | x | train",
        "wav/b.wav | y | train",
        "wav/c.wav | x | val",
        "wav/d.wav | y | test",
    ]
    assert shown(reader.load(root, "ser", table="emotion.more"), "label", "split")[0] == "y | "
    both = reader.load(root, "ser", table=["emotion.dev", "emotion.test"])
    assert shown(both, "split") == ["val", "test"]


def test_a_column_of_splits(writer: Writer) -> None:
    writer.table("emotion", emotion=list("xyxy"))
    writer.table("files", split=["train", "dev", "Test", None], fold=list("1234"))
    root = writer.save()
    assert shown(reader.load(root, "ser"), "split") == ["train", "val", "test", ""]
    assert set(shown(reader.load(root, "ser", split_column=""), "split")) == {""}
    fails(
        reader.load(root, "ser", split_column="fold"),
        "wav/a.wav: unknown split '1'; known: train",
        "dataset.split_column=",
    )


def test_which_table_is_meant(writer: Writer) -> None:
    whole = audformat.filewise_index(FILES)
    writer.table("raters", emotion=list("xyxy"))
    writer.table("gold", emotion=list("xxyy"))
    writer.table("gold.test", whole[2:], "test", emotion=list("yy"))
    writer.table("files", speaker=list("abcd"))
    root = writer.save()
    fails(
        reader.load(root, "ser"),
        "several tables have column emotion: gold (no split), gold.test (test),"
        " raters (no split); dataset.table=[...]",
    )
    assert shown(reader.load(root, "ser", table="gold"), "label") == list("xxyy")
    fails(reader.load(root, "ser", table="gol"), "unknown table of dataset.table 'gol'", "'gold'")
    fails(reader.load(root, "ser", table="files"), "table 'files' lacks column emotion")
    fails(
        reader.load(root, "sentiment"),
        "no table has column sentiment; table files: speaker; table gold: emotion;",
        "table raters: emotion; dataset.label=COLUMN",
    )
    fails(reader.load(root, "pre", text=""), "task pre needs dataset.text=COLUMN")
    fails(
        reader.load(root, "ser", table="gold", speaker="who"), "no column 'who' of dataset.speaker"
    )
    (first, *_) = reader.load(root, "ser", table="gold", speaker="")
    assert first.speaker == ""


def test_columns_by_scheme_and_by_field(writer: Writer) -> None:
    writer.scheme("emotion", labels=["sad", "glad"])
    people = {"s1": {"gender": "female", "age": 30}, "s2": {"gender": "male"}}
    writer.scheme("speaker", labels=people)
    writer.scheme("transcription", labels={"t1": "One two", "t2": "Three"})
    writer.table(
        "files",
        felt=("emotion", ["sad", "glad", "sad", "glad"]),
        who=("speaker", ["s1", "s1", "s2", "s2"]),
        sentence=("transcription", ["t1", "t2", "t1", "t2"]),
    )
    root = writer.save()
    rows, _ = parse(reader.load(root, "ser"))
    assert shown(rows.values(), "label", "speaker", "text")[:2] == [
        "sad | s1 | One two",
        "glad | s1 | Three",
    ]
    genders = reader.load(root, "classification", label="gender")
    assert shown(genders, "label") == ["female", "female", "male", "male"]
    rows = list(reader.load(root, "classification", label="age"))
    assert shown(rows, "label") == ["30", "30"] or shown(rows, "label") == ["30.0", "30.0"]
    assert [row.reason for row in drops(rows)] == ["no age"] * 2


def test_fields_of_a_misc_table(writer: Writer) -> None:
    import pandas

    people = audformat.MiscTable(pandas.Index(["s1", "s2"], dtype="string", name="speaker"))
    writer.database["people"] = people
    people["gender"] = audformat.Column()
    people["gender"].set(["female", "male"])
    writer.scheme("speaker", labels="people")
    writer.table("files", speaker=("speaker", ["s1", "s2", "s2", None]))
    rows = list(reader.load(writer.save(), "classification", label="gender"))
    assert shown(rows, "label", "speaker") == ["female | s1", "male | s2", "male | s2"]


def test_several_columns_of_a_scheme(writer: Writer) -> None:
    writer.scheme("emotion", labels=["sad", "glad"])
    votes = ("emotion", ["sad"] * 4)
    writer.table("files", rater1=votes, rater2=votes)
    root = writer.save()
    fails(reader.load(root, "ser"), "several columns of scheme 'emotion': rater1, rater2")
    assert shown(reader.load(root, "ser", label="rater2"), "label") == ["sad"] * 4


def test_tables_that_differ(writer: Writer) -> None:
    writer.table("emotion", emotion=list("xyxy"))
    writer.table("one", speaker=list("abcd"))
    writer.table("two", speaker=list("abcx"))
    fails(
        reader.load(writer.save(), "ser"),
        "speaker of wav/d.wav is 'd' and 'x', in tables one, two",
    )


def test_numbers(writer: Writer) -> None:
    writer.scheme("degree", "float")
    writer.scheme("truth", "bool")
    writer.table(
        "files",
        arousal=("degree", [0.5, 1, None, -1]),
        valence=("degree", [0, 0.25, 1, 1]),
        dominance=("degree", [1, 1, 1, 1]),
        angry=("truth", [True, False, True, False]),
        name=list("abcd"),
    )
    root = writer.save()
    rows, left_out = parse(reader.load(root, "dimensional"))
    numbers = [row.targets for row in rows.values()]
    assert numbers == [(0.5, 0.0, 1.0), (1.0, 0.25, 1.0), (-1.0, 1.0, 1.0)]
    assert left_out == {"no arousal": 1}
    table, names = to_table(list(rows.values())), ["train"] * 3
    options = dataset_class("audformat")
    assert label_names("dimensional", options(), table, names) == reader.DIMENSIONS
    (first, *_) = reader.load(root, "dimensional", targets=["valence"])
    assert first.targets == (0.0,)
    several = reader.load(root, "ser_multilabel", targets=["angry"])
    assert [row.targets for row in several] == [(1.0,), (0.0,), (1.0,), (0.0,)]
    fails(reader.load(root, "dimensional", targets=["name"]), "wav/a.wav: name 'a' is not a number")
    fails(reader.load(root, "dimensional", targets=["gone"]), "no table has", "dataset.targets=[")
    fails(reader.load(root, "sentiment_regression"), "needs dataset.targets=[")


def test_a_stretch_in_two_splits_is_refused(writer: Writer) -> None:
    for split in ("train", "test"):
        writer.table(f"emotion.{split}", None, split, emotion=list("xyxy"))
    options = {o: p.default for o, p in corpora.corpus("audformat").options().items()}
    with pytest.raises(errors.UserError, match="4 example ids occur more than once"):
        store.parsed("audformat", writer.save(), "ser", options)


def test_speakers_that_are_not_known(writer: Writer) -> None:
    index = audformat.filewise_index([f"{n}.wav" for n in range(40)])
    writer.table("files", index, emotion=["x", "y"] * 20)
    rows, _ = corpora.load("audformat", writer.save(), "ser")
    options = dataset_class("audformat")(check="none")
    definition = draw(rows, "audformat", "ser", options).summary.definition
    assert "speakers are not known" in caution(definition)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("db.yaml", b"name: [", "cannot read db.yaml"),
        ("db.yaml", b"name: mine\n", "cannot read db.yaml"),
        ("db.yaml", b"\xff\xfe\x00", "cannot read db.yaml"),
        ("db.files.csv", b"", "cannot read table files"),
        ("db.files.csv", b'file,emotion\n"a', "cannot read table files"),
        ("db.files.csv", None, "cannot read table files"),
        ("db.yaml", None, "no db.yaml, the header"),
    ],
)
def test_spoilt_files_are_one_line(writer: Writer, name: str, content, words: str) -> None:
    writer.table("files", emotion=list("xyxy"))
    root = writer.save()
    (root / name).unlink() if content is None else write(root / name, content)
    fails(reader.load(root, "ser"), str(root), words)


def test_the_package_is_an_extra(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("spectrobert.errors.find_spec", lambda name: None)
    fails(reader.load(tmp_path, "ser"), "pip install 'spectrobert[audformat]'")


@pytest.mark.parametrize(
    ("options", "task"),
    [
        ({}, "ser"),
        ({"label": "gender"}, "classification"),
        ({"targets": ["age"], "label": "x"}, "dimensional"),
    ],
)
def test_the_task_that_options_ask_for(options, task: str) -> None:
    assert reader.choose_task({"label": "", "targets": []} | options)[0] == task
