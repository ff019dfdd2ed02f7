"""Folders of sounds: classes, splits, speakers from paths, and what is left out."""

from pathlib import Path

import pytest

from spectrobert import corpora
from spectrobert.corpora import folder
from spectrobert.data.drawing import draw
from spectrobert.data.splits import caution
from spectrobert.settings import composition
from spectrobert.settings.schemas import dataset_class

from ..helpers.corpus_files import drops, encoded, examples, fails, parse, shown, write


def tree(root: Path, *paths: str) -> Path:
    for path in paths:
        write(root / path)
    return root


def test_classes_at_any_depth(tmp_path: Path) -> None:
    root = tree(tmp_path, "dog/1.wav", "dog/rex/old/1.FLAC", "black cat/1.ogg", "dog/2.mp3")
    rows, left_out = parse(folder.load(root, "classification"))
    assert shown(rows.values(), "id", "label", "split", "speaker") == [
        "black cat/1.ogg | black cat |  | ",
        "dog/1.wav | dog |  | ",
        "dog/2.mp3 | dog |  | ",
        "dog/rex/old/1.FLAC | dog |  | ",
    ]
    assert rows["dog/1.wav"].audio[0].audio == str(root / "dog/1.wav")
    assert not left_out


def test_splits(tmp_path: Path) -> None:
    root = tree(tmp_path, "Train/dog/1.wav", "valid/dog/a/2.wav", "test/cat/3.wav", "test/4.wav")
    rows = list(folder.load(root, "ser"))
    assert shown(rows, "id", "label", "split") == [
        "Train/dog/1.wav | dog | train",
        "test/cat/3.wav | cat | test",
        "valid/dog/a/2.wav | dog | val",
    ]
    assert drops(rows) == [("not in the folder of a class", "test/4.wav")]


def test_one_class_may_be_the_sound_of_a_train(tmp_path: Path) -> None:
    root = tree(tmp_path, "train/1.wav", "bus/2.wav")
    assert shown(folder.load(root, "classification"), "label", "split") == ["bus | ", "train | "]


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (
            ("train/a/1.wav", "test/a/2.wav", "more/3.wav"),
            ("test, train are folders", "'more' is none"),
        ),
        (
            ("train/a/1.wav", "dev/a/2.wav", "val/a/3.wav"),
            ("several folders are the val split: dev, val",),
        ),
    ],
)
def test_folders_that_may_be_splits_or_classes(tmp_path: Path, paths, words) -> None:
    fails(folder.load(tree(tmp_path, *paths), "ser"), str(tmp_path), *words)


def test_folders_without_sounds_are_no_classes(tmp_path: Path) -> None:
    root = tree(tmp_path, "train/a/1.wav", "test/b/2.wav", "docs/readme.txt", ".git/x.wav")
    rows = list(folder.load(root, "ser"))
    assert [row.split for row in examples(rows).values()] == ["test", "train"]


def test_hidden_files_and_others_are_left_out(tmp_path: Path) -> None:
    root = tree(tmp_path, "dog/1.wav", "dog/._1.wav", "dog/.DS_Store", "dog/2.m4a", "3.wav")
    write(root / "notes.txt")
    rows = list(folder.load(root, "classification"))
    assert list(examples(rows)) == ["dog/1.wav"]
    assert drops(rows) == [
        ("not in the folder of a class", "3.wav"),
        ("hidden file", "dog/._1.wav"),
        ("file name ends in none of .flac, .wav, .ogg, .mp3", "dog/2.m4a"),
        ("file name ends in none of .flac, .wav, .ogg, .mp3", "notes.txt"),
    ]


def test_speakers_from_paths(tmp_path: Path) -> None:
    root = tree(tmp_path, "dog/s01_1.wav", "cat/s02_1.wav", "cat/unknown.wav")
    rows = list(folder.load(root, "ser", speaker_pattern=r"/(s\d+)_"))
    assert shown(rows, "id", "speaker") == ["cat/s02_1.wav | s02", "dog/s01_1.wav | s01"]
    reason = "dataset.speaker_pattern finds no speaker in the path"
    assert drops(rows) == [(reason, "cat/unknown.wav")]


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("(", "no regular expression: missing )"), ("s", "0 groups"), ("(a)(b)", "2 groups")],
)
def test_patterns_that_cannot_be_used(tmp_path: Path, pattern: str, words: str) -> None:
    rows = folder.load(tree(tmp_path, "a/1.wav"), "ser", speaker_pattern=pattern)
    fails(rows, f"dataset.speaker_pattern={pattern}: ", words)


def test_a_pattern_needs_quotes_of_its_own() -> None:
    words = ["--task", "ser", "--dataset", "folder", r"dataset.speaker_pattern='/(s\d+)[_-]'"]
    assert composition.compose(words).dataset.speaker_pattern == r"/(s\d+)[_-]"


def test_an_empty_folder_is_one_line(tmp_path: Path) -> None:
    fails(corpora.stream("folder", tmp_path, "ser"), "nothing for task 'ser'", "CLASS/*.wav")
    fails(
        corpora.stream("folder", tree(tmp_path, "1.wav"), "ser"),
        "1 rows dropped, the first: not in the folder of a class",
    )
    fails(corpora.stream("folder", tmp_path / "none", "ser"), "no folder", "CLASS/*.wav")


@pytest.mark.parametrize(("pattern", "is_known"), [("", False), (r"/(\d)", True)])
def test_scores_without_speakers_carry_a_caution(tmp_path: Path, pattern, is_known) -> None:
    for label in ("a", "b"):
        for number in range(9):
            write(tmp_path / label / f"{number}.wav", encoded(0.01 * (number + 1)))
    options = dataset_class("folder")(root=str(tmp_path), speaker_pattern=pattern)
    rows, _ = corpora.load("folder", tmp_path, "ser", speaker_pattern=pattern)
    definition = draw(rows, "folder", "ser", options).summary.definition
    assert ("by speaker" in definition) == is_known
    assert ("speakers are not known" in caution(definition)) != is_known
