"""The models that `model.architecture` may name. All have one call: `model(batch) -> Output`."""

from __future__ import annotations

from .late_fusion import LateFusion
from .spectrobert import SpectroBert

MODELS: dict[str, type[SpectroBert]] = {"spectrobert": SpectroBert, "late_fusion": LateFusion}
