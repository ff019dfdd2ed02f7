"""Averages of weights (`optim.average`), which are validated and saved in place of the last ones.

Moving averages: Polyak & Juditsky 1992; means of late steps: Izmailov et al. 2018 (SWA).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor

from ..config import OptimConfig
from ..models.freezing import frozen_parameters

AVERAGED = "state_dict"  # where Lightning's callback puts the average in a checkpoint
CURRENT = "current_model_state"  # and the weights that train
FIRST_STEPS = 10  # the average follows the weights closely at first


def ema(decay: float, average: Tensor, current: Tensor, updates: Tensor | int) -> Tensor:
    """The moving average after one more step; it forgets faster in the first steps."""
    count = int(updates)
    kept = min(decay, (1 + count) / (FIRST_STEPS + count))
    return torch.lerp(current, average, kept)


def mean(average: Tensor, current: Tensor, updates: Tensor | int) -> Tensor:
    """The mean after one more step."""
    return average + (current - average) / (int(updates) + 1)


class AveragedWeights(WeightAveraging):
    """Lightning's average, of the weights that train; frozen ones stay out of checkpoints.

    Args:
        total_steps: optimiser steps of the run.
    """

    def __init__(self, options: OptimConfig, total_steps: int):
        function: Callable[..., Tensor] = mean
        if options.average == "ema":
            function = partial(ema, options.ema_decay)
        super().__init__(use_buffers=False, avg_fn=function)
        self.first = 0
        if options.average == "swa":
            self.first = round(options.average_from * total_steps)

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        return step_idx is not None and step_idx >= self.first

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, *rest: Any) -> None:
        super().on_train_batch_end(trainer, module, *rest)
        if trainer.global_step <= self.first:  # the mean has not begun: it is the present weights
            assert self._average_model is not None
            self._copy(module)

    def _copy(self, module: pl.LightningModule) -> None:
        assert self._average_model is not None
        pairs = zip(self._average_model.module.parameters(), module.parameters())
        for average, current in pairs:
            average.data.copy_(current.data)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        super().on_save_checkpoint(trainer, pl_module, checkpoint)
        for name in self._frozen(pl_module):
            checkpoint.get(CURRENT, {}).pop(name, None)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        own = self._frozen(pl_module)
        whole = {key: checkpoint[key] | own for key in (AVERAGED, CURRENT)}
        super().on_load_checkpoint(trainer, pl_module, checkpoint | whole)

    @staticmethod
    def _frozen(module: Any) -> dict[str, Tensor]:
        """Weights that the task leaves out of checkpoints, by their names there."""
        return {f"model.{name}": value for name, value in frozen_parameters(module.model).items()}
