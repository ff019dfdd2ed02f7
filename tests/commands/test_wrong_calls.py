"""Wrong words to the verbs: one line and exit code 2, before any work."""

import errno
import sys
from pathlib import Path

import pytest

from spectrobert import __main__, files
from spectrobert.errors import UserError
from spectrobert.experiments.report import page
from spectrobert.run import scoring
from spectrobert.run.folder import RunFolder
from spectrobert.run.scores import Scores

LONG = "x" * 300
TUNE = ("tune", "--trials", "1", "--task", "ser", "--dataset", "demo")


@pytest.fixture
def refused(monkeypatch, capsys, tmp_path):
    """`refused(...)` calls a verb in a folder with a file `afile`; it returns the one line."""
    (tmp_path / "afile").write_text("x")
    (tmp_path / "afolder").mkdir()
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["spectrobert", *words])
        assert __main__.main() == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert sorted(path.name for path in tmp_path.iterdir()) == ["afile", "afolder"]
        return err

    return call


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["report", "afolder", "--out", "afolder"], "--out afolder is a folder: name a file"),
        (["report", "afolder", "--out", "afile/x.html"], "--out afile/x.html: afile is a file"),
        (["report", "afolder", "--out", f"{LONG}.html"], "File name too long"),
        (["evaluate", "afolder", "--output", "afile"], "--output afile: afile is a file"),
        (["evaluate", "afolder", "--output", LONG], "File name too long"),
        (["evaluate", LONG], "is not a run directory"),
        (["report", "afolder"], "is not a run directory"),
        (["predict", "afolder", "--audio", ""], "--audio needs a file"),
        (["data", "check", "demo", "--csv", "afolder"], "--csv afolder is a folder"),
        (["data", "check", "csv", "--task", "ser", f"dataset.file={LONG}.csv"], "no file xxx"),
        (["data", "stats", "demo", "--out", "afile"], "--out afile: afile is a file"),
        (["data", "prepare", "demo", "--out", "afile/x"], "--out afile/x: afile is a file"),
        (["data", "download", "esc10", "--data_dir", "afile"], "afile is a file"),
        (["table", "demo", "--status", "--runs_dir", "afile"], "--runs_dir afile: afile is"),
        (["table", "demo", "--dry-run", "--checkpoint", ""], "--checkpoint needs a value"),
        (["table", "ser", "--dry-run", "--folds", "2,7"], "dataset 'ravdess' has 6 folds"),
        (["demo", "--size", "0"], "--size 0: must be above 0"),
        (["demo", "--size", "nan"], "--size nan: must be above 0"),
        (["demo", "--runs_dir", "afile"], "--runs_dir afile: afile is a file"),
        (["demo", "--data_dir", "afile"], "--data_dir afile: afile is a file"),
        (["serve"], "name a run, or give --demo"),
        (["serve", "afolder", "--demo"], "give runs or --demo, not both"),
        (["serve", "afolder", "--max_mb", "0"], "--max_mb 0: must be above 0"),
        (["serve", "afolder", "--max_minutes", "nan"], "--max_minutes nan: must be above 0"),
        ([*TUNE, "--runs_dir", "afile"], "--runs_dir afile: afile is a file"),
        ([*TUNE, "--study", "../x"], "--study='../x' leads out of runs_dir"),
        ([*TUNE, "--study", ""], "--study='' is empty"),
        ([*TUNE, "--study", LONG], "is too long: 255 bytes"),
    ],
)
def test_wrong_words_are_one_line(refused, words, said):
    assert said in refused(*words)


def test_a_folder_without_permission(monkeypatch, tmp_path):
    files.check_writable("--out", tmp_path / "new" / "page.html")
    monkeypatch.setattr(files.os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match=f"--out .*: no permission to write in {tmp_path}"):
        files.check_writable("--out", tmp_path / "new" / "page.html")


@pytest.fixture
def read_only(monkeypatch, tmp_path):
    """Nothing can be written any more."""

    def fail(path: Path, *content) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(files, "write_whole", fail)
    return pytest.raises(UserError, match=f"cannot write {tmp_path}.*: Read-only file system")


def test_a_page_that_cannot_be_written(read_only, monkeypatch, tmp_path):
    freeze = {"trainable": 1, "total": 1, "train": []}
    result = {"test": {"metrics": {}}, "freeze": freeze, "monitor": {}, "versions": {}}
    monkeypatch.setattr(RunFolder, "read_results", lambda self: result)
    monkeypatch.setattr(page, "section", lambda *a: page.Section("a", result))
    monkeypatch.setattr(page.card, "facts", lambda results: {})
    sheet = page.Sheet("", (), (), ())
    with read_only:
        page.write(tmp_path / "page.html", "a", {"a": [tmp_path]}, sheet)


def test_scores_that_cannot_be_written(read_only, monkeypatch, tmp_path):
    monkeypatch.setattr(RunFolder, "read_results", lambda self: {"silence_audio": False})
    scores = Scores("test", 0, 0, {}, "")
    with read_only:
        scoring.write(tmp_path / "again", tmp_path, scores, scoring.AS_TRAINED)
