"""Schedules in whole runs: they watch validation, and a resumed run goes on where it was."""

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from spectrobert.config import Config
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder

from ..helpers.runs import checkpoint, finish, losses, silent
from ..helpers.world import configure

EPOCHS = 3
OPTIONS = {
    # no improvement is enough: less after every validation but the first
    "plateau": ("optim.plateau_threshold=1e9", "optim.plateau_factor=0.25"),
    "tri_stage": ("optim.warmup_share=0.3", "optim.hold_share=0.2"),
}
LR, LR_OF_HEAD = 1e-3, 1e-2


class Killed(Exception):
    """Raised in place of a signal."""


class Rates(pl.Callback):
    """Learning rates of every group at every step; leaves once `last` steps are done."""

    def __init__(self, last: int = -1) -> None:
        self.last = last
        self.seen: list[list[float]] = []

    def on_before_optimizer_step(self, trainer: pl.Trainer, module: Any, optimizer: Any) -> None:
        self.now = [group["lr"] for group in optimizer.param_groups]

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, *rest: Any) -> None:
        self.seen.append(self.now)

    def on_train_batch_start(self, trainer: pl.Trainer, module: Any, *rest: Any) -> None:
        if len(self.seen) == self.last:
            raise Killed  # its checkpoint has been written


def config(folder: Path, schedule: str, name: str) -> Config:
    more = (f"optim.schedule={schedule}", "optim.name=adamw", *OPTIONS[schedule])
    return configure(
        folder,
        "ser",
        *more,
        f"optim.lr_of={{head: {LR_OF_HEAD}}}",
        f"experiment_name={schedule}-{name}",
        f"trainer.epochs={EPOCHS}",
        "trainer.checkpoint_minutes=0",
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Finished runs, one per schedule: folder and rates."""
    folder, made = tmp_path_factory.mktemp("schedules"), {}

    def get(schedule: str) -> tuple[RunFolder, list[list[float]]]:
        if schedule not in made:
            options, rates = config(folder, schedule, "whole"), Rates()
            fit(options, silent(), [rates])
            made[schedule] = RunFolder.of(options), rates.seen
        return made[schedule]

    return get


def test_a_plateau_lowers_the_rates_of_all_groups_after_each_validation(whole):
    _, rates = whole("plateau")
    steps = len(rates) // EPOCHS
    assert len(rates) == EPOCHS * steps
    expected = [[scale * LR, scale * LR_OF_HEAD] for scale in (1, 0.25, 0.0625)]
    assert rates[steps - 1] == expected[0]
    assert rates[steps] == expected[0]  # the first validation is the best so far
    assert rates[2 * steps - 1] == expected[0]
    assert rates[2 * steps] == rates[-1] == pytest.approx(expected[1])


def test_tri_stage_scales_all_groups(whole):
    _, rates = whole("tri_stage")
    assert rates[0] == [0, 0]
    assert [LR, LR_OF_HEAD] in rates
    assert rates[-1][0] < 0.2 * LR
    assert all(head == pytest.approx(10 * rest) for rest, head in rates)


@pytest.mark.parametrize("schedule", OPTIONS)
@pytest.mark.parametrize("is_at_the_end_of_an_epoch", [False, True])
def test_killed_and_resumed_is_as_uninterrupted(whole, schedule, is_at_the_end_of_an_epoch):
    done, rates = whole(schedule)
    steps = 2 * len(rates) // EPOCHS + (0 if is_at_the_end_of_an_epoch else 1)
    options = config(done.path.parents[2], schedule, f"killed{steps}")
    first, second = Rates(last=steps), Rates()
    with pytest.raises(Killed):
        fit(options, silent(), [first])
    options.resume = True
    fit(options, silent(), [second])
    assert first.seen + second.seen == rates
    folder = RunFolder.of(options)
    assert losses(folder.path) == losses(done.path)
    weights, expected = (checkpoint(f.path)["state_dict"] for f in (folder, done))
    assert all(torch.equal(value, weights[name]) for name, value in expected.items())


def test_rates_of_frozen_parts_are_reported(tmp_path):
    words = ("freeze=bin-frz", "trainer.epochs=1", "optim.lr_of={audio: 1e-4, head: 1e-3}")
    _, _, printed = finish(configure(tmp_path, "ser", *words))
    assert "optim.lr_of.audio=0.0001 has no effect: nothing that it names trains" in printed
    assert printed.count("has no effect") == 1
