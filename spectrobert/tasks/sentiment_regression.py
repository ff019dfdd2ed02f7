"""Sentiment as a number between -3 and 3 (CMU-MOSEI)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import Tensor

from ..config import SentimentRegressionConfig
from ..metrics import Statistic, sentiment
from ..models.batch import Batch
from ..models.spectrobert import Output
from . import losses
from .targets import Targets

# task.loss -> loss of a batch, the same of an array of differences, its name
LOSSES: dict[
    str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[np.ndarray], np.ndarray], str]
] = {
    "l1": (losses.absolute, np.abs, "absolute"),
    "mse": (losses.squared, np.square, "squared"),
}


class SentimentRegression(Targets):
    """Loss: the absolute or the squared error (`task.loss`)."""

    config: SentimentRegressionConfig

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        assert output.logits is not None
        of_batch, _, _ = LOSSES[self.config.loss]
        return {"loss": of_batch(output.logits, batch["targets"])}

    def statistics(
        self, outputs: np.ndarray, truth: np.ndarray, questions: np.ndarray | None = None
    ) -> dict[str, Statistic]:
        _, of_differences, name = LOSSES[self.config.loss]
        return sentiment(outputs[:, 0], truth[:, 0], of_differences, name)
