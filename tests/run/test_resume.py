"""A run that is killed and resumed ends as one left alone: same losses, weights, scores."""

import pytest
import torch

from spectrobert.run import curves
from spectrobert.run.folder import RunFolder
from spectrobert.settings import composition

from ..helpers.runs import checkpoint, kill_at, losses, start
from ..helpers.world import overrides, train_py

EPOCHS = 3
STEPS_PER_EPOCH = 8  # 120 clips, batches of 16
# dropout on, random crops, one worker: all that could go differently the second time
WORDS = (
    f"trainer.epochs={EPOCHS}",
    "trainer.checkpoint_minutes=0",
    "trainer.num_workers=1",
    "dataset.crop=random",
    "dataset.max_seconds=1.5",
)


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resume")

    def of(name: str) -> list[str]:
        return overrides(folder, "pre", f"experiment_name={name}", *WORDS)

    of.folder = folder / "runs"
    return of


@pytest.fixture(scope="module")
def whole(arguments):
    done = train_py(*arguments("whole"))
    assert done.returncode == 0, done.stderr
    return RunFolder(arguments.folder / "whole" / "seed0")


# in the middle of the first epoch, at the end of one, in the middle of a later one
@pytest.mark.parametrize("step", [3, STEPS_PER_EPOCH - 1, STEPS_PER_EPOCH, 2 * STEPS_PER_EPOCH + 5])
def test_killed_and_resumed_is_as_uninterrupted(arguments, whole, step):
    name = f"killed{step}"
    folder = RunFolder(arguments.folder / name / "seed0")
    kill_at(start(arguments(name)), folder.metrics, step)
    assert not folder.is_finished
    done = train_py(*arguments(name), "--resume")
    assert done.returncode == 0, done.stderr

    assert len(losses(whole.path)["train/loss"]) == EPOCHS * STEPS_PER_EPOCH
    assert losses(folder.path) == losses(whole.path)
    resumed = checkpoint(folder.path)["state_dict"]
    for key, value in checkpoint(whole.path)["state_dict"].items():
        assert torch.equal(value, resumed[key]), key
    assert folder.read_scores()["metrics"] == whole.read_scores()["metrics"]


def test_no_step_is_logged_twice(whole):
    rows = [(s, m) for s, _, m, _ in curves.read(whole.metrics)]
    assert len(rows) == len(set(rows))


def test_a_finished_run_resumes_to_its_results(arguments, whole):
    done = train_py(*arguments("whole"), "--resume")
    assert done.returncode == 0
    assert "nothing to resume" in done.stdout


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("--resume", "optim.lr=0.5"), "optim.lr=0.001 then, 0.5 now"),
        ((), "continue it with --resume"),
    ],
)
def test_nothing_is_overwritten(arguments, whole, words, refusal):
    before = whole.results.read_text()
    done = train_py(*arguments("whole"), *words)
    assert done.returncode == 2
    assert refusal in done.stderr
    assert whole.results.read_text() == before


def test_a_run_killed_before_its_first_checkpoint_starts_over(arguments):
    folder = RunFolder(arguments.folder / "early" / "seed0")
    folder.write_config(composition.compose(arguments("early")))
    done = train_py(*arguments("early"), "--resume", "trainer.epochs=1")
    assert done.returncode == 0, done.stderr
