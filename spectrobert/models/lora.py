"""Low-rank adapters on the linear layers of an encoder (Hu et al. 2021), by peft."""

from collections.abc import Iterable

from torch import nn

from ..errors import UserError, require_extra
from .freezing import modules_of
from .model import Model


def add_adapters(model: Model, rank: int, alpha: float, parts: Iterable[str]) -> None:
    """Put an adapter next to every Linear of these parts; the model computes what it did before.

    Args:
        rank: of the adapters.
        alpha: their scale times the rank.
        parts: names as in `freeze.train`.

    Raises UserError for an unknown part, and for parts without a Linear.
    """
    require_extra("lora", "freeze.lora_rank")
    from peft import LoraConfig, inject_adapter_in_model

    parts = tuple(parts)
    wanted = {
        id(child)
        for module in modules_of(model, parts, "freeze.lora_parts")
        for child in module.modules()
        if isinstance(child, nn.Linear)
    }
    names = [name for name, module in model.named_modules() if id(module) in wanted]
    if not names:
        raise UserError(f"freeze.lora_parts={list(parts)}: these parts have no linear layer")
    # a float would do; its annotation says int
    options = LoraConfig(r=rank, lora_alpha=alpha, target_modules=names)  # type: ignore[arg-type]
    inject_adapter_in_model(options, model)
    config = model.config
    config.lora_rank, config.lora_alpha, config.lora_parts = rank, alpha, parts
