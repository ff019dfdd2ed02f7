"""Which parts of a model train (thesis 4.2.2).

A part is a name a researcher would use: `head`, `audio`, `embeddings`, `encoder`, one layer of it
(`encoder.0`, `encoder.-1`), half of the audio encoder (`audio.conv`, `audio.projection`), or `all`.
What is frozen gets no gradient, runs in eval mode (no dropout) and is not given to the optimiser.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from ..errors import UserError
from .spectrobert import SpectroBert


def parts(model: SpectroBert) -> dict[str, list[nn.Module]]:
    """Every part by name. `audio.*` and `encoder.N` are pieces of `audio` and `encoder`."""
    audio = model.audio_encoder
    layers = list(model.encoder.layer)
    named: dict[str, list[nn.Module]] = {
        "all": [model],
        "head": [model.head],
        "audio": [audio],
        "audio.conv": [audio.conv_layers],
        "audio.projection": [audio.layer_norm, audio.projection],
        "embeddings": [model.embeddings],
        "encoder": [model.encoder],
    }
    for i, layer in enumerate(layers):
        named[f"encoder.{i}"] = named[f"encoder.{i - len(layers)}"] = [layer]
    return named


@dataclass(frozen=True)
class FreezeSummary:
    """What trains, for the terminal and results.json."""

    name: str
    train: tuple[str, ...]
    counts: dict[str, tuple[int, int]]  # part -> (parameters that train, all parameters)

    @property
    def trainable(self) -> int:
        return sum(some for some, _ in self.counts.values())

    @property
    def total(self) -> int:
        return sum(everything for _, everything in self.counts.values())

    def to_dict(self) -> dict:
        return asdict(self) | {"trainable": self.trainable, "total": self.total}


def freeze(model: SpectroBert, train: Iterable[str], name: str = "") -> FreezeSummary:
    """Let only the named parts train.

    Raises UserError for an unknown part, naming the known ones.
    """
    train = tuple(train)
    named = parts(model)
    for part in train:
        if part not in named:
            raise UserError(
                f"freeze.train: unknown part {part!r}; this model has: {', '.join(named)}"
            )
    if not train:
        raise UserError(f"freeze.train is empty: nothing would train; parts: {', '.join(named)}")
    model.requires_grad_(False)
    for part in train:
        for module in named[part]:
            module.requires_grad_(True)
    return FreezeSummary(name, train, _counts(model))


def frozen_parameters(model: nn.Module) -> dict[str, Tensor]:
    """By name, what no step changes."""
    return {n: p.detach() for n, p in model.named_parameters() if not p.requires_grad}


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """A hash of names, shapes and values."""
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def train_mode(model: SpectroBert) -> None:
    """Train mode where something trains, eval mode (no dropout) in modules where nothing does.

    A module without parameters (dropout, activation) goes with the part that holds it.
    """
    model.train()
    for modules in parts(model).values():
        for module in modules:
            if not any(p.requires_grad for p in module.parameters()):
                module.eval()


def _counts(model: SpectroBert) -> dict[str, tuple[int, int]]:
    named = parts(model)
    layers = [f"encoder.{i}" for i in range(model.config.num_hidden_layers)]
    counts = {}
    for part in ("embeddings", "audio.conv", "audio.projection", *layers, "head"):
        sizes = [(p.numel(), p.requires_grad) for m in named[part] for p in m.parameters()]
        counts[part] = (sum(n for n, on in sizes if on), sum(n for n, _ in sizes))
    return counts
