"""calibration.json of a run: temperature, threshold and conformal level, fitted on validation.

C classes, N rows.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .. import metrics
from ..errors import UserError
from ..files import read_json, write_whole, writing
from .folder import RunFolder


@dataclass(frozen=True)
class Calibration:
    """The way from logits to probabilities, and to answers that are held back.

    The rest of the file are figures on both splits, which nothing reads back but reports.
    """

    temperature: float
    accuracy: float  # wished of the answers that are given
    threshold: float | None  # least probability of an answer; None: no threshold reaches it
    coverage: float  # wished of the conformal sets
    least: float  # least probability of a class in a set

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        """(N, C) calibrated, of uncalibrated probabilities."""
        return metrics.softmax(
            np.log(np.maximum(rows, np.finfo(np.float64).tiny)), self.temperature
        )

    def answers(self, probabilities: Sequence[float]) -> bool:
        """False if the model should rather hold its answer back."""
        return self.threshold is not None and max(probabilities) >= self.threshold

    def plausible(self, probabilities: np.ndarray) -> np.ndarray:
        """(N, C) True at the classes of each row's conformal set."""
        return metrics.conformal_sets(probabilities, self.least)


def read(run: RunFolder) -> Calibration:
    """The stored calibration. Raises UserError if nothing was, or the file is damaged."""
    if not os.path.isfile(run.calibration):
        raise UserError(f"{run} is not calibrated: python -m spectrobert calibrate {run}")
    try:
        found = read_json(run.calibration)
        return Calibration(**{name: found[name] for name in Calibration.__dataclass_fields__})
    except (TypeError, AttributeError, KeyError) as error:
        raise UserError(f"{run.calibration} is damaged: {error}") from error


def write(run: RunFolder, fitted: Calibration, figures: dict[str, Any]) -> None:
    """The fit and its figures. Raises UserError if the file cannot be written."""
    with writing(run.calibration):
        write_whole(run.calibration, json.dumps(asdict(fitted) | figures, indent=2) + "\n")
