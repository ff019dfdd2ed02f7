"""A user's table through the whole command: what is wrong is one line, what is right runs."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spectrobert.commands import train
from spectrobert.files import read_table
from spectrobert.run.folder import RunFolder

from ..helpers.csv_file import write_csv
from ..helpers.sounds import BAD_FILES, noise
from ..helpers.world import SMALL, train_py

TASKS = ("pre", "aqa_binary", "aqa_open", "classification", "ser", "sentiment")
LITTLE = (
    "model=tiny",
    *SMALL,
    "trainer.epochs=1",
    "trainer.batch_size=8",
    "trainer.num_workers=0",
    "trainer.threads=1",
)
CLIPS = 24
SPLITS = ("train", "train", "val", "test")
Rows = list[dict[str, Any]]


def rows_of(folder: Path, clips: int = CLIPS) -> Rows:
    """Two rows a clip: a yes-or-no question and an open one, and all that other tasks need."""
    rows = []
    for i in range(clips):
        is_dog = (i // len(SPLITS)) % 2
        clip = {
            "audio": Path(noise(folder / "audio" / f"{i}.wav", i)).relative_to(folder),
            "text": f"take {i}: a {'dog barks' if is_dog else 'bell rings'}",
            "label": "angry" if is_dog else "calm",
            "split": SPLITS[i % len(SPLITS)],
            "speaker": f"{SPLITS[i % len(SPLITS)]} {i % 3}",
        }
        answers = {"is there a dog?": ("no", "yes"), "what is heard?": ("bell", "dog")}
        for question, answer in answers.items():
            rows.append(clip | {"question": question, "answer": answer[is_dog]})
    return rows


@pytest.fixture
def rows(tmp_path):
    return rows_of(tmp_path)


@pytest.fixture
def call(tmp_path, capsys):
    """`call(...)` is `python train.py ...`, in this process: its exit code, stdout, stderr."""

    def run(*arguments: str, dataset: str = "csv", task: str = "ser") -> tuple[int, str, str]:
        folder = f"runs_dir={tmp_path / 'runs'}"
        words = ["--task", task, "--dataset", dataset, *LITTLE, folder, *arguments]
        code = train.main(words)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def refused(call, tmp_path):
    """`refused(...)` asserts exit code 2, one line and nothing written; it returns the line."""

    def run(*arguments: str, **more: str) -> str:
        code, out, err = call(*arguments, **more)
        assert code == 2
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert err.endswith("\n")
        assert not out.strip()
        assert not (tmp_path / "runs").exists()
        return err

    return run


@pytest.fixture
def accepted(call, tmp_path):
    """`accepted(...)` asserts exit code 0; it returns the run directory and results.json."""

    def run(*arguments: str, task: str = "ser") -> tuple[RunFolder, dict]:
        code, _, err = call(*arguments, task=task)
        assert code == 0, err
        folder = RunFolder(tmp_path / "runs" / f"csv_{task}" / "seed0")
        return folder, folder.read_results()

    return run


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "dataset.file="),
        (("dataset.file=none.csv",), "no file none.csv"),
        (("dataset.file=table.xlsx",), ".csv, .jsonl, .parquet, .tsv"),
    ],
)
def test_a_table_that_is_none(refused, tmp_path, monkeypatch, words, line):
    monkeypatch.chdir(tmp_path)
    Path("table.xlsx").write_bytes(b"PK")
    assert line in refused(*words)


@pytest.mark.parametrize("is_there", [False, True])
def test_a_data_folder_that_is_missing_or_empty(refused, tmp_path, is_there):
    folder = tmp_path / "data" / "ravdess"
    if is_there:
        folder.mkdir(parents=True)
    line = refused("--data_dir", str(folder.parent), dataset="ravdess")
    assert str(folder) in line
    assert "expected there" in line


def column(name: str, value: Callable[[int, str], str]) -> Callable[[Rows], Rows]:
    """A change of every cell of a column, by its row and what it holds."""
    return lambda rows: [row | {name: value(i, str(row[name]))} for i, row in enumerate(rows)]


def fixed(name: str, value: str) -> Callable[[Rows], Rows]:
    return column(name, lambda i, cell: value)


def renamed(rows: Rows) -> Rows:
    return [{"path" if k == "audio" else k: v for k, v in row.items()} for row in rows]


def splits(**names: str) -> Callable[[Rows], Rows]:
    return column("split", lambda i, cell: names.get(cell, cell))


WRONG_ROWS = [
    (renamed, (), ["no column 'audio'; found: path, text,", "dataset.audio=COLUMN"]),
    (renamed, ("dataset.audio=path", "dataset.label=mood"), ["no column 'mood'"]),
    (
        column("label", lambda i, cell: "bored" if i == 6 else cell),  # a row of test
        (),
        ["'bored' of 1 examples", "angry, calm"],
    ),
    (fixed("label", "calm"), (), ["only one class ('calm')"]),
    (fixed("answer", "a bell"), ("task=aqa_binary",), ["no answer is yes or no"]),
    (
        column("split", lambda i, cell: "held out" if i == 3 else cell),
        (),
        ["row 4: unknown split 'held out' in column 'split'", "train"],
    ),
    (
        fixed("speaker", "anna"),
        (),
        [
            "speaker(s) in more than one split: anna (train, val, test)",
            "dataset.split=random",
        ],
    ),
    (
        column("audio", lambda i, cell: "audio/0.wav" if i == 2 * CLIPS - 1 else cell),
        (),
        ["recording(s) in more than one split"],
    ),
    (splits(train="val"), (), ["split 'train' has no examples"]),
    (splits(train="test", val="test"), (), ["0 part"]),
    (lambda rows: fixed("speaker", "anna")(fixed("split", "")(rows)), (), ["1 part(s)"]),
]


@pytest.mark.parametrize(("change", "words", "parts"), WRONG_ROWS)
def test_rows_that_cannot_be_trained_on(refused, rows, tmp_path, change, words, parts):
    table = write_csv(tmp_path / "table.csv", change(rows))
    line = refused(f"dataset.file={table}", *words)
    assert [part for part in parts if part not in line] == []


def test_a_row_with_a_cell_too_many(refused, rows, tmp_path):
    table = write_csv(tmp_path / "table.csv", rows)
    table.write_text(table.read_text() + "a,b,c,d,e,f,g,h\n")
    assert f"row {len(rows) + 1}: 8 cells" in refused(f"dataset.file={table}")


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_audio_above_the_limit(refused, rows, tmp_path, kind):
    make, fault = BAD_FILES[kind]
    paths = [tmp_path / "audio" / f"{i}.wav" for i in (3, 5)]
    for path in paths:
        path.unlink()
        make(path)
    line = refused(f"dataset.file={write_csv(tmp_path / 'table.csv', rows)}")
    assert "4 of 48 examples have unusable audio, more than dataset.max_skipped=0.05" in line
    assert f"{paths[0]}: {fault}" in line
    assert ("dataset.audio_dir, names the folder" in line) == (fault == "missing")


def test_the_command_itself(tmp_path):
    table = tmp_path / "none.csv"
    done = train_py("--task", "ser", "--dataset", "csv", f"dataset.file={table}", cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (2, "")
    assert done.stderr == f"error: no file {table}\n"
    assert not any(tmp_path.iterdir())


# ---------------------------------------------------------------- accepted


def test_bad_audio_within_the_limit_is_listed_and_counted(accepted, tmp_path):
    rows = rows_of(tmp_path, 40)
    cut, gone = tmp_path / "audio" / "3.wav", tmp_path / "audio" / "8.wav"
    BAD_FILES["truncated"][0](cut)
    gone.unlink()
    folder, results = accepted(f"dataset.file={write_csv(tmp_path / 'table.csv', rows)}")  # 4 of 80
    skipped = read_table(folder.skipped)
    ids = [row["id"].partition("#")[0] for row in skipped]
    assert ids == ["audio/3.wav"] * 2 + ["audio/8.wav"] * 2
    assert [row["recording"] for row in skipped] == [str(cut)] * 2 + [str(gone)] * 2
    assert [row["fault"].split(":")[0] for row in skipped] == ["truncated"] * 2 + ["missing"] * 2
    assert results["skipped_files"] == 4
    assert results["split"]["counts"] == {"train": 38, "val": 20, "test": 18}
    assert results["test"]["n"] == 18


def test_whole_clips_that_the_model_does_not_hear_to_the_end_are_listed(call, rows, tmp_path):
    for i in (3, 7):  # of the test split, two rows each
        noise(tmp_path / "audio" / f"{i}.wav", i, 0.9)
    table = write_csv(tmp_path / "table.csv", rows)
    # four columns of 16 frames: 0.655 s
    more = (f"dataset.file={table}", "model.max_audio_positions=4", "dataset.crop=whole")
    code, out, err = call(*more)
    assert code == 0, err
    limit = "4 clips are longer than the 0.66 s that the model hears (model.max_audio_positions=4)"
    assert limit in out
    folder = RunFolder(tmp_path / "runs" / "csv_ser" / "seed0")
    cut = [(row["id"].partition("#")[0], row["fault"]) for row in read_table(folder.skipped)]
    fault = "audio cut from 0.90 to 0.66 s"
    assert cut == [(f"audio/{i}.wav", fault) for i in (3, 3, 7, 7)]
    results = folder.read_results()
    assert results["test"]["n"] == 12
    heard = "whole, or the first 0.66 s, which the model hears at most"
    assert results["evaluation"]["audio"] == f"{heard}; 4 of 12 clips of test are longer"


@pytest.mark.parametrize(
    ("crop", "heard"),
    [
        ("first", "the first 0.4 s"),
        ("center", "the middle 0.4 s"),
        ("random", "the middle 0.4 s, in training a random stretch"),
    ],
)
def test_the_card_names_the_stretch_that_was_scored(accepted, rows, tmp_path, crop, heard):
    noise(tmp_path / "audio" / "3.wav", 3, 0.9)
    table = write_csv(tmp_path / "table.csv", rows)
    more = (f"dataset.file={table}", f"dataset.crop={crop}", "dataset.max_seconds=0.4")
    folder, results = accepted(*more)
    assert results["evaluation"]["audio"] == f"{heard}; 2 of 12 clips of test are longer"
    assert f"| audio | {heard}; " in folder.card.read_text()


@pytest.mark.parametrize("task", TASKS)
def test_a_table_serves_every_task(accepted, rows, tmp_path, task):
    table = write_csv(tmp_path / "table.csv", rows)
    folder, results = accepted(f"dataset.file={table}", task=task)
    counts = results["split"]["counts"]
    per_split = CLIPS // 4 * (1 if task.startswith("aqa") else 2)
    assert counts == {"train": 2 * per_split, "val": per_split, "test": per_split}
    assert results["test"]["n"] == per_split
    labels = {"aqa_binary": ["no", "yes"], "aqa_open": ["bell", "dog"]}.get(task, ["angry", "calm"])
    assert results["test"].get("labels", labels) == labels
    assert results["steps_run"] == -(-counts["train"] // 8)
    predictions = folder.read_predictions()
    assert len(predictions) == per_split
    assert {p["audio"] for p in predictions} <= {str(row["audio"]) for row in rows}
    assert {(p["start"], p["end"]) for p in predictions} == {("", "")}


def test_containers_rates_and_channels_train_together(accepted, tmp_path):
    kinds = list(itertools.product(("wav", "flac", "ogg", "mp3"), (8_000, 44_100, 48_000), (1, 2)))
    rows = [
        {
            "audio": noise(tmp_path / f"{i}.{kind}", i, 0.4, rate, channels),
            "label": "ab"[i // 2 % 2],
        }
        for i, (kind, rate, channels) in enumerate(kinds)
    ]
    table = write_csv(tmp_path / "table.csv", rows)
    _, results = accepted(f"dataset.file={table}", "dataset.test_share=0.25")
    assert sum(results["split"]["counts"].values()) == len(kinds) == 24
    assert results["skipped_files"] == 0
    assert "by recording" in results["split"]["definition"]


@pytest.mark.parametrize("is_record", [False, True])
def test_sound_inside_a_parquet_trains(accepted, tmp_path, is_record):
    files = [noise(tmp_path / f"{i}.flac", i) for i in range(16)]
    sounds = [Path(name).read_bytes() for name in files]
    for name in files:
        Path(name).unlink()
    audio = [{"bytes": sound, "path": None} for sound in sounds] if is_record else sounds
    columns = {
        "audio": audio,
        "label": ["ab"[i // 4 % 2] for i in range(len(files))],
        "split": [SPLITS[i % 4] for i in range(len(files))],
    }
    pq.write_table(pa.table(columns), tmp_path / "table.parquet")
    _, results = accepted(f"dataset.file={tmp_path / 'table.parquet'}")
    assert results["split"]["counts"] == {"train": 8, "val": 4, "test": 4}
    assert results["skipped_files"] == 0
