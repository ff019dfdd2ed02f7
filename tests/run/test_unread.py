"""Files that go bad while a run is under way: left out, named, counted, refused above a limit."""

import csv
from pathlib import Path
from typing import NamedTuple

import pytest

from spectrobert.config import Config
from spectrobert.errors import UserError
from spectrobert.run import scoring
from spectrobert.run.folder import RunFolder
from spectrobert.settings import composition

from ..helpers.runs import finish
from ..helpers.sounds import noise
from ..helpers.world import SMALL

CLIPS = 60  # 30 of train, 15 of val, 15 of test
SPLITS = ("train", "val", "train", "test")


class Corpus(NamedTuple):
    """A user's table with a sound file per row."""

    folder: Path

    def restore(self, *clips: int) -> None:
        for clip in clips:
            noise(self.folder / f"{clip}.wav", clip, 0.2)

    def lose(self, *clips: int) -> None:
        for clip in clips:
            (self.folder / f"{clip}.wav").unlink()

    def configured(self, *more: str) -> Config:
        """A run that opens no file before it reads it."""
        quick = ("trainer.epochs=1", "trainer.num_workers=0", "trainer.threads=1")
        places = (f"dataset.file={self.folder / 'table.csv'}", f"runs_dir={self.folder / 'runs'}")
        options = ("task=ser", "dataset=csv", "dataset.check=none", "dataset.max_skipped=0.1")
        return composition.compose([*options, "model=tiny", *SMALL, *quick, *places, *more])


@pytest.fixture
def corpus(tmp_path) -> Corpus:
    made = Corpus(tmp_path)
    made.restore(*range(CLIPS))
    lines = [f"c{i},{i}.wav,take {i},{'ab'[i // 4 % 2]},{SPLITS[i % 4]}" for i in range(CLIPS)]
    (tmp_path / "table.csv").write_text("\n".join(["id,audio,text,label,split", *lines]) + "\n")
    return made


@pytest.mark.parametrize("size", [1, 8])
def test_each_split_reports_what_could_not_be_read(corpus, size):
    lost = {3: "test", 1: "val"} | ({0: "train"} if size > 1 else {})
    corpus.lose(*lost)
    workers = f"trainer.num_workers={int(size > 1)}"
    folder, results, printed = finish(corpus.configured(f"trainer.batch_size={size}", workers))
    test = results["test"]
    assert (test["n"], test["num_rows"], len(test["unread"])) == (14, 15, 1)
    assert results["unread_clips"] == {"train": int(size > 1), "val": 1}
    with folder.skipped.open() as file:
        skipped = {Path(row["recording"]).stem: row["fault"] for row in csv.DictReader(file)}
    assert skipped == dict.fromkeys(map(str, lost), "missing: No such file or directory")
    for split in lost.values():
        assert f"clips of {split} could not be read and are left out" in printed
    assert "(n=14 of 15, 1 could not be read" in printed
    line = "| scored | 14 of 15, 1 could not be read, listed in skipped.csv |"
    assert line in folder.card.read_text()
    assert folder.read_scores()["unread"] == test["unread"]


def test_a_run_of_which_all_was_read_reports_none(corpus):
    folder, results, printed = finish(corpus.configured())
    assert "unread" not in results["test"]
    assert results["unread_clips"] == {"train": 0, "val": 0}
    assert "could not be read" not in printed
    assert "| scored | 15 |" in folder.card.read_text()


@pytest.mark.parametrize(
    ("lost", "rows"), [((0, 2, 4, 6), "4 of 30"), ((1, 5), "2 of 15"), ((3, 7), "2 of 15")]
)
def test_above_the_limit_a_run_is_refused(corpus, lost, rows):
    """In train and val at the end of the epoch, before a checkpoint of it is kept."""
    corpus.lose(*lost)
    config = corpus.configured("trainer.batch_size=8")
    with pytest.raises(UserError, match=rf"{rows} examples .*max_skipped=0.1 allows; the first"):
        finish(config)
    folder = RunFolder.of(config)
    is_test = lost[0] == 3
    assert not folder.is_finished
    assert any(folder.checkpoints.glob("*.ckpt")) == is_test
    if is_test:  # the files are back
        corpus.restore(*lost)
        config.resume = True
        assert finish(config)[1]["test"]["n"] == 15


def test_a_training_batch_of_which_nothing_was_read_ends_the_run(corpus):
    corpus.lose(0)
    with pytest.raises(UserError, match=r"none of the 1 clips of a training batch .*0\.wav"):
        finish(corpus.configured("trainer.batch_size=1"))


def test_evaluate_refuses_and_reports_too(corpus):
    folder, _, _ = finish(corpus.configured())
    corpus.lose(3)
    scores = scoring.evaluate(folder.path)
    assert (scores.n, [Path(clip.recording).name for clip in scores.unread]) == (14, ["3.wav"])
    corpus.lose(7)
    with pytest.raises(UserError, match="2 of 15 examples"):
        scoring.evaluate(folder.path)


def test_cached_rows_are_reported_as_others_are(corpus):
    corpus.lose(3)
    folder, results, printed = finish(corpus.configured("freeze=bin-frz"))
    assert results["prefix_cache"]["unreadable"] == 1
    assert results["test"]["n"] == 14
    assert "1 of them unreadable and left out" in printed
    assert "3.wav" in folder.skipped.read_text()
    corpus.restore(3)
    _, results, _ = finish(corpus.configured("freeze=bin-frz", "experiment_name=again"))
    assert results["test"]["n"] == 15
