"""A run that is loaded once: many files in batches, from folders, patterns, tables and lines."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import typer

from spectrobert import load
from spectrobert.commands.predict import predict as verb
from spectrobert.errors import UserError
from spectrobert.run.asked_files import listed, named
from spectrobert.run.asked_words import Asked
from spectrobert.run.chosen_thresholds import ChosenThreshold, write
from spectrobert.run.folder import RunFolder
from spectrobert.run.predict import FEW
from spectrobert.run.prediction import Failed, Prediction

from ..helpers.served import odd_run
from ..helpers.sounds import constant, noise
from ..helpers.world import ROOT

ODD = ("[laughter]", "[/s]", 'a, "b"', "غضب", "😀")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A run with labels of any spelling."""
    return odd_run(tmp_path_factory.mktemp("odd"), ODD)


@pytest.fixture
def files(tmp_path) -> list[str]:
    """Twenty clips of other lengths, in two folders."""
    return [
        noise(tmp_path / f"calls/{place % 2}/{place:02}.wav", place, 0.3 + 0.1 * (place * 7 % 11))
        for place in range(20)
    ]


def test_batches_answer_as_single_files_do_in_their_order(folder, files):
    model = load(folder)
    together = model.predict(files, top=9)
    assert [one.audio for one in together] == files
    for path, answer in zip(files[:5], together):
        alone = model.predict(path, top=9)
        assert dict(answer.ranked) == pytest.approx(dict(alone.ranked), abs=1e-6)
        assert {name for name, _ in alone.ranked} == set(ODD)
    assert len({one.ranked for one in together}) == len(files)


def test_kernels_are_made_ready_behind_a_few_files(folder, files):
    model = load(folder)
    linear = next(module for module in model.model.modules() if type(module) is torch.nn.Linear)
    model.predict(files[:FEW])
    assert "forward" not in vars(linear)
    model.predict(files[0])
    assert "forward" in vars(linear)


def test_a_bad_file_is_named_and_the_others_are_answered(folder, files, tmp_path):
    text = tmp_path / "notes.wav"
    text.write_text("no sound")
    silent = constant(tmp_path / "silent.wav", 0.0)
    asked = [Asked(files[0]), Asked(str(text)), Asked(silent), Asked(files[1])]
    asked.append(Asked(files[2], question="is it?"))
    found = list(load(folder).answer(asked))
    assert [type(one) for one in found] == [Prediction, Failed, Failed, Prediction, Failed]
    reasons = [one.reason for one in found if isinstance(one, Failed)]
    assert all(word in reason for word, reason in zip(("not audio", "silent", "takes no"), reasons))
    assert [one.audio for one in found] == [one.audio for one in asked]
    with pytest.raises(UserError, match="not audio"):
        load(folder).predict([files[0], str(text)])


def test_embeddings_are_what_the_head_reads(folder, files):
    model = load(folder)
    vectors = model.embed(files)
    assert vectors.shape == (20, model.model.config.hidden_size)
    np.testing.assert_allclose(vectors[3], model.embed([files[3]])[0], atol=1e-5)
    assert np.ptp(vectors, axis=0).max() > 1e-3


def test_files_folders_patterns_and_tables_name_files(files, tmp_path):
    calls = tmp_path / "calls"
    assert [one.audio for one in named([files[0], str(calls)])] == [files[0], *sorted(files)]
    assert {one.audio for one in named([f"{calls}/**/*.wav"])} == set(files)
    odd = noise(tmp_path / "a[1].wav")
    assert named([odd]) == [Asked(odd)]
    table = tmp_path / "list.csv"
    table.write_text("\ufeffaudio,text\ncalls/0/00.wav,hello\n" + f"{files[1]},\n", "utf-8")
    assert listed(table, text="all") == [Asked(files[0], "", "hello"), Asked(files[1], "", "all")]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([""], "--audio needs a file"),
        (["{folder}/empty"], "no audio in this folder"),
        (["{folder}/*.wav"], "no file has such a name"),
    ],
)
def test_what_names_no_file_is_one_line(tmp_path, names, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message):
        named([name.format(folder=tmp_path) for name in names])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("audio\n", "no rows"),
        ("file\na\n", "a column"),
        ("audio,text\na.wav,\n\n", "row 3 names no audio"),
    ],
)
def test_a_table_of_no_files_is_one_line(tmp_path, text, message):
    table = tmp_path / "list.csv"
    table.write_text(text)
    with pytest.raises(UserError, match=message):
        listed(table)


