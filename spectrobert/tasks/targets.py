"""Tasks with a number for each of several targets, in place of one right label."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..config import SentimentRegressionConfig
from ..config.tasks import DimensionalConfig, SerMultilabelConfig
from ..metrics import dimensional, multilabel, sentiment
from ..models.batch import Batch
from ..models.model import Output
from . import distributions, losses
from .base import Array, Statistics, Task

# task.loss -> loss of a batch, the same of an array of differences, its name
LOSSES: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Array], Array], str]] = {
    "l1": (losses.absolute, np.abs, "absolute"),
    "mse": (losses.squared, np.square, "squared"),
}


class Targets(Task):
    """One logit per target; `labels` are the targets' names."""

    head: ClassVar[str] = "classification"
    predicted_as: ClassVar[str] = "predicted"  # how a column of predictions.csv begins

    def rows(self, output: Output, batch: Batch) -> tuple[Tensor, Tensor]:
        return self.logits(output)[:, self.outputs], batch["targets"][:, self.targets]

    def predictions(self, outputs: Array, truth: Array) -> tuple[tuple[str, ...], list[list[Any]]]:
        header = [(name, f"{self.predicted_as}_{name}") for name in self.labels]
        pairs = np.stack([truth, self.shown(outputs)], axis=-1)  # (N, D, 2)
        cells = pairs.reshape(len(pairs), -1).tolist()
        return tuple(sum(header, ())), [[f"{cell:.6f}" for cell in row] for row in cells]

    def shown(self, outputs: Array) -> Array:
        """Outputs as predictions.csv holds them, (N, D) both."""
        return outputs


class Dimensional(Targets):
    """Arousal, valence, dominance. Loss: mean over dimensions of 1 - CCC of the batch."""

    options = DimensionalConfig

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        targets = distributions.mixed(batch["targets"], batch)
        return {"loss": losses.concordance(self.logits(output), targets)}

    def statistics(
        self, outputs: Array, truth: Array, questions: Array | None = None
    ) -> Statistics:
        return dimensional(outputs, truth, self.labels)


class SentimentRegression(Targets):
    """Sentiment between -3 and 3 (CMU-MOSEI). Loss: absolute or squared error (`task.loss`)."""

    options = SentimentRegressionConfig
    config: SentimentRegressionConfig

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        of_batch, _, _ = LOSSES[self.config.loss]
        return {"loss": of_batch(self.logits(output), distributions.mixed(batch["targets"], batch))}

    def statistics(
        self, outputs: Array, truth: Array, questions: Array | None = None
    ) -> Statistics:
        _, of_differences, name = LOSSES[self.config.loss]
        return sentiment(outputs[:, 0], truth[:, 0], of_differences, name)


class SerMultilabel(Targets):
    """Emotions, each there or not (CMU-MOSEI): present if the logit is above 0.

    Loss: binary cross entropy of each label.
    """

    options = SerMultilabelConfig
    config: SerMultilabelConfig
    predicted_as = "p"

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        targets = distributions.of_labels(batch, self.config.label_smoothing)
        logits, gamma = self.logits(output), self.config.focal_gamma
        if gamma:
            return {"loss": losses.focal_multilabel(logits, targets, self.class_weights, gamma)}
        return {"loss": losses.multilabel(logits, targets, self.class_weights)}

    def statistics(
        self, outputs: Array, truth: Array, questions: Array | None = None
    ) -> Statistics:
        return multilabel(outputs, truth, self.labels)

    def shown(self, outputs: Array) -> Array:
        return torch.from_numpy(outputs).double().sigmoid().numpy()
