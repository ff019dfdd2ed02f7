"""Answers of an exported run: those of its Predictor, by onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from ..errors import UserError
from ..settings.options import from_dict
from .heard import Heard
from .onnx_file import Session
from .predict import Predictor


class OnnxPredictor(Predictor):
    """An exported run, loaded once; it answers clip by clip, and errors are those of Predictor.

    Args:
        path: of a file that the verb export has written.

    Raises UserError for any other file.
    """

    def __init__(self, path: str | Path, calibrated: bool = False):
        if calibrated:
            raise UserError(f"--calibrated: {path} holds no calibration: give the run's folder")
        self.folder = str(path)
        self.calibration = None
        self.session = Session(path)
        facts = self.session.facts
        self.config = from_dict(facts["config"])
        self.tokenizer = _Words(facts["tokenizer"])
        self.labels = tuple(facts["labels"])
        self.max_seconds, self.least_samples = facts["max_seconds"], facts["least_samples"]
        self.thresholds = facts.get("thresholds", {})  # files of earlier versions have none
        self.streams, self.waits, self.aligns = None, False, False

    def __getattr__(self, name: str) -> Any:
        """Raise UserError for `model`, which timelines and the like look at."""
        if name == "model":
            raise UserError(f"{self.folder} holds no torch network: give the run's folder")
        raise AttributeError(name)

    def _rows(self, heard: Sequence[Heard], shared: dict[str, Any]) -> np.ndarray:
        return np.stack([self.session.run(one.wave, one.ids)[1] for one in heard])

    def _vectors(self, heard: Sequence[Heard]) -> np.ndarray:
        return np.stack([self.session.run(one.wave, one.ids)[2] for one in heard])


class _Words:
    """A tokenizer in the one call that Predictor makes of it."""

    def __init__(self, text: str):
        self.tokenizer = Tokenizer.from_str(text)
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()

    def __call__(self, words: str) -> dict[str, list[int]]:
        return {"input_ids": self.tokenizer.encode(words).ids}
