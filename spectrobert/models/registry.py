"""The models of `model.architecture`. All have one call: `model(batch) -> Output`."""

from importlib import import_module

from ..config.model import ARCHITECTURES
from .model import Model


def _model_class(path: str) -> type[Model]:
    module, name = path.split(".")
    return getattr(import_module(f".{module}", __package__), name)


MODELS = {name: _model_class(known.model) for name, known in ARCHITECTURES.items()}
