"""The plan of a cache: depth of the frozen layers, reasons against, the entry."""

from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import torch
from torch import Tensor, nn

from ...config import Config
from ...data.clips import columns
from ...data.preparation import Prepared
from ...models.batch import Batch
from ...models.freezing import fingerprint
from ...models.spectrobert import Sequence, SpectroBert
from ..loaders import DataModule
from . import keys, storage
from .keys import Pairs


@dataclass(frozen=True)
class Plan:
    """The activations of a run and where they are cached."""

    path: Path
    what: str
    depth: int  # layers behind them
    pairs: Pairs
    num_bytes: int  # estimated from the lengths of the clips
    facts: dict[str, Any]


def make(config: Config, model: SpectroBert, data: DataModule, precision: str) -> Plan:
    """The plan of a run that `reason_against` has no reason against."""
    depth = frozen_depth(model)
    assert depth is not None
    pairs = keys.distinct(data.prepared, data.read_options)
    is_vector = depth == len(model.encoder.layer)
    tokens = len(pairs) if is_vector else keys.num_tokens(pairs, model.config, data.read_options)
    facts = keys.facts(model.config, data.read_options, depth, precision, config.trainer)
    weights = fingerprint(frozen_values(model, depth))
    return Plan(
        storage.folder() / keys.entry_key(facts, weights, pairs),
        "h_[CLS]" if is_vector else f"hidden states before encoder.{depth}",
        depth,
        pairs,
        tokens * model.config.hidden_size * storage.VALUE.itemsize,
        facts,
    )


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
    if depth < len(model.encoder.layer):
        return model.run_layers(model.start(batch), depth)
    cls = model.cls(batch)
    mask = torch.ones(cls.shape[:2], dtype=torch.bool, device=cls.device)
    return Sequence(cls, mask, 1, depth)


def reason_against(config: Config, model: SpectroBert, prepared: Prepared) -> str:
    """The reason why this run caches nothing; "" if it may. The first rule that holds.

    Anything drawn again in every epoch below the first trainable part belongs here.
    """
    options, dataset = config.trainer, config.dataset
    lengths = [columns(rows, "seconds")["seconds"] for rows in prepared.splits.values()]
    longest = max(pc.max(length).as_py() or 0.0 for length in lengths)
    unknown = sum(pc.sum(pc.equal(length, 0.0)).as_py() or 0 for length in lengths)
    limited = options.max_steps * options.accumulate * options.batch_size
    rules = (
        (options.prefix_cache == "off", "trainer.prefix_cache=off"),
        (model.config.head != "classification", "words and pairs are drawn again in every epoch"),
        (_trains(model.audio_encoder), "the audio encoder trains, only the log-mel lies below it"),
        (_trains(model.embeddings), "the embeddings train, only the audio tokens lie below them"),
        (
            dataset.crop == "random" and longest > dataset.max_seconds,
            f"dataset.crop=random, and clips are up to {longest:.1f} s long",
        ),
        (
            dataset.crop == "random" and unknown > 0,
            f"dataset.crop=random, and the lengths of {unknown} clips are unknown"
            f" (dataset.check={dataset.check})",
        ),
        (
            0 <= limited < len(prepared.splits["train"]),
            f"trainer.max_steps={options.max_steps} is less than one epoch",
        ),
    )
    return next((reason for holds, reason in rules if holds), "")
