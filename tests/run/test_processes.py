"""Two processes of one run: the losses, weights and scores of one process at the same batch."""

import time
from functools import partial
from pathlib import Path

import pytest
import torch

from spectrobert.data.batches import LengthBatches
from spectrobert.run import curves, processes
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder
from spectrobert.tasks import losses

from ..helpers.runs import checkpoint, kill_at, silent, start
from ..helpers.runs import losses as curves_of
from ..helpers.world import configure, overrides, train_py

NO_DROPOUT = tuple(f"model.{name}_dropout_prob=0" for name in ("hidden", "attention_probs", "head"))
# 120 clips in batches of 17: the last has one row, fewer than processes
COMMON = (
    "trainer.epochs=2",
    "trainer.batch_size=17",
    "dataset.crop=random",
    "dataset.max_seconds=1.5",
)


def run(folder: Path, task: str, name: str, *more: str) -> Path:
    arguments = overrides(folder, task, *COMMON, f"experiment_name={name}", *more)
    done = train_py(*arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "sync_dist" not in done.stdout + done.stderr  # one warning of Lightning per metric
    return folder / "runs" / name / "seed0"


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return checkpoint(folder)["state_dict"]


@pytest.mark.parametrize(
    ("task", "more"),
    [("pre", ()), ("aqa_binary", ()), ("ser", ("task.class_weights=true", "trainer.accumulate=2"))],
)
def test_two_processes_are_as_one(tmp_path, task, more):
    words = (*COMMON, *NO_DROPOUT, *more, "experiment_name=one")
    config = configure(tmp_path, task, *words)
    fit(config, silent())  # in this process, which has the libraries already
    one = RunFolder.of(config).path
    two = run(tmp_path, task, "two", *NO_DROPOUT, *more, "trainer.devices=2")
    alone, shared = (curves.read(folder / "metrics.csv") for folder in (one, two))
    compared = [(s, e, m) for s, e, m, _ in alone if "accuracy" not in m or m.startswith("val")]
    assert len(compared) > 16
    values = {(s, e, m): v for s, e, m, v in shared}
    for step, epoch, metric, value in alone:
        if (step, epoch, metric) in compared:
            assert values[step, epoch, metric] == pytest.approx(value, rel=1e-4, abs=1e-6), metric
    for name, weight in weights(one).items():
        torch.testing.assert_close(weights(two)[name], weight, rtol=1e-3, atol=1e-5)
    scores = [RunFolder(folder).read_scores() for folder in (one, two)]
    assert scores[0]["n"] == scores[1]["n"]
    for name, value in scores[0]["metrics"].items():
        assert scores[1]["metrics"][name] == pytest.approx(value, abs=1e-4), name
    ids = [row["id"] for row in RunFolder(two).read_predictions()]
    assert len(ids) == len(set(ids)) == scores[1]["n"]


def test_two_processes_draw_their_own_dropout_and_resume_it(tmp_path):
    more = ("trainer.devices=2", "trainer.checkpoint_minutes=0")
    whole = run(tmp_path, "pre", "whole", *more)
    arguments = overrides(tmp_path, "pre", *COMMON, "experiment_name=killed", *more)
    killed = tmp_path / "runs" / "killed" / "seed0"
    kill_at(start(arguments), killed / "metrics.csv", 11)
    run(tmp_path, "pre", "killed", *more, "resume=true")
    first, second = checkpoint(whole)["callbacks"]["RandomState"]["by_process"]
    assert not torch.equal(first["torch"], second["torch"])
    for name, weight in weights(whole).items():
        assert torch.equal(weights(killed)[name], weight), name
    assert curves_of(killed) == curves_of(whole)


@pytest.mark.parametrize("world", [1, 2, 3, 8])
def test_every_row_is_scored_once_and_every_process_takes_every_training_step(world):
    seconds = [1.0 + i % 7 for i in range(37)]
    parts = [LengthBatches(seconds, 5, 0, False, rank, world) for rank in range(world)]
    rows = [key.row for part in parts for batch in part for key in batch]
    assert sorted(rows) == list(range(37))
    training = [LengthBatches(seconds, 5, 0, True, rank, world) for rank in range(world)]
    alone = list(LengthBatches(seconds, 5, 0, True))
    steps = [list(part) for part in training]
    assert {len(taken) for taken in steps} == {len(alone)}
    for number, batch in enumerate(alone):
        assert {key for taken in steps for key in taken[number]} == set(batch)


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (["trainer.batch_size=1"], "trainer.batch_size=1"),  # fewer rows than processes
        (["-m", "seed=0,1"], "trainer.devices=2"),
    ],
)
def test_what_several_devices_cannot_do_is_refused(tmp_path, words, refusal):
    done = train_py(*overrides(tmp_path, "ser", "trainer.devices=2", *words), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert refusal in done.stderr
    assert not (tmp_path / "runs").exists()


def _share(rank: int, place: str, predicted: torch.Tensor, targets: torch.Tensor) -> None:
    """One of two processes: its rows' gradient of every loss of numbers, averaged as DDP does."""
    torch.distributed.init_process_group("gloo", f"file://{place}/meet", rank=rank, world_size=2)
    rows = slice(0, 2) if rank == 0 else slice(2, 7)
    found = {}
    for name, loss_of in NUMBERS.items():
        own = predicted[rows].clone().requires_grad_()
        loss = loss_of(own, targets[rows])
        loss.backward()
        found[name] = (losses.average(loss), own.grad / 2)
    torch.save(found, f"{place}/{rank}.pt")
    processes.end()


WEIGHTS = torch.tensor([1.0, 2.0, 4.0])
NUMBERS = {
    "multilabel": losses.multilabel,
    "focal_multilabel": partial(losses.focal_multilabel, weights=WEIGHTS, gamma=2.0),
    "distributions": losses.distributions,
    "weighted distributions": partial(losses.distributions, weights=WEIGHTS, gamma=2.0),
    "absolute": losses.absolute,
    "squared": losses.squared,
    "concordance": losses.concordance,
}


def test_losses_of_numbers_are_those_of_the_whole_batch(tmp_path):
    generator = torch.Generator().manual_seed(0)
    predicted = torch.randn(7, 3, generator=generator)
    targets = (torch.randn(7, 3, generator=generator) > 0).float()
    torch.multiprocessing.spawn(_share, (str(tmp_path), predicted, targets), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    for name, loss_of in NUMBERS.items():
        whole = predicted.clone().requires_grad_()
        loss = loss_of(whole, targets)
        loss.backward()
        gradient = torch.cat([first[name][1], second[name][1]])
        torch.testing.assert_close(gradient, whole.grad, msg=name)
        torch.testing.assert_close(first[name][0], loss.detach(), msg=name)


def _come_and_go(rank: int, place: str, rounds: int) -> None:
    for number in range(rounds):
        meet = f"file://{place}/meet{number}"
        torch.distributed.init_process_group("gloo", meet, rank=rank, world_size=2)
        torch.distributed.all_reduce(torch.ones(3))
        processes.end()


def test_leaving_right_after_a_sum_does_not_hang(tmp_path):
    """Without a pause gloo hangs at one of the first twenty rounds."""
    pair = torch.multiprocessing.spawn(_come_and_go, (str(tmp_path), 40), nprocs=2, join=False)
    deadline = time.monotonic() + 90
    try:
        while not pair.join(timeout=1):
            assert time.monotonic() < deadline
    finally:
        for process in pair.processes:
            process.kill()
