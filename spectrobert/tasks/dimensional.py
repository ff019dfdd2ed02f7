"""Dimensional emotion: arousal, valence, dominance, scored by concordance."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ..metrics import Statistic, dimensional
from ..models.batch import Batch
from ..models.spectrobert import Output
from . import losses
from .targets import Targets


class Dimensional(Targets):
    """Loss: mean over dimensions of 1 - CCC of the batch."""

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        assert output.logits is not None
        return {"loss": losses.concordance(output.logits, batch["targets"])}

    def statistics(
        self, outputs: np.ndarray, truth: np.ndarray, questions: np.ndarray | None = None
    ) -> dict[str, Statistic]:
        return dimensional(outputs, truth, self.labels)
