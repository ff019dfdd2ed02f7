"""The owner of an architecture's sources of weights, if it has some of its own."""

from types import ModuleType

from ..config import Config
from . import av_hubert, encoders, speecht5

# model.architecture -> module with names, tokenizer, fields and load
OWNERS: dict[str, ModuleType] = {
    "composite": encoders,
    "speecht5": speecht5,
    "av_hubert": av_hubert,
}


def owner(config: Config) -> ModuleType | None:
    """The module that knows the checkpoints of the run's model; None for SpectroBERT's."""
    return OWNERS.get(getattr(config.model, "architecture", ""))


def names(config: Config) -> dict[str, str]:
    """Sources of the weights by option of `init`, "" for random ones; empty for other models."""
    own = owner(config)
    return own.names(config) if own else {}
