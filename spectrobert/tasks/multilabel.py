"""Several emotions at once, each there or not (CMU-MOSEI)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..metrics import Statistic, multilabel
from ..models.batch import Batch
from ..models.spectrobert import Output
from . import losses
from .targets import Targets


class SerMultilabel(Targets):
    """Loss: binary cross entropy of each label; a label is predicted where its logit is above 0."""

    predicted_as = "p"

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        assert output.logits is not None
        return {"loss": losses.multilabel(output.logits, batch["targets"], self.class_weights)}

    def statistics(
        self, outputs: np.ndarray, truth: np.ndarray, questions: np.ndarray | None = None
    ) -> dict[str, Statistic]:
        return multilabel(outputs, truth, self.labels)

    def answers(self, output: Output) -> Tensor:
        return super().answers(output).double().sigmoid()

    def shown(self, outputs: np.ndarray) -> np.ndarray:
        return torch.from_numpy(outputs).double().sigmoid().numpy()
