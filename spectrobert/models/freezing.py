"""Frozen and trained parts of a model (thesis 4.2.2).

A part is a name a researcher would use: `head`, `audio`, `embeddings`, `encoder`, one layer of it
(`encoder.0`, `encoder.-1`), half of the audio encoder (`audio.conv`, `audio.projection`), or `all`.
A frozen part gets no gradient, runs in eval mode (no dropout) and is unknown to the optimiser.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from ..errors import UserError
from .spectrobert import SpectroBert


@dataclass(frozen=True)
class FreezeSummary:
    """Parts that train and their sizes, for the terminal and results.json."""

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
    parts, named = model.parts(), _names(model)
    for part in train:
        if part not in named:
            raise UserError(
                f"freeze.train: unknown part {part!r}; this model has: {', '.join(named)}"
            )
    if not train:
        raise UserError(f"freeze.train is empty: nothing would train; parts: {', '.join(named)}")
    model.requires_grad_(False)
    for part in [part for name in train for part in named[name]]:
        for module in parts[part]:
            module.requires_grad_(True)
    counts = {}
    for part, modules in parts.items():
        sizes = [(p.numel(), p.requires_grad) for m in modules for p in m.parameters()]
        counts[part] = (sum(n for n, on in sizes if on), sum(n for n, _ in sizes))
    return FreezeSummary(name, train, counts)


def _names(model: SpectroBert) -> dict[str, list[str]]:
    """Names that `freeze.train` may hold, with the model's parts that each stands for."""
    parts = list(model.parts())
    named = {"all": parts}
    for part in parts:
        named.setdefault(part.split(".")[0], []).append(part)
        named[part] = [part]
    layers = named["encoder"]
    return named | {f"encoder.{i - len(layers)}": [layer] for i, layer in enumerate(layers)}


def frozen_parameters(model: nn.Module) -> dict[str, Tensor]:
    """Parameters that no step changes, by name."""
    return {n: p.detach() for n, p in model.named_parameters() if not p.requires_grad}


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """A hash of names, shapes and values."""
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def train_mode(model: SpectroBert) -> None:
    """Train mode, but eval mode (no dropout) in parts without a trained parameter.

    A module without parameters (dropout, activation) goes with the part that holds it.
    """
    model.train()
    for modules in model.parts().values():
        for module in modules:
            if not any(p.requires_grad for p in module.parameters()):
                module.eval()