def test_formats_hold_the_same_answers(folder, files, tmp_path, capsys):
    out = tmp_path / "out.csv"
    verb(folder, audio=[str(tmp_path / "calls")], output=str(out))
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["audio"] for row in rows] == sorted(files)
    assert list(rows[0])[4:6] == ["prediction", "p_prediction"]
    assert {name.removeprefix("p_") for name in list(rows[0])[6:]} == set(ODD)
    verb(folder, audio=[str(tmp_path / "calls")], format="jsonl")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for row, line in zip(rows, lines, strict=True):
        assert line["answers"][0]["label"] == row["prediction"]
        assert line["answers"][0]["probability"] == pytest.approx(
            float(row["p_prediction"]), abs=1e-6
        )
    verb(folder, audio=[str(tmp_path / "calls")])
    shown = capsys.readouterr().out
    assert shown.count(".wav") == 20
    assert any(label in shown for label in ODD)


def test_stored_thresholds_decide_in_every_format(folder, files, capsys):
    """A label is detected from its threshold on, whatever the others have."""
    before = load(folder).predict(files[0], top=9)
    assert before.detected == ()
    (first, highest), (second, least) = before.ranked[0], before.ranked[-1]
    stored = {first: highest + 1e-3, second: least - 1e-3}
    chosen = {
        label: ChosenThreshold(threshold, "", [threshold], 5, 1, [])
        for label, threshold in stored.items()
    }
    run = RunFolder(folder)
    write(run, chosen)
    try:
        assert dict(load(folder).predict(files[0]).detected) == {first: False, second: True}
        verb(folder, audio=files[:1], format="csv")
        (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
        assert (row[f"detected_{first}"], row[f"detected_{second}"]) == ("0", "1")
        verb(folder, audio=files[:1], format="jsonl")
        line = json.loads(capsys.readouterr().out)
        assert line["detected"] == {first: False, second: True}
        verb(folder, audio=files[:1])
        assert f"{second}: detected" in capsys.readouterr().out
    finally:
        run.thresholds.unlink()


def test_lines_of_standard_input_are_files(folder, files, monkeypatch, capsys, tmp_path):
    missing = str(tmp_path / "gone.wav")
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join([files[0], missing, files[1]])))
    with pytest.raises(typer.Exit) as left:
        verb(folder, audio=["-"], format="csv")
    assert left.value.exit_code == 1
    printed = capsys.readouterr()
    assert [row["audio"] for row in csv.DictReader(io.StringIO(printed.out))] == files[:2]
    assert missing in printed.err
    assert "1 of 3 files have no answer" in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give --audio with a file"),
        ({"audio": ["a.wav"], "format": "xml"}, "--format xml: allowed are table, csv, jsonl"),
        ({"audio": ["a.wav"], "output": "a.xlsx"}, "--output a.xlsx: allowed are"),
        (
            {"audio": ["a.wav"], "output": "/dev/null/a.csv"},
            "--output /dev/null/a.csv: /dev/null is",
        ),
    ],
)
def test_wrong_calls_are_one_line(folder, arguments, message):
    with pytest.raises(UserError, match=message):
        verb(folder, **arguments)


def test_no_framework_is_imported(folder, files):
    """A program that answers starts without what training needs; for one file without numba."""
    code = (
        "import sys, spectrobert\n"
        f"print(spectrobert.load({str(folder)!r}).predict({files[0]!r}).answer)\n"
        "slow = {'pytorch_lightning', 'hydra', 'datasets', 'torchmetrics', 'numba'}\n"
        "print(slow & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
        encoding="utf-8",
    )
    answer, imported = done.stdout.splitlines()
    assert answer in ODD
    assert imported == "set()"
    assert "Loading" not in done.stderr  # a bar that nobody asked for
