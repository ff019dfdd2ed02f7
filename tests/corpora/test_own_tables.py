"""A user's table: folders, groups, folds, rows of another task, and the task its columns allow."""

import json
from collections import Counter
from pathlib import Path

import pytest

from spectrobert import corpora
from spectrobert.corpora.csv_columns import choose_task
from spectrobert.corpora.example import Example
from spectrobert.data import drawing
from spectrobert.errors import UserError
from spectrobert.experiments.jobs import folds_of


def write(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def load(file: str, task: str = "classification", **options) -> list[Example]:
    return corpora.load("csv", Path("unused"), task, file=file, **options)[0]


def refused(file: str, task: str = "classification", **options) -> str:
    with pytest.raises(UserError) as caught:
        load(file, task, **options)
    return str(caught.value)


def test_paths_start_from_audio_dir(tmp_path, monkeypatch):
    (tmp_path / "sounds").mkdir()
    file = write(tmp_path / "m.csv", "audio,label", "a.wav,x", "/abs/b.wav,y")
    one, two = load(file, audio_dir=str(tmp_path / "sounds"))
    assert one.audio[0].audio == str(tmp_path / "sounds" / "a.wav")
    assert two.audio[0].audio == "/abs/b.wav"
    assert one.id == "a.wav"  # wherever the table lies
    assert f"dataset.audio_dir={tmp_path}/none: no such folder" in refused(
        file, audio_dir=f"{tmp_path}/none"
    )


def test_groups_are_kept_together(tmp_path):
    lines = [f"{i}.wav,{'xy'[i % 2]},g{i // 6}" for i in range(60)]
    file = write(tmp_path / "m.csv", "audio,label,group", *lines)
    examples = load(file)
    assert examples[7].group == "g1"
    names, summary = drawing.assign(examples)
    assert len({(e.group, name) for e, name in zip(examples, names)}) == 10
    assert "by group" in summary.definition
    assert load(file, group="")[7].group == ""
    write(tmp_path / "m.csv", "audio,label,tape", *lines)
    assert load(file, group="tape")[7].group == "g1"
    assert "no column 'tapes'" in refused(file, group="tapes")


FOLDS = ["a.wav,x,1", "b.wav,y,2", "c.wav,x,10", "d.wav,y,2"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"fold": 1}, ["test", "val", "train", "val"]),  # 2 is behind 1: numbers, not words
        ({"fold": "10"}, ["val", "train", "test", "train"]),  # the first is behind the last
        ({"fold": "02", "val_fold": "10"}, ["train", "test", "val", "test"]),
        ({"fold": 2, "val_fold": "carved"}, ["", "test", "", "test"]),
    ],
)
def test_a_fold_is_tested_and_the_next_validates(tmp_path, options, expected):
    file = write(tmp_path / "m.csv", "audio,label,fold", *FOLDS)
    assert [e.split for e in load(file, **options)] == expected


def test_folds_named_by_any_column_leave_one_speaker_out(tmp_path):
    lines = [f"{i}.wav,x,{who},train" for i, who in enumerate(("Anna", "Ben", "Cem", "Anna"))]
    file = write(tmp_path / "m.csv", "audio,label,speaker,split", *lines)
    examples = load(file, fold_column="speaker", fold="Ben")  # in place of the column split
    assert [e.split for e in examples] == ["train", "test", "val", "train"]
    assert [e.speaker for e in examples] == ["Anna", "Ben", "Cem", "Anna"]
    assert [e.split for e in load(file)] == ["train"] * 4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "column 'fold' has folds: dataset.fold=1 tests one of them, dataset.fold_column= ig"),
        ({"fold": 3}, "dataset.fold=3: no such fold in column 'fold': 1, 2, 10"),
        ({"fold": 1, "val_fold": 4}, "dataset.val_fold=4: no such fold"),
        ({"fold": 1, "val_fold": "1"}, "dataset.val_fold=1: fold '1' is tested"),
        ({"fold": "a/b"}, "dataset.fold=a/b: names a folder of the run"),
        ({"fold": 1, "fold_column": ""}, "row 1: no column of folds, for dataset.fold=1;"),
    ],
)
def test_folds_that_cannot_be(tmp_path, options, words):
    file = write(tmp_path / "m.csv", "audio,label,fold", *FOLDS)
    assert words in refused(file, **options)


def test_two_folds_leave_validation_to_be_carved(tmp_path):
    file = write(tmp_path / "m.csv", "audio,label,fold", "a.wav,x,1", "b.wav,y,2")
    assert "has 2 folds (1, 2): none is left" in refused(file, fold=1)
    assert [e.split for e in load(file, fold=1, val_fold="carved")] == ["test", ""]
    write(tmp_path / "m.csv", "audio,label,fold", "a.wav,x,1", "b.wav,y,")
    assert "row 2: column 'fold' is empty" in refused(file, fold=1)


def test_a_table_of_runs_takes_folds_by_number():
    assert folds_of("csv", "all") == [None]
    assert folds_of("csv", "1,3") == [1, 3]
    with pytest.raises(UserError, match="has no folds"):
        folds_of("crema_d", "1")


def test_rows_of_another_task_are_counted(tmp_path):
    rows = ["a.wav,Loud?,yes", "a.wav,Far?,maybe", "a.wav,What?,wind"]
    file = write(tmp_path / "m.csv", "audio,question,answer", *rows)
    examples, dropped = corpora.load("csv", Path("unused"), "aqa_binary", file=file)
    assert len(examples) == 1
    assert Counter(row.reason for row in dropped) == {
        "answered other than yes or no, for aqa_open": 2
    }
    _, dropped = corpora.load("csv", Path("unused"), "aqa_open", file=file)
    assert [row.reason for row in dropped] == ["answered yes or no, for aqa_binary"]


def test_a_nul_in_a_path(tmp_path):
    file = write(tmp_path / "m.jsonl", json.dumps({"audio": "a\0.wav", "label": "x"}))
    assert "row 1: column 'audio' has a NUL character" in refused(file)


@pytest.mark.parametrize(
    ("header", "row", "options", "task"),
    [
        ("audio,label,text", "a.wav,x,y", {}, "classification"),
        ("audio,text", "a.wav,y", {}, "pre"),
        ("audio,mood", "a.wav,y", {"label": "mood"}, "classification"),
        ("audio,question,answer,text", "a.wav,Loud?, Yes ,t", {}, "aqa_binary"),
        ("audio,question,answer,text", "a.wav,What?,rain,t", {}, "aqa_open"),
        ("audio,arousal,label", "a.wav,0.5,x", {"targets": ["arousal"]}, "dimensional"),
        ("audio,happy,sad", "a.wav,0,1", {"targets": ["happy", "sad"]}, "ser_multilabel"),
    ],
)
def test_the_task_that_the_columns_allow(tmp_path, header, row, options, task):
    defaults = {n: p.default for n, p in corpora.corpus("csv").options().items()}
    file = write(tmp_path / "m.csv", header, row)
    assert choose_task({**defaults, "file": file, **options})[0] == task


def test_no_task_that_the_columns_allow(tmp_path):
    defaults = {n: p.default for n, p in corpora.corpus("csv").options().items()}
    file = write(tmp_path / "m.csv", "audio,mood", "a.wav,y")
    with pytest.raises(
        UserError, match=r"no column 'label', .*found: audio, mood.*dataset\.label="
    ):
        choose_task({**defaults, "file": file})
