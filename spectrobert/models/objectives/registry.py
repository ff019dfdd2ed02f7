"""The objectives of `task.objectives`, built by name."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ...config.objectives import OBJECTIVES
from ..model import AudioSizes
from .base import Objective


def objective_class(name: str) -> type[Objective]:
    """The class of an objective."""
    module, kind = OBJECTIVES[name].where.split(".")
    return getattr(import_module(f".{module}", __package__), kind)


def build(
    chosen: Mapping[str, Mapping[str, Any]], sizes: AudioSizes | None
) -> dict[str, Objective]:
    """Objectives by name, in the order of `chosen`, which holds their options."""
    return {name: objective_class(name)(options, sizes) for name, options in chosen.items()}
