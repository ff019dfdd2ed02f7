"""Functionals of a clip by openSMILE (extra `classic`), whose licence is for research only.

Eyben et al. 2010, https://doi.org/10.1145/1873951.1874246. D features: 88 or 6373.
"""

import importlib.metadata
from functools import cache
from typing import Any

import numpy as np

from .io import SAMPLE_RATE

LICENCE = (
    "openSMILE (audEERING GmbH) is licensed for private use, research and education only; any other"
    " use of these features needs audEERING's licence"
)


@cache
def version() -> str:
    """Version of the package, which carries the library and its feature sets."""
    return importlib.metadata.version("opensmile")


def functionals(wave: np.ndarray, feature_set: str) -> np.ndarray:
    """The features of a clip (T,) at 16 kHz: float32 (D,), NaN where the clip is too short.

    Args:
        feature_set: openSMILE's name, such as `ComParE_2016`.
    """
    return np.asarray(_smile(feature_set)(wave, SAMPLE_RATE), np.float32).reshape(-1)


@cache
def _smile(feature_set: str) -> Any:
    import opensmile

    return opensmile.Smile(
        feature_set=opensmile.FeatureSet[feature_set],
        feature_level=opensmile.FeatureLevel.Functionals,
    )
