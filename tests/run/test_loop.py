"""The training loop: clipping, schedule, monitored checkpoint, early stopping."""

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from spectrobert.models.spectrobert import SpectroBert
from spectrobert.run import scoring
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder
from spectrobert.tasks.classification import Ser

from ..helpers.runs import silent
from ..helpers.world import configure

SCRIPT = (0.5, 0.9, 0.1, 0.3)  # val/unweighted_accuracy of each epoch: best, worst, neither last
CLIP = 0.01  # below every gradient of a toy model


class Recorder(pl.Callback):
    """Per step: learning rate and gradients as the optimiser saw them; per epoch: the weights."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.norms: list[float] = []
        self.largest: list[float] = []
        self.weights: list[dict[str, torch.Tensor]] = []

    def on_before_zero_grad(self, trainer: pl.Trainer, module: Any, optimizer: Any) -> None:
        self.now = optimizer.param_groups[0]["lr"]

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, *rest: Any) -> None:
        gradients = torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])
        self.rates.append(self.now)
        self.norms.append(float(gradients.norm()))
        self.largest.append(float(gradients.abs().max()))

    def on_validation_end(self, trainer: pl.Trainer, module: Any) -> None:
        self.weights.append({k: v.clone() for k, v in module.model.state_dict().items()})


@dataclass
class Scripted:
    """A finished run with the validation scores of SCRIPT."""

    folder: Path
    results: dict[str, Any]
    seen: Recorder = field(default_factory=Recorder)


@pytest.fixture(scope="module")
def scripted(tmp_path_factory):
    """Runs of 4 epochs, one per set of overrides, made on first use."""
    folder = tmp_path_factory.mktemp("loop")
    made: dict[tuple[str, ...], Scripted] = {}

    def validation(task: Ser) -> None:
        task.val_rows.reset()
        task.log("val/unweighted_accuracy", SCRIPT[task.current_epoch])

    def get(*more: str) -> Scripted:
        if more not in made:
            name = f"experiment_name=run{len(made)}"
            config = configure(
                folder, "ser", f"trainer.epochs={len(SCRIPT)}", f"optim.clip={CLIP}", name, *more
            )
            seen = Recorder()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Ser, "on_validation_epoch_end", validation)
                results = fit(config, silent(), [seen])
            made[more] = Scripted(RunFolder.of(config).path, results, seen)
        return made[more]

    return get


@pytest.mark.parametrize(("mode", "best"), [("max", 2), ("min", 3)])
def test_the_best_epoch_is_exported_and_scored(scripted, mode, best):
    run = scripted(f"task.mode={mode}")
    monitor = run.results["monitor"]
    assert (monitor["epoch"], monitor["checkpoint"]) == (best, "best")
    assert monitor["value"] == pytest.approx(SCRIPT[best - 1])

    exported = SpectroBert.from_pretrained(run.folder / "model").state_dict()
    last = run.seen.weights[-1]
    assert any(not torch.equal(value, last[name]) for name, value in exported.items())
    for name, value in run.seen.weights[best - 1].items():
        assert torch.equal(value, exported[name]), name

    with (run.folder / "predictions.csv").open() as file:
        written = [row["p_prediction"] for row in csv.DictReader(file)]
    again = scoring.evaluate(run.folder)
    column = again.header.index("p_prediction")
    for here, there in zip(written, again.rows, strict=True):
        assert float(here) == pytest.approx(float(there[column]), abs=2e-6)


@pytest.mark.parametrize(("mode", "epochs"), [("max", 3), ("min", 2)])
def test_a_run_stops_after_the_first_epoch_that_is_no_better(scripted, mode, epochs):
    run = scripted(f"task.mode={mode}", "trainer.patience=1")
    assert run.results["epochs_run"] == epochs == len(run.seen.weights)
    assert scripted(f"task.mode={mode}").results["epochs_run"] == len(SCRIPT)


def test_gradients_are_clipped_to_a_norm(scripted):
    norms = scripted("task.mode=max").seen.norms
    assert norms == pytest.approx([CLIP] * len(norms), rel=1e-3)


def test_gradients_are_clipped_by_value(scripted):
    seen = scripted("optim.clip_by=value", "optim.schedule=linear").seen
    assert max(seen.largest) == pytest.approx(CLIP)
    assert min(seen.norms) > 2 * CLIP  # no limit of the norm


def test_the_schedule_moves_at_every_step(scripted):
    run = scripted("optim.clip_by=value", "optim.schedule=linear")
    steps = run.results["steps_run"]
    assert steps > 2 * len(SCRIPT)
    # a closure clears the gradients before its step: rate k is that of step k
    expected = [1e-3 * (1 - step / steps) for step in range(steps)]
    assert run.seen.rates == pytest.approx(expected, rel=1e-6)
