"""The base of all tasks: the optimiser, the steps, and scoring over the whole set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, cast

import numpy as np
import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from .. import metrics
from ..config import OptimConfig, TaskConfig
from ..errors import UserError
from ..metrics import Statistic
from ..metrics.collected import Collected
from ..models.batch import Batch
from ..models.freezing import fingerprint, frozen_parameters, train_mode
from ..models.model import Model, Output
from . import optimisers
from .losses import average

Array = np.ndarray
Statistics = dict[str, Statistic]


class Task(LightningModule):
    """A model, a loss and metrics. A subclass names its head and its options.

    Args:
        model: with the head that `head` and `num_logits` ask for.
        labels: the classes or targets, in the order of the logits; empty for pre-training.
        class_weights: (C,) by class or label, or None.
        total_steps: optimiser steps of the whole run, for the schedule.

    Raises UserError if `optim.lr_of` names a part that the model does not have.
    """

    options: ClassVar[type[TaskConfig]]
    head: ClassVar[str]
    class_weights: Tensor | None

    def __init__(
        self,
        model: Model,
        config: TaskConfig,
        optim: OptimConfig,
        labels: tuple[str, ...] = (),
        class_weights: Tensor | None = None,
        total_steps: int = 1,
    ):
        super().__init__()
        optimisers.rate_owners(model, optim.lr_of)  # refuses unknown parts before training
        self.model = model
        self.config = config
        self.optim = optim
        self.labels = labels
        self.unseen: tuple[str, ...] = ()  # answers numbered after the labels; they have no logit
        # Those of `labels` among the logits, and among a row's targets
        self.outputs: Any = slice(None)
        self.targets: Any = slice(None)
        self.total_steps = total_steps
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.val_rows, self.test_rows = Collected(), Collected()
        self.split = "val"  # that is answered
        self.plateau: optimisers.Plateau | None = None
        self.frozen_hash = ""  # of the frozen weights, once a checkpoint has been written

    @staticmethod
    def num_logits(labels: tuple[str, ...]) -> int:
        """Width of the head for these labels."""
        return len(labels)

    def restrict(
        self, labels: Sequence[str], outputs: Sequence[int], targets: Sequence[int]
    ) -> None:
        """Score these labels alone, as if the model had no other logits.

        Args:
            outputs: numbers of their logits.
            targets: their numbers among the targets of a row; not used for classes.
        """
        self.labels, self.outputs, self.targets = tuple(labels), list(outputs), list(targets)

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        """Scalars, of which `loss` is minimised."""
        raise NotImplementedError

    @staticmethod
    def logits(output: Output) -> Tensor:
        """(B, num_logits) of a classification head."""
        assert output.logits is not None
        return output.logits

    def rows(self, output: Output, batch: Batch) -> tuple[Tensor, Tensor]:
        """Outputs (B, ...) and truth (B, ...), from which a set is scored, one row an example."""
        raise NotImplementedError

    def statistics(
        self, outputs: Array, truth: Array, questions: Array | None = None
    ) -> Statistics:
        """Metrics of a set from all its rows, (N, ...) and (N, ...).

        Args:
            questions: (N,) numbers, equal for the same question on the same recording; None if
                unknown, as during validation.
        """
        raise NotImplementedError

    def split_statistics(
        self,
        split: str,
        index: Array,
        outputs: Array,
        truth: Array,
        questions: Array | None = None,
    ) -> Statistics:
        """`statistics` of the rows `index` (N,) of a split, with what else is known of them."""
        return self.statistics(outputs, truth, questions)

    def predictions(self, outputs: Array, truth: Array) -> tuple[tuple[str, ...], list[list[Any]]]:
        """Header and cells of predictions.csv, one line per row of `rows`."""
        raise NotImplementedError

    def split_predictions(
        self, split: str, index: Array, outputs: Array, truth: Array
    ) -> tuple[tuple[str, ...], list[list[Any]]]:
        """`predictions` of the rows `index` (N,) of a split, with what else is known of them."""
        return self.predictions(outputs, truth)

    def forward(self, batch: Batch) -> Output:
        return self.model(batch)

    def train(self, mode: bool = True) -> Task:
        super().train(mode)
        if mode:
            train_mode(self.model)
        return self

    def on_fit_start(self) -> None:
        self.train()  # Lightning leaves the modes as it finds them: frozen parts would keep dropout

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        if "index" not in batch:
            first = batch["unread"][0]
            raise UserError(
                f"none of the {len(batch['unread'])} clips of a training batch could be read; the"
                f" first: {first.recording}: {first.fault}"
            )
        output = self(batch)
        losses = self.losses(output, batch)
        if output.losses:
            extra = torch.stack(list(output.losses.values())).sum()
            losses = losses | output.losses | {"loss": losses["loss"] + extra}
        # Of the whole batch: every process has the same values, and all stop together
        values = dict(zip(losses, average(torch.stack(list(losses.values())))))
        if not torch.isfinite(values["loss"]):
            raise UserError(
                f"loss is {values['loss'].item()} at step {self.global_step}"
                f" (epoch {self.current_epoch});"
                " try a smaller optim.lr or trainer.precision=32-true"
            )
        self.log_dict(
            {f"train/{name}": value for name, value in values.items()},
            batch_size=len(batch["index"]),
        )
        return losses["loss"]

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        if "index" in batch:  # else nothing of it could be read
            self.val_rows.update(batch["index"], *self.rows(self(batch), batch))

    def require_monitor(self, measured: Iterable[str]) -> None:
        """Raise UserError if `task.monitor` names a validation metric that is not measured."""
        monitor, known = self.config.monitor, list(measured)
        if monitor.startswith("val/") and monitor not in known:
            classes = f" with {len(self.labels)} classes" if self.labels else ""
            raise UserError(
                f"task.monitor={monitor} is not measured here{classes};"
                f" allowed are {', '.join(known)}"
            )

    def on_validation_epoch_end(self) -> None:
        index, outputs, truth = self.val_rows.compute()
        self.val_rows.reset()
        values = metrics.values(self.split_statistics("val", index, outputs, truth), len(index))
        logged = {f"val/{name}": value for name, value in values.items()}
        self.require_monitor(logged)
        # Rows are gathered from all processes: each logs, and monitors, the same values
        self.log_dict(logged)

    def on_validation_end(self) -> None:
        # Lightning would step a plateau only after the checkpoint of the epoch has been written
        if self.plateau is not None:
            self.plateau.observe(float(self.trainer.callback_metrics[self.config.monitor]))
            optimisers.rescale(cast(LambdaLR, self.lr_schedulers()))

    def on_test_epoch_start(self) -> None:
        self.test_rows.reset()

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        if "index" in batch:
            self.test_rows.update(batch["index"], *self.rows(self(batch), batch))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out frozen weights: a resumed run loads them again, and compares their hash.

        Writing all of a large model would take longer than an epoch of its head.
        """
        frozen = frozen_parameters(self.model)
        for name in frozen:
            del checkpoint["state_dict"][f"model.{name}"]
        self.frozen_hash = self.frozen_hash or fingerprint(frozen)
        checkpoint["frozen"] = self.frozen_hash

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Raises UserError if the frozen weights are not those that the run began with."""
        frozen = frozen_parameters(self.model)
        if checkpoint["frozen"] != fingerprint(frozen):
            raise UserError(
                "the frozen weights are not those that this run was begun with: what"
                " --initialize_weights or --checkpoint names has changed since"
            )
        own = {f"model.{name}": value for name, value in frozen.items()}
        checkpoint["state_dict"] = checkpoint["state_dict"] | own

    def configure_optimizers(self) -> Any:
        optimizer = optimisers.optimiser(self.model, self.optim)
        schedule, self.plateau = optimisers.schedule(
            optimizer, self.optim, self.total_steps, self.config.mode
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }
