"""Models with a pre-training head, and batches of what their rows draw."""

from typing import Any

import torch

from spectrobert.config import OptimConfig, PretrainingConfig
from spectrobert.models.composite import Composite
from spectrobert.models.configuration import SpectroBertConfig
from spectrobert.models.spectrobert import SpectroBert
from spectrobert.tasks import TASKS
from spectrobert.tasks.pretraining import Pretraining

from .encoders import composite, noise, sound_batch, text_batch
from .toy import TOY

UNITS = {"num_units": 7, "first": 0.0125, "step": 0.01, "fingerprint": "x"}
OPTIONS: dict[str, dict[str, Any]] = {
    "masked_units": {"size": 8, "temperature": 0.1, "feature_penalty": 10.0} | UNITS,
    "contrastive": {
        **{"negatives": 5, "codebooks": 2, "codewords": 4, "codebook_size": 6, "size": 10},
        **{"temperature": 0.1, "diversity": 0.1, "feature_penalty": 0.0},
        **{"gumbel": [2.0, 0.5], "gumbel_decay": 0.999995},
    },
}


def speech(name: str, *objectives: str, **changes: Any) -> Composite:
    """A debug encoder in eval mode with these objectives."""
    chosen = {one: OPTIONS.get(one, {}) for one in objectives}
    return composite(name, head="pretraining", num_logits=0, objectives=chosen, **changes)


def spectrobert(*objectives: str) -> SpectroBert:
    """A toy SpectroBERT in eval mode with these objectives."""
    torch.manual_seed(0)
    chosen = {one: OPTIONS.get(one, {}) for one in objectives}
    return SpectroBert(SpectroBertConfig(**TOY, head="pretraining", objectives=chosen)).eval()


def task_of(model: Any, **options: Any) -> Pretraining:
    """The task of a model, each of its objectives weighed by 1."""
    weights = dict.fromkeys(model.config.objectives, 1.0)
    config = PretrainingConfig(objectives=weights, units="any", **options)
    made = TASKS["pre"](model, config, OptimConfig())
    assert isinstance(made, Pretraining)
    return made


def batch_of(*lengths: int) -> dict[str, Any]:
    """Clips of so many samples, with texts, units at 100 Hz and a number to draw from."""
    generator = torch.Generator().manual_seed(3)
    longest = max(lengths) // 160 + 1
    units = torch.randint(0, UNITS["num_units"], (len(lengths), longest), generator=generator)
    more = {"index": torch.arange(len(lengths)), "draw": torch.arange(len(lengths)) + 11}
    return {
        **sound_batch(noise(*lengths)),
        **text_batch(*(4 + i for i in range(len(lengths)))),
        **more,
        "units": units,
    }
