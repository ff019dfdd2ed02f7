"""Frozen and trained parts of a model (thesis 4.2.2).

A part is a name a researcher would use: `head`, `audio`, `embeddings`, `encoder`, one layer of it
(`encoder.0`, `encoder.-1`), half of the audio encoder (`audio.conv`, `audio.projection`), or `all`.
Of composite models: `audio.encoder.0`, `text`, `text.encoder.-1`, `fusion`, `pooling` and the like;
`encoder` and `encoder.-1` are then the layers, or the last one, of each encoder.

A frozen part gets no gradient, runs in eval mode (no dropout) and is unknown to the optimiser.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from ..errors import UserError
from .model import Model, trains

# In names of an adapter's parameters, and of the weights that it stands next to (lora.py)
ADAPTER, ADAPTED = ".lora_", ".base_layer."


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


def freeze(
    model: Model, train: Iterable[str], name: str = "", frozen: Iterable[str] = ()
) -> FreezeSummary:
    """Let only the named parts train, and the adapters if the model has some.

    Args:
        frozen: parts of them that do not train after all.

    Raises UserError for an unknown part, naming the known ones.
    """
    train = tuple(train)
    if not train:
        known = ", ".join(part_names(model))
        raise UserError(f"freeze.train is empty: nothing would train; parts: {known}")
    chosen = modules_of(model, train, "freeze.train")
    left_out = modules_of(model, frozen, "freeze.frozen")
    model.requires_grad_(False)
    for modules, is_on in ((chosen, True), (left_out, False)):
        for module in modules:
            module.requires_grad_(is_on)
    for parameter, value in model.named_parameters():
        if ADAPTER in parameter or ADAPTED in parameter:
            value.requires_grad_(ADAPTER in parameter)
    for value in model.fixed_parameters():
        value.requires_grad_(False)
    counts = {}
    for part, modules in model.parts().items():
        sizes = [(p.numel(), p.requires_grad) for m in modules for p in m.parameters()]
        counts[part] = (sum(n for n, on in sizes if on), sum(n for n, _ in sizes))
    if not any(some for some, _ in counts.values()):
        raise UserError(f"freeze={name}: nothing would train")
    return FreezeSummary(name, train, counts)


def modules_of(model: Model, names: Iterable[str], option: str) -> list[nn.Module]:
    """The modules of some parts, by names that `option` may hold.

    Raises UserError for an unknown one.
    """
    parts, known = model.parts(), part_names(model)
    names = tuple(names)
    for name in names:
        if name not in known:
            raise UserError(f"{option}: unknown part {name!r}; this model has: {', '.join(known)}")
    return [module for name in names for part in known[name] for module in parts[part]]


def part_names(model: Model) -> dict[str, list[str]]:
    """Names that options may hold, with the model's parts that each stands for."""
    parts = list(model.parts())
    named: dict[str, list[str]] = {"all": parts}
    for part in parts:
        words = part.split(".")
        for length in range(1, len(words)):
            named.setdefault(".".join(words[:length]), []).append(part)
        named[part] = [part]
    stacks = [name for name in named if name.split(".")[-1] == "encoder"]
    for stack in [*stacks, *(name for name in named if name == "decoder")]:
        layers = [name for name in named[stack] if name.split(".")[-1].isdigit()]
        for number, layer in enumerate(layers):
            named[f"{stack}.{number - len(layers)}"] = [layer]
    if "encoder" not in named:
        for stack in stacks:
            for name in [n for n in named if n == stack or n.startswith(f"{stack}.")]:
                short = name.removeprefix(stack.removesuffix("encoder"))
                named[short] = [*named.get(short, []), *named[name]]
    return named


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


def train_mode(model: Model) -> None:
    """Train mode, but eval mode (no dropout) in parts without a trained parameter.

    A module without parameters (dropout, activation) goes with the part that holds it.
    """
    model.train()
    for modules in model.parts().values():
        if not any(map(trains, modules)):
            for module in modules:
                module.eval()
