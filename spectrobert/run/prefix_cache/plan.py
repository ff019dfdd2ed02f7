"""How far up a model is frozen, and whether what lies below may be kept."""

from __future__ import annotations

from itertools import takewhile

import pyarrow.compute as pc
import torch
from torch import Tensor, nn

from ...config import Config
from ...data.clips import columns
from ...data.preparation import Prepared
from ...models.batch import Batch
from ...models.spectrobert import Sequence, SpectroBert


def frozen_depth(model: SpectroBert) -> int | None:
    """Layers of the stack below the first part that trains; None if their input trains."""
    parts = model.parts().items()
    below = [name for name, _ in takewhile(lambda part: not any(map(_trains, part[1])), parts)]
    layers = [name for name in below if name.startswith("encoder.")]
    return len(layers) if "audio.projection" in below else None


def _trains(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())


def frozen_values(model: SpectroBert, depth: int) -> dict[str, Tensor]:
    """The weights that `compute` runs through."""
    above = {"head", *(f"encoder.{i}" for i in range(depth, len(model.encoder.layer)))}
    return {
        f"{part}.{number}.{name}": value
        for part, modules in model.parts().items()
        if part not in above
        for number, module in enumerate(modules)
        for name, value in module.state_dict().items()
    }


def compute(model: SpectroBert, batch: Batch, depth: int) -> Sequence:
    """The sequence before layer `depth`; behind all layers h_[CLS] alone, as one token."""
    sequence = model.start(batch)
    if depth < len(model.encoder.layer):
        return model.run_layers(sequence, depth)
    cls = model.cls(batch)
    one = torch.ones(cls.shape[:2], dtype=torch.bool, device=cls.device)
    return Sequence(cls, one, 1, depth)


def describe(model: SpectroBert, depth: int) -> str:
    """What is kept, in words."""
    is_all = depth == len(model.encoder.layer)
    return "h_[CLS]" if is_all else f"hidden states before encoder.{depth}"


def why_not(config: Config, model: SpectroBert, prepared: Prepared) -> str:
    """Reason why this run caches nothing; "" if it may. One rule per line; the first that holds.

    Anything redrawn in every epoch below the first trainable part belongs here.
    """
    options, dataset = config.trainer, config.dataset
    lengths = [columns(rows, "seconds")["seconds"] for rows in prepared.splits.values()]
    longest = max(pc.max(length).as_py() or 0.0 for length in lengths)
    unknown = sum(pc.sum(pc.equal(length, 0.0)).as_py() or 0 for length in lengths)
    limited = options.max_steps * options.accumulate * options.batch_size
    rules = (
        (options.prefix_cache == "off", "trainer.prefix_cache=off"),
        (model.config.head != "classification", "words and pairs are drawn anew in every epoch"),
        (_trains(model.audio_encoder), "the audio encoder trains, only the log-mel lies below it"),
        (_trains(model.embeddings), "the embeddings train, only the audio tokens lie below them"),
        (
            dataset.crop == "random" and longest > dataset.max_seconds,
            f"dataset.crop=random, and clips are up to {longest:.1f} s long",
        ),
        (
            dataset.crop == "random" and unknown > 0,
            f"dataset.crop=random, and the lengths of {unknown} clips are not known"
            f" (dataset.check={dataset.check})",
        ),
        (
            0 <= limited < len(prepared.splits["train"]),
            f"trainer.max_steps={options.max_steps} is less than one epoch",
        ),
    )
    return next((reason for holds, reason in rules if holds), "")
