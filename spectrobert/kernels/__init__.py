"""The numbers of the plain modules, computed faster.

A class declares in `kernels` which functions of KERNELS may replace which of its methods; nn.Linear
is known by its type. Weights, their names and the modules that hold them stay as they are.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from torch import nn

from . import conv, first_token, linear, log_mel

Module = TypeVar("Module", bound=nn.Module)

# name -> function of the module, then of what the method takes
KERNELS: dict[str, Callable[..., Any]] = {
    "conv_norm_gelu": conv.conv_norm_gelu,
    "cut_frames": log_mel.cut_frames,
    "last_layer_at_cls": first_token.last_layer_at_cls,
    "linear": linear.forward,
    "masked_words": linear.masked_words,
    "square": log_mel.square,
}


def adopt(model: Module, kernels: str = "auto") -> Module:
    """Let the modules of `model` run their kernels ("auto") or their own plain methods ("off").

    Returns the model, which can be pickled and copied as before.
    """
    for module in model.modules():
        is_linear = type(module) is nn.Linear
        swaps = {"forward": "linear"} if is_linear else getattr(module, "kernels", {})
        for method, name in swaps.items():
            if kernels == "auto":
                setattr(module, method, partial(KERNELS[name], module))
            else:
                vars(module).pop(method, None)
    return model
