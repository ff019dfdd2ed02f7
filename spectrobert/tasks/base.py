"""What every task shares: the optimiser, the steps, and scoring over the whole set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from transformers import (
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
)

from ..config import OptimConfig, TaskConfig
from ..errors import UserError
from ..freezing import fingerprint, frozen_parameters, train_mode
from ..metrics import Metrics
from ..models.spectrobert import Output, SpectroBert


def _constant(optimizer: Optimizer, warmup: int, total: int) -> LambdaLR:
    return get_constant_schedule_with_warmup(optimizer, warmup)


# name -> schedule from (optimiser, warm-up steps, all steps)
SCHEDULES: dict[str, Callable[[Optimizer, int, int], LambdaLR]] = {
    "constant": _constant,
    "linear": get_linear_schedule_with_warmup,
    "cosine": get_cosine_schedule_with_warmup,
}


class Task(LightningModule):
    """A model, a loss and metrics. A subclass says which head it needs and what is right.

    Args:
        model: with the head that `head` and `num_logits` ask for.
        labels: the classes, in the order of the logits; empty for pre-training.
        class_weights: (C,) by class, or None.
        total_steps: optimiser steps of the whole run, for the schedule.
    """

    head: ClassVar[str]
    class_weights: Tensor | None

    def __init__(
        self,
        model: SpectroBert,
        config: TaskConfig,
        optim: OptimConfig,
        labels: tuple[str, ...] = (),
        class_weights: Tensor | None = None,
        total_steps: int = 1,
    ):
        super().__init__()
        self.model = model
        self.config = config
        self.optim = optim
        self.labels = labels
        self.total_steps = total_steps
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.val_metrics = self.new_metrics()
        self.test_metrics = self.new_metrics()
        self.frozen_hash = ""  # of what no step changes, once a checkpoint has been written
        # Of the last scored set: (B,) indices, (B, ...) logits
        self.rows: list[tuple[Tensor, Tensor]] = []

    @staticmethod
    def num_logits(labels: tuple[str, ...]) -> int:
        """Width of the head for these labels."""
        return len(labels)

    def new_metrics(self) -> Metrics:
        """An empty metric, which `score` updates."""
        raise NotImplementedError

    def losses(self, output: Output, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Scalars; the one called `loss` is minimised."""
        raise NotImplementedError

    def score(self, metrics: Any, output: Output, batch: dict[str, Tensor]) -> Tensor:
        """Update `metrics`; return what predictions.csv is made of, one row per example."""
        raise NotImplementedError

    def forward(self, batch: dict[str, Tensor]) -> Output:
        return self.model(batch)

    def train(self, mode: bool = True) -> Task:
        super().train(mode)
        if mode:
            train_mode(self.model)
        return self

    def on_fit_start(self) -> None:
        self.train()  # Lightning leaves the modes as it finds them: frozen parts would keep dropout

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        losses = self.losses(self(batch), batch)
        if not torch.isfinite(losses["loss"]):
            raise UserError(
                f"loss is {losses['loss'].item()} at step {self.global_step}"
                f" (epoch {self.current_epoch});"
                " try a smaller optim.lr or trainer.precision=32-true"
            )
        self.log_dict(
            {f"train/{name}": value.detach() for name, value in losses.items()},
            batch_size=len(batch["index"]),
        )
        return losses["loss"]

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self.score(self.val_metrics, self(batch), batch)

    def on_validation_epoch_end(self) -> None:
        values = self.val_metrics.compute()
        self.val_metrics.reset()
        self.log_dict({f"val/{name}": value for name, value in values.items()}, rank_zero_only=True)

    def on_test_epoch_start(self) -> None:
        self.rows = []
        self.test_metrics.reset()

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        logits = self.score(self.test_metrics, self(batch), batch)
        self.rows.append((batch["index"].cpu(), logits.float().cpu()))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out what is frozen: a run finds it where it began, and names it by a hash.

        Writing all of a large model would take longer than an epoch of its head.
        """
        frozen = frozen_parameters(self.model)
        for name in frozen:
            del checkpoint["state_dict"][f"model.{name}"]
        self.frozen_hash = self.frozen_hash or fingerprint(frozen)
        checkpoint["frozen"] = self.frozen_hash

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Raises UserError where the frozen weights are not those that the run began with."""
        frozen = frozen_parameters(self.model)
        if checkpoint["frozen"] != fingerprint(frozen):
            raise UserError(
                "the frozen weights are not those that this run was begun with: what"
                " --initialize_weights or --checkpoint names has changed since"
            )
        own = {f"model.{name}": value for name, value in frozen.items()}
        checkpoint["state_dict"] = checkpoint["state_dict"] | own

    def configure_optimizers(self) -> Any:
        trained = [p for p in self.model.parameters() if p.requires_grad]
        optimizer = torch.optim.RAdam(
            trained,
            lr=self.optim.lr,
            betas=(0.9, self.optim.beta2),
            weight_decay=self.optim.weight_decay,
            decoupled_weight_decay=True,
        )
        warmup = round(self.total_steps * self.optim.warmup_share)
        schedule = SCHEDULES[self.optim.schedule](optimizer, warmup, self.total_steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }
