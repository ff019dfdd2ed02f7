"""Objectives of pre-training by name, what each needs, and their options."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..errors import UserError, unknown


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
    "masked_acoustic": ObjectiveEntry("masked_acoustic.MaskedAcoustic", of_audio=True),
    "unit_ctc": ObjectiveEntry(
        "unit_ctc.UnitCtc", of_audio=True, of_units=True, of_transcript=True, of_shared=True
    ),
}
DEFAULT = {"mlm": 0.5, "sap": 0.5}  # thesis 2.3.4
# Options of an earlier version -> the objective whose weight they were
REPLACED = {"mlm_weight": "mlm", "sap_weight": "sap"}


@dataclass
class NoOptions:
    """Options of an objective that has none."""


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
