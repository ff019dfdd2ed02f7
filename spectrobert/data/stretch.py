"""The stretch of a clip that a model hears."""

from typing import cast

from ..audio.crop import Crop
from ..config import DatasetConfig


def crop(options: DatasetConfig, model_seconds: float, is_training: bool) -> tuple[Crop, float]:
    """The stretch of a longer clip that is heard, and its seconds.

    `crop=random` is random in training only, else the middle. A whole clip ends where the model's
    audio positions do, after `model_seconds`.
    """
    if options.crop == "whole":
        return "first", model_seconds
    kept = "center" if options.crop == "random" and not is_training else options.crop
    # a str, as OmegaConf knows no Literal; DatasetConfig checks it
    return cast(Crop, kept), options.max_seconds
