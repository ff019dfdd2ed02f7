"""Files that go bad while a run is under way: left out, named, counted, refused above a limit."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from spectrobert.config import Config
from spectrobert.errors import UserError
from spectrobert.run import scoring
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder
from spectrobert.settings import composition

from ..helpers.sounds import noise
from ..helpers.world import SMALL

CLIPS = 60  # 30 of train, 15 of val, 15 of test
SPLITS = ("train", "val", "train", "test")


@pytest.fixture
def table(tmp_path) -> Path:
    """A user's corpus."""
    lines = ["id,audio,text,label,split"]
    for i in range(CLIPS):
        noise(tmp_path / f"{i}.wav", i, 0.2)
        lines.append(f"c{i},{i}.wav,take {i},{'ab'[i // 4 % 2]},{SPLITS[i % 4]}")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "table.csv"


@pytest.fixture
def configured(table):
    """`configured(*overrides)`: a run on the table that opens no file before it reads it."""

    def make(*more: str) -> Config:
        quick = ("trainer.epochs=1", "trainer.num_workers=0", "trainer.threads=1")
        folders = (f"dataset.file={table}", f"runs_dir={table.parent / 'runs'}")
        options = ("task=ser", "dataset=csv", "dataset.check=none", "dataset.max_skipped=0.1")
        return composition.compose([*options, "model=tiny", *SMALL, *quick, *folders, *more])

    return make


def run(config: Config) -> tuple[Path, dict, str]:
    """The directory of a run, its results, and what was printed."""
    console = Console(file=io.StringIO(), width=300)
    results = fit(config, console)
    return RunFolder.of(config).path, results, " ".join(console.file.getvalue().split())


def lose(table: Path, *clips: int) -> None:
    for clip in clips:
        (table.parent / f"{clip}.wav").unlink()


@pytest.mark.parametrize("size", [1, 8])
def test_each_split_reports_what_could_not_be_read(configured, table, size):
    lose(table, 0, 1, 3) if size > 1 else lose(table, 1, 3)  # of train, val, test
    workers = f"trainer.num_workers={int(size > 1)}"
    folder, results, printed = run(configured(f"trainer.batch_size={size}", workers))
    test = results["test"]
    assert (test["n"], test["num_rows"], len(test["unread"])) == (14, 15, 1)
    assert results["unread_clips"] == {"train": int(size > 1), "val": 1}
    lost = {3: "test", 1: "val"} | ({0: "train"} if size > 1 else {})
    with (folder / "skipped.csv").open() as file:
        skipped = {Path(row["recording"]).stem: row["fault"] for row in csv.DictReader(file)}
    assert skipped == dict.fromkeys(map(str, lost), "missing: No such file or directory")
    for split in lost.values():
        assert f"clips of {split} could not be read and are left out" in printed
    assert "(n=14 of 15, 1 could not be read" in printed
    card = (folder / "card.md").read_text()
    assert "| scored | 14 of 15: 1 could not be read, listed in skipped.csv |" in card
    assert json.loads((folder / "results.json").read_text())["test"]["unread"] == test["unread"]


def test_a_run_of_which_all_was_read_says_nothing_of_it(configured):
    folder, results, printed = run(configured())
    assert "unread" not in results["test"]
    assert results["unread_clips"] == {"train": 0, "val": 0}
    assert "could not be read" not in printed
    assert "| scored | 15 |" in (folder / "card.md").read_text()


@pytest.mark.parametrize(
    ("lost", "rows"), [((0, 2, 4, 6), "4 of 30"), ((1, 5), "2 of 15"), ((3, 7), "2 of 15")]
)
def test_above_the_limit_a_run_is_refused(configured, table, lost, rows):
    """In train and val at the end of the epoch, before a checkpoint of it is kept."""
    lose(table, *lost)
    config = configured("trainer.batch_size=8")
    with pytest.raises(UserError, match=rf"{rows} examples .*max_skipped=0.1 allows; the first"):
        run(config)
    folder = RunFolder.of(config).path
    assert not (folder / "results.json").exists()
    assert any((folder / "checkpoints").glob("*.ckpt")) == (lost[0] == 3)


def test_a_refused_run_goes_on_when_the_files_are_back(configured, table):
    kept = table.parent / "kept"
    kept.mkdir()
    for clip in (3, 7):
        shutil.copy(table.parent / f"{clip}.wav", kept)
    lose(table, 3, 7)
    with pytest.raises(UserError, match="2 of 15"):
        run(configured())
    for clip in (3, 7):
        shutil.copy(kept / f"{clip}.wav", table.parent)
    config = configured()
    config.resume = True
    _, results, _ = run(config)
    assert results["test"]["n"] == 15


def test_a_training_batch_of_which_nothing_was_read_ends_the_run(configured, table):
    lose(table, 0)
    with pytest.raises(UserError, match=r"none of the 1 clips of a training batch .*0\.wav"):
        run(configured("trainer.batch_size=1"))


def test_evaluate_refuses_and_reports_too(configured, table):
    folder, _, _ = run(configured())
    lose(table, 3)
    scores = scoring.evaluate(folder)
    assert (scores.n, [Path(clip.recording).name for clip in scores.unread]) == (14, ["3.wav"])
    lose(table, 7)
    with pytest.raises(UserError, match="2 of 15 examples"):
        scoring.evaluate(folder)


def test_cached_rows_are_reported_as_others_are(configured, table):
    lose(table, 3)
    folder, results, printed = run(configured("freeze=bin-frz"))
    assert results["prefix_cache"]["unreadable"] == 1
    assert results["test"]["n"] == 14
    assert "1 of them unreadable and left out" in printed
    assert "3.wav" in (folder / "skipped.csv").read_text()
    noise(table.parent / "3.wav", 3, 0.2)
    again = configured("freeze=bin-frz", "experiment_name=again")
    _, results, _ = run(again)
    assert results["test"]["n"] == 15
