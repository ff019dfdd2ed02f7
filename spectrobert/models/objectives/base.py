"""The contract of an objective of pre-training.

What a row draws depends on (seed, epoch, row) alone, through `batch["draw"]`: a resumed run draws
what the uninterrupted one would have drawn.

Shapes: B batch, N audio tokens, K predictions of a batch, R rows of a set, S sums of a row.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...metrics.statistic import Statistic
from ..batch import Batch
from ..model import AudioSizes, AudioTokens, Output
from .counting import mean_of

Statistics = dict[str, Statistic]
Cells = tuple[tuple[str, ...], list[list[Any]]]


class Terms(NamedTuple):
    """All predictions of a batch: a cost each, if it is right, and the row it belongs to."""

    cost: Tensor  # (K,)
    is_right: Tensor  # (K,)
    row: Tensor  # (K,) from 0 to B - 1


class Objective(nn.Module):
    """One loss of pre-training: its layers, what it draws, its loss and its metrics.

    A subclass gives `terms`; all else has a default.

    Args:
        options: of its layers, kept in the model's configuration.
        sizes: widths of the model's audio tokens; None if the model hears nothing.
    """

    name: ClassVar[str]
    unit: ClassVar[str]  # what is predicted, in the plural
    cost: ClassVar[str] = "mean cross entropy"
    mask_share: ClassVar[float] = 0.0  # of audio tokens in masked spans; 0: it masks none
    needs_audio: ClassVar[bool] = False  # it reads `Output.audio`
    needs_acoustic: ClassVar[bool] = False  # it reads log-mels of `Output.audio`
    columns: ClassVar[int] = 3  # S

    def __init__(self, options: Mapping[str, Any], sizes: AudioSizes | None):
        super().__init__()

    def reset(self) -> None:
        """Draw first values of parameters that are no module's of torch."""

    def draw(self, generator: np.random.Generator, masked: np.ndarray) -> dict[str, np.ndarray]:
        """Whatever else a row draws, by field of the batch; padded with 0 and stacked.

        Args:
            masked: (n,) True at the masked ones of the row's own audio tokens.
        """
        return {}

    def at_step(self, step: int) -> None:
        """Called before each optimiser step of training with its number, from 0."""

    def terms(self, output: Output, batch: Batch) -> Terms:
        """Costs of all predictions of a batch."""
        raise NotImplementedError

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        """Scalars for the curves; `loss` is weighed and minimised."""
        cost = self.terms(output, batch).cost
        return {"loss": mean_of(cost.sum(), cost)}

    def rows(self, output: Output, batch: Batch) -> Tensor:
        """(B, S) per row: the summed costs of its predictions, how many are right, how many are."""
        cost, is_right, row = self.terms(output, batch)
        each = torch.stack([cost, is_right.float(), torch.ones_like(cost)], dim=-1)  # (K, 3)
        return cost.new_zeros(len(batch["index"]), 3).index_add(0, row, each)

    def statistics(self, rows: np.ndarray, truth: np.ndarray) -> Statistics:
        """Metrics of a set from its (R, S) rows; `<name>_loss` is the first."""
        of = self.unit
        cost, right, number = np.asarray(rows, dtype=np.float64).T
        return {
            f"{self.name}_loss": per_unit(cost, number, f"{self.cost} of the {of}", of),
            f"{self.name}_accuracy": per_unit(
                right, number, f"share of the {of} that are right", of
            ),
        }

    def predictions(self, rows: np.ndarray, truth: np.ndarray) -> Cells:
        """Header and cells of predictions.csv: the mean cost of each row."""
        means = rows[:, 0] / np.maximum(1.0, rows[:, 2])
        return (f"{self.name}_loss",), [[f"{mean:.6f}"] for mean in means.tolist()]


def audio_of(output: Output) -> AudioTokens:
    """The audio tokens of an output."""
    assert output.audio is not None
    return output.audio


def feature_penalty(audio: AudioTokens) -> Tensor:
    """Mean square of the convolved features of real tokens (fairseq's `features_pen`): ()."""
    return audio.features[audio.mask].float().square().mean()


def per_unit(values: np.ndarray, number: np.ndarray, meaning: str, unit: str) -> Statistic:
    """Sums (R,) per unit of (R,) units; a set in which nothing was masked has cost nothing."""
    return Statistic(
        lambda weights: float(weights @ values / max(1.0, weights @ number)),
        int(number.sum()),
        meaning,
        unit,
    )
