"""Objectives of pre-training by name, what each needs, and their options."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import UserError, unknown
from .checks import at_least, share_above_zero


class ObjectiveEntry(NamedTuple):
    """An objective: its class, and what it needs of a model and a corpus."""

    where: str  # module and class in spectrobert/models/objectives
    of_text: bool = False  # a text, and a model that reads one
    of_audio: bool = False  # a model that hears
    of_pairs: bool = False  # a model in whose one stack text and audio mix
    of_units: bool = False  # task.units
    of_transcript: bool = False  # a text, which the model need not read
    of_shared: bool = False  # a stack that speech and units share (model=speechlm)


# task.objectives -> what it is
OBJECTIVES: dict[str, ObjectiveEntry] = {
    "mlm": ObjectiveEntry("mlm.MaskedWords", of_text=True),
    "sap": ObjectiveEntry("sap.Match", of_text=True, of_audio=True, of_pairs=True),
    "masked_units": ObjectiveEntry("masked_units.MaskedUnits", of_audio=True, of_units=True),
    "contrastive": ObjectiveEntry("contrastive.Contrastive", of_audio=True),
    "masked_acoustic": ObjectiveEntry("masked_acoustic.MaskedAcoustic", of_audio=True),
    "unit_ctc": ObjectiveEntry(
        "unit_ctc.UnitCtc", of_audio=True, of_units=True, of_transcript=True, of_shared=True
    ),
}
DEFAULT = {"mlm": 0.5, "sap": 0.5}  # thesis 2.3.4
# Options of an earlier version -> the objective whose weight they were
REPLACED = {"mlm_weight": "mlm", "sap_weight": "sap"}


@dataclass
class MaskedUnitsConfig:
    """HuBERT's loss. The defaults are those of HuBERT base."""

    size: int = 256  # width in which tokens and units are compared
    temperature: float = 0.1  # of the cosines
    feature_penalty: float = 10.0  # weight of the mean square of the convolved features
    unmasked: float = 0.0  # weight of the units of audio tokens that are not masked

    def __post_init__(self) -> None:
        _check_sizes("task.masked_units", self, ("size",))
        at_least("task.masked_units.unmasked", self.unmasked, 0)


@dataclass
class ContrastiveConfig:
    """wav2vec 2.0's loss. The defaults are those of wav2vec 2.0 base."""

    negatives: int = 100  # other masked tokens of the clip that each masked token is compared with
    codebooks: int = 2
    codewords: int = 320  # of each codebook
    codebook_size: int = 256  # width of the codewords of all codebooks together
    size: int = 256  # width in which tokens and codewords are compared
    temperature: float = 0.1  # of the cosines
    diversity: float = 0.1  # weight of the unused share of the codebooks
    feature_penalty: float = 10.0  # weight of the mean square of the convolved features
    # Temperature of the Gumbel softmax: from the first, times gumbel_decay per step, to the second
    gumbel: list[float] = field(default_factory=lambda: [2.0, 0.5])
    gumbel_decay: float = 0.999995

    def __post_init__(self) -> None:
        counts = ("negatives", "codebooks", "codewords", "codebook_size", "size")
        _check_sizes("task.contrastive", self, counts)
        if self.codebook_size % self.codebooks:
            raise UserError(
                f"task.contrastive.codebook_size={self.codebook_size} is not a multiple of"
                f" task.contrastive.codebooks={self.codebooks}"
            )
        if len(self.gumbel) != 2 or not self.gumbel[0] >= self.gumbel[1] > 0:
            raise UserError(
                f"task.contrastive.gumbel={self.gumbel}: two numbers above 0, the higher one first"
            )
        share_above_zero("task.contrastive.gumbel_decay", self.gumbel_decay)
        at_least("task.contrastive.diversity", self.diversity, 0)


def _check_sizes(group: str, options: Any, counts: Iterable[str]) -> None:
    """Raise UserError for a count below 1, a temperature of 0, or a negative penalty."""
    for name in counts:
        at_least(f"{group}.{name}", getattr(options, name), 1)
    if not 0 < options.temperature < math.inf:
        raise UserError(f"{group}.temperature={options.temperature}: must be above 0 and finite")
    at_least(f"{group}.feature_penalty", options.feature_penalty, 0)


# Objectives with options of their own, which are groups of the task's
OPTIONS: dict[str, type] = {"masked_units": MaskedUnitsConfig, "contrastive": ContrastiveConfig}


def check_weights(weights: Mapping[str, float]) -> None:
    """Raise UserError for an unknown objective, or weights of which none is above 0."""
    for name, weight in weights.items():
        if name not in OBJECTIVES:
            raise unknown("objective", name, OBJECTIVES)
        if not 0 <= weight < math.inf:
            raise UserError(f"task.objectives.{name}={weight}: must be 0 or more and finite")
    if not any(weights.values()):
        raise UserError(f"task.objectives={written(weights)}: one weight must be above 0")


def written(weights: Mapping[str, float]) -> str:
    """As an override has it: {mlm: 0.5, sap: 0.5}."""
    return "{" + ", ".join(f"{name}: {weight:g}" for name, weight in weights.items()) + "}"


def need(names: Iterable[str], what: str) -> list[str]:
    """Those of the objectives that need `what`: "text", "audio", "pairs", "units" and the like."""
    return [name for name in names if getattr(OBJECTIVES[name], f"of_{what}")]


def masking(names: Iterable[str]) -> list[str]:
    """Those of the objectives that mask audio tokens, or draw among them."""
    return [name for name in need(names, "audio") if not OBJECTIVES[name].of_pairs]


def reading(names: Iterable[str]) -> str:
    """The rows that pre-training reads: "pre", "pre:text" without pairs, or "pre:audio" alone."""
    if need(names, "pairs"):
        return "pre"
    has_text = need(names, "text") or need(names, "transcript")
    return "pre:text" if has_text else "pre:audio"


def upgraded(task: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a pre-training run of any version: old weights become `objectives`."""
    kept = {name: value for name, value in task.items() if name not in REPLACED}
    old = {REPLACED[name]: value for name, value in task.items() if name in REPLACED}
    return kept | ({"objectives": DEFAULT | old} if old else {})
