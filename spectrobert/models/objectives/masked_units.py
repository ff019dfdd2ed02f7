"""HuBERT's objective (Hsu et al. 2021): the unit of each masked audio token.

    p(c | t) = softmax_c( cos(A h_t, e_c) / temperature )

with h_t behind all layers, A a Linear and e_c a row of a table. The loss is the mean cross entropy
of the masked tokens, and a penalty of the convolved features. Of SpeechLM, which has layers that
speech and units share, the tokens below them are compared as well, by layers of their own (UMLM).
`unmasked` weighs the mean cross entropy of the other tokens (AV-HuBERT's alpha; 0 there in base).
The number of masked tokens is not made equal in a batch, as fairseq does: a row then draws what it
draws alone.

Shapes: B batch, N audio tokens, K masked tokens, D width.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from ..batch import IGNORED, Batch
from ..model import AudioSizes, Output
from .base import Objective, Terms, audio_of, feature_penalty
from .counting import mean_of


class Comparison(nn.Module):
    """Cosines of projected tokens with a table of units, over a temperature.

    Args:
        width: D.
        options: of MaskedUnits.
    """

    def __init__(self, width: int, options: Mapping[str, Any]):
        super().__init__()
        self.temperature: float = options["temperature"]
        self.projection = nn.Linear(width, options["size"])
        self.table = nn.Parameter(torch.rand(options["num_units"], options["size"]))

    def forward(self, hidden: Tensor) -> Tensor:
        """(K, D) -> logits (K, clusters), in float32."""
        projected = F.normalize(self.projection(hidden).float(), dim=-1)
        return F.linear(projected, F.normalize(self.table.float(), dim=-1)) / self.temperature


class MaskedUnits(Objective):
    """The units of masked audio tokens, among all clusters."""

    name: ClassVar[str] = "masked_units"
    unit: ClassVar[str] = "masked audio tokens"
    mask_share: ClassVar[float] = 0.8
    needs_audio: ClassVar[bool] = True

    def __init__(self, options: Mapping[str, Any], sizes: AudioSizes | None):
        super().__init__(options, sizes)
        assert sizes is not None
        self.penalty: float = options["feature_penalty"]
        self.unmasked: float = options.get("unmasked", 0.0)  # models of before had none
        self.units = Comparison(sizes.hidden, options)
        self.lower = Comparison(sizes.between, options) if sizes.between else None

    def reset(self) -> None:
        for part in filter(None, (self.units, self.lower)):
            init.uniform_(part.table)

    def terms(self, output: Output, batch: Batch) -> Terms:
        return self._terms(output, batch, batch["masked"])

    def _terms(self, output: Output, batch: Batch, chosen: Tensor) -> Terms:
        """Costs of the chosen (B, N) tokens that have a unit."""
        audio, units = audio_of(output), batch["units"]
        row, token = torch.nonzero(chosen & (units != IGNORED), as_tuple=True)  # (K,)
        logits, targets = self.units(audio.hidden[row, token]), units[row, token]
        costs = F.cross_entropy(logits, targets, reduction="none")
        if self.lower is not None:
            assert audio.between is not None
            lower = self.lower(audio.between[row, token])
            costs = costs + F.cross_entropy(lower, targets, reduction="none")
        return Terms(costs, logits.argmax(dim=-1) == targets, row)

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        terms, audio = self.terms(output, batch), audio_of(output)
        cross_entropy = mean_of(terms.cost.sum(), terms.cost)
        penalty = feature_penalty(audio)
        losses = {
            "loss": cross_entropy + self.penalty * penalty,
            "cross_entropy": cross_entropy,
            "penalty": penalty,
            "accuracy": mean_of(terms.is_right.float().sum(), terms.cost),
        }
        if self.unmasked:
            others = self._terms(output, batch, audio.mask & ~batch["masked"])
            losses["unmasked"] = mean_of(others.cost.sum(), others.cost)
            losses["loss"] = losses["loss"] + self.unmasked * losses["unmasked"]
        return losses
