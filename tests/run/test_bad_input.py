"""A user's table through the whole command: what is wrong is one line, what is right runs."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spectrobert.commands import train

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


def rows_of(folder: Path, clips: int = CLIPS) -> list[dict[str, str]]:
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


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


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

    def run(*arguments: str, **more: str) -> tuple[Path, dict]:
        code, _, err = call(*arguments, **more)
        assert code == 0, err
        folder = tmp_path / "runs" / f"csv_{more.get('task', 'ser')}" / "seed0"
        return folder, json.loads((folder / "results.json").read_text())

    return run


# ---------------------------------------------------------------- refused


def test_no_table_at_all(refused):
    assert "dataset.file=" in refused()


def test_a_missing_table(refused, tmp_path):
    assert f"no file {tmp_path / 'none.csv'}" in refused(f"dataset.file={tmp_path / 'none.csv'}")


def test_a_table_of_an_unknown_kind(refused, tmp_path):
    path = tmp_path / "table.xlsx"
    path.write_bytes(b"PK")
    assert ".csv, .jsonl, .parquet, .tsv" in refused(f"dataset.file={path}")


def test_a_column_that_is_not_there(refused, rows, tmp_path):
    renamed = [{"path" if k == "audio" else k: v for k, v in row.items()} for row in rows]
    table = write(tmp_path / "table.csv", renamed)
    line = refused(f"dataset.file={table}")
    assert "no column 'audio'; found: path, text," in line
    assert "dataset.audio=COLUMN" in line
    line = refused(f"dataset.file={table}", "dataset.audio=path", "dataset.label=mood")
    assert "no column 'mood'" in line


def test_a_row_with_a_cell_too_many(refused, rows, tmp_path):
    table = write(tmp_path / "table.csv", rows)
    table.write_text(table.read_text() + "a,b,c,d,e,f,g,h\n")
    assert f"row {len(rows) + 1}: 8 cells" in refused(f"dataset.file={table}")


def test_an_unknown_label_in_test(refused, rows, tmp_path):
    odd = next(row for row in rows if row["split"] == "test")
    odd["label"] = "bored"
    line = refused(f"dataset.file={write(tmp_path / 'table.csv', rows)}")
    assert "'bored' of 1 examples" in line
    assert "angry, calm" in line


def test_a_single_class(refused, rows, tmp_path):
    same = [row | {"label": "calm"} for row in rows]
    line = refused(f"dataset.file={write(tmp_path / 'table.csv', same)}")
    assert "only one class ('calm')" in line


def test_no_answer_of_the_kind(refused, rows, tmp_path):
    table = write(tmp_path / "table.csv", [row | {"answer": "a bell"} for row in rows])
    assert "no answer is yes or no" in refused(f"dataset.file={table}", task="aqa_binary")


def test_an_unknown_split(refused, rows, tmp_path):
    rows[3]["split"] = "held out"
    line = refused(f"dataset.file={write(tmp_path / 'table.csv', rows)}")
    assert "row 4: unknown split 'held out' in column 'split'" in line
    assert "train" in line


def test_speakers_shared_between_splits(refused, rows, tmp_path):
    shared = [row | {"speaker": "anna"} for row in rows]
    line = refused(f"dataset.file={write(tmp_path / 'table.csv', shared)}")
    assert "speaker(s) in more than one split: anna (train, val, test)" in line
    assert "dataset.split=random" in line


def test_a_recording_shared_between_splits(refused, rows, tmp_path):
    rows[-1]["audio"] = rows[0]["audio"]
    line = refused(f"dataset.file={write(tmp_path / 'table.csv', rows)}")
    assert "recording(s) in more than one split" in line


@pytest.mark.parametrize(
    ("renamed", "words"),
    [
        ({"train": "val"}, "split 'train' has no examples"),
        ({"train": "test", "val": "test"}, "0 part"),
    ],
)
def test_a_split_without_examples(refused, rows, tmp_path, renamed, words):
    others = [row | {"split": renamed.get(row["split"], row["split"])} for row in rows]
    assert words in refused(f"dataset.file={write(tmp_path / 'table.csv', others)}")


def test_too_little_to_split(refused, rows, tmp_path):
    table = write(tmp_path / "table.csv", [row | {"split": "", "speaker": "anna"} for row in rows])
    assert "1 part(s)" in refused(f"dataset.file={table}")


def test_a_missing_data_folder(refused, tmp_path):
    line = refused("--data_dir", str(tmp_path / "nowhere"), dataset="ravdess")
    assert str(tmp_path / "nowhere" / "ravdess") in line
    assert "expected there" in line


def test_an_empty_data_folder(refused, tmp_path):
    (tmp_path / "ravdess").mkdir()
    assert "expected there" in refused("--data_dir", str(tmp_path), dataset="ravdess")


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_audio_above_the_limit(refused, rows, tmp_path, kind):
    make, fault = BAD_FILES[kind]
    paths = [tmp_path / "audio" / f"{i}.wav" for i in (3, 5)]
    for path in paths:
        path.unlink()
        make(path)
    line = refused(f"dataset.file={write(tmp_path / 'table.csv', rows)}")
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


def test_bad_audio_within_the_limit_is_listed_and_counted(call, accepted, tmp_path):
    rows = rows_of(tmp_path, 40)
    cut, gone = tmp_path / "audio" / "3.wav", tmp_path / "audio" / "8.wav"
    BAD_FILES["truncated"][0](cut)
    gone.unlink()
    folder, results = accepted(f"dataset.file={write(tmp_path / 'table.csv', rows)}")  # 4 of 80
    with (folder / "skipped.csv").open() as file:
        skipped = list(csv.DictReader(file))
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
    table = write(tmp_path / "table.csv", rows)
    # four columns of 16 frames: 0.655 s
    more = (f"dataset.file={table}", "model.max_audio_positions=4", "dataset.crop=whole")
    code, out, err = call(*more)
    assert code == 0, err
    limit = "4 clips are longer than the 0.66 s that the model hears (model.max_audio_positions=4)"
    assert limit in out
    folder = tmp_path / "runs" / "csv_ser" / "seed0"
    with (folder / "skipped.csv").open() as file:
        cut = [(row["id"].partition("#")[0], row["fault"]) for row in csv.DictReader(file)]
    fault = "audio cut from 0.90 to 0.66 s"
    assert cut == [(f"audio/{i}.wav", fault) for i in (3, 3, 7, 7)]
    results = json.loads((folder / "results.json").read_text())
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
    table = write(tmp_path / "table.csv", rows)
    more = (f"dataset.file={table}", f"dataset.crop={crop}", "dataset.max_seconds=0.4")
    folder, results = accepted(*more)
    assert results["evaluation"]["audio"] == f"{heard}; 2 of 12 clips of test are longer"
    assert f"| audio | {heard}; " in (folder / "card.md").read_text()


@pytest.mark.parametrize("task", TASKS)
def test_a_table_serves_every_task(accepted, rows, tmp_path, task):
    table = write(tmp_path / "table.csv", rows)
    folder, results = accepted(f"dataset.file={table}", task=task)
    counts = results["split"]["counts"]
    per_split = CLIPS // 4 * (1 if task.startswith("aqa") else 2)
    assert counts == {"train": 2 * per_split, "val": per_split, "test": per_split}
    assert results["test"]["n"] == per_split
    labels = {"aqa_binary": ["no", "yes"], "aqa_open": ["bell", "dog"]}.get(task, ["angry", "calm"])
    assert results["test"].get("labels", labels) == labels
    assert results["steps_run"] == -(-counts["train"] // 8)
    with (folder / "predictions.csv").open() as file:
        predictions = list(csv.DictReader(file))
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
    table = write(tmp_path / "table.csv", rows)
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
