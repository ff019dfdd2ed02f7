"""SpectroBERT: one BERT stack over spectrogram patches and word pieces.

    import spectrobert

    config = spectrobert.compose("ser", "demo", model="tiny", **{"trainer.epochs": 3})
    results = spectrobert.fit(config)
    model = spectrobert.load("runs/demo_ser/seed0")
    answer = model.predict("clip.wav")

torch and its like are imported when a name is used, not with the package.
"""

import importlib
from typing import TYPE_CHECKING, Any

from .models.auto_classes import register_when_needed

if TYPE_CHECKING:
    from .models.spectrobert import SpectroBert
    from .protocols.scored import score
    from .run.evaluation import evaluate
    from .run.fit import fit
    from .run.load import load, predict
    from .settings import compose

__version__ = "0.1.0"
__all__ = ["SpectroBert", "compose", "evaluate", "fit", "load", "predict", "score"]

_MODULES = {
    "SpectroBert": "models.spectrobert",
    "compose": "settings",
    "evaluate": "run.evaluation",
    "fit": "run.fit",
    "load": "run.load",
    "predict": "run.load",
    "score": "protocols.scored",
}


def __getattr__(name: str) -> Any:
    """Import a public name on its first use."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


# transformers.AutoModel.from_pretrained knows a saved model of ours from here on
register_when_needed()
