"""Masked acoustic modelling (CTAL, Li et al. 2021): the log-mels of masked audio tokens."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from ..batch import Batch
from ..model import AudioSizes, Output
from .base import Objective, Statistics, Terms


class MaskedAcoustic(Objective):
    """Absolute error of one Linear on masked tokens, mean over the values of a token.

    A hidden token is the learned vector that other objectives put there, where CTAL has zeros
    before its first Linear: a reading of ours. CTAL's spans and its shares of tokens that are
    swapped or kept are options of the task.
    """

    name: ClassVar[str] = "masked_acoustic"
    unit: ClassVar[str] = "masked audio tokens"
    cost: ClassVar[str] = "mean absolute error"
    mask_share: ClassVar[float] = 0.15
    needs_audio: ClassVar[bool] = True
    needs_acoustic: ClassVar[bool] = True

    def __init__(self, options: Mapping[str, Any], sizes: AudioSizes | None):
        super().__init__(options, sizes)
        assert sizes is not None
        self.predict = nn.Linear(sizes.hidden, sizes.acoustic)

    def terms(self, output: Output, batch: Batch) -> Terms:
        audio, masked = output.audio, batch["masked"]
        assert audio is not None
        assert audio.acoustic is not None
        predicted = self.predict(audio.hidden[masked]).float()  # (K, A)
        cost = (predicted - audio.acoustic[masked].float()).abs().mean(dim=1)
        return Terms(cost, torch.zeros_like(cost), masked.nonzero()[:, 0])

    def statistics(self, rows: np.ndarray, truth: np.ndarray) -> Statistics:
        """The loss alone: no prediction is right or wrong."""
        own = super().statistics(rows, truth)
        return {f"{self.name}_loss": own[f"{self.name}_loss"]}
