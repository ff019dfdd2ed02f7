"""Tasks with a number for each of several targets, in place of one right label."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from ..models.batch import Batch
from ..models.spectrobert import Output
from .base import Task


class Targets(Task):
    """One logit a target; `labels` are the targets' names."""

    head: ClassVar[str] = "classification"

    def rows(self, output: Output, batch: Batch) -> tuple[Tensor, Tensor]:
        assert output.logits is not None
        return output.logits, batch["targets"]

    def answers(self, output: Output) -> Tensor:
        assert output.logits is not None
        return output.logits

    def predictions(
        self, outputs: np.ndarray, truth: np.ndarray
    ) -> tuple[tuple[str, ...], list[list[Any]]]:
        header = [(name, f"{self.predicted_as}_{name}") for name in self.labels]
        pairs = np.stack([truth, self.shown(outputs)], axis=-1)  # (N, D, 2)
        cells = pairs.reshape(len(pairs), -1).tolist()
        return tuple(sum(header, ())), [[f"{cell:.6f}" for cell in row] for row in cells]

    predicted_as: ClassVar[str] = "predicted"  # how a column of predictions.csv begins

    def shown(self, outputs: np.ndarray) -> np.ndarray:
        """What predictions.csv shows of the outputs, (N, D) both."""
        return outputs
