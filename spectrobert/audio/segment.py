"""A stretch of a recording, the unit in which audio is read, and the crop of a clip."""

from typing import Literal, NamedTuple

import numpy as np

Crop = Literal["first", "center", "random", "whole"]


class Segment(NamedTuple):
    """A stretch of one recording and the moment at which it begins in the clip.

    A clip is nearly always one segment with onset 0; a scene mixed on the fly is several.
    """

    audio: str | bytes  # a path, or the bytes of an encoded file (WAV, FLAC, OGG, MP3)
    start: float = 0.0  # seconds into the recording
    end: float | None = None  # seconds into the recording; None is its end
    onset: float = 0.0  # seconds into the clip


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
