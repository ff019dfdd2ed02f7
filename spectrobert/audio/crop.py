"""The stretch of a long clip that is kept."""

from typing import Literal

import numpy as np

Crop = Literal["first", "center", "random", "whole"]


def window(
    total: float,
    max_seconds: float | None,
    crop: Crop = "first",
    rng: np.random.Generator | None = None,
) -> tuple[float, float]:
    """First and last second of a clip of `total` seconds that `io.read_clip` keeps."""
    if max_seconds is None or total <= max_seconds or crop == "whole":
        return 0.0, total
    spare = total - max_seconds
    if crop == "random":
        assert rng is not None, "crop=random needs a generator"
        start = rng.uniform(0.0, spare)
    else:
        start = {"first": 0.0, "center": spare / 2}[crop]
    return start, start + max_seconds
