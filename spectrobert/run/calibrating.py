"""Fitting a run's calibration on validation, and checking it on test.

C classes, N rows.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import metrics
from ..data.resampling import resampling_groups
from ..errors import UserError
from ..metrics import Statistic
from ..metrics.statistic import mean, ratio
from ..tasks.classification import Classification
from . import findings, normalisation, scoring
from .calibration import Calibration, write
from .folder import RunFolder
from .loaders import DataModule

CURVE = 20  # points of the risk-coverage curve that are kept
BASE = f"{metrics.METHOD} over"


@dataclass(frozen=True)
class Wish:
    """Aims of a calibration."""

    accuracy: float = 0.9  # of the answers that are given
    coverage: float = 0.9  # share of the conformal sets that hold the truth

    def __post_init__(self) -> None:
        for name in ("accuracy", "coverage"):
            if not 0 < getattr(self, name) < 1:
                raise UserError(f"--{name} {getattr(self, name):g}: must be above 0 and below 1")


class _Rows(NamedTuple):
    """Answered rows of a split whose class train has."""

    logits: np.ndarray  # (N, C)
    truth: np.ndarray  # (N,)
    groups: list[str]
    kinds: str


def calibrate(folder: str | Path, wish: Wish | None = None, data_dir: str = "") -> dict[str, Any]:
    """Fit temperature, threshold and conformal level on validation, check them on test, store all.

    Args:
        folder: of the run.
        wish: by default 90 % of both.
        data_dir: where the corpora are now, if not where they were.

    Returns the contents of calibration.json. Raises UserError for a run without classes of which
    one is right, and without a validation split.
    """
    wish = wish or Wish()
    run = RunFolder(folder)
    config, task, data = scoring.opened(folder, "val", data_dir)
    if not isinstance(task, Classification):
        raise UserError(f"{folder} is a {config.task.name} run: it has no classes to calibrate")
    val = _rows(config, task, data, "val")
    fitted = _fit(val, wish)
    figures: dict[str, Any] = {"val": _figures(val, fitted), "caution": ""}
    if len(data.prepared.splits["test"]):
        figures["test"] = _figures(_rows(config, task, data, "test"), fitted)
        adaptation = normalisation.adaptation(task.model.config)
        figures["caution"] = scoring.caution(config, data.prepared, "test", adaptation)
    write(run, fitted, figures)
    findings.keep(run, run.calibration)
    return {**vars(fitted), **figures}


def _rows(config: Any, task: Classification, data: DataModule, split: str) -> _Rows:
    answered, _ = scoring.answer(config, task, data, split)
    groups, kinds = resampling_groups(data.prepared.splits[split].select(answered.places))
    known = answered.truth < answered.outputs.shape[1]  # an answer that train lacks is left out
    kept = [group for group, is_known in zip(groups, known) if is_known]
    return _Rows(answered.outputs[known], answered.truth[known], kept, kinds)


def _fit(rows: _Rows, wish: Wish) -> Calibration:
    temperature = metrics.temperature(rows.logits, rows.truth)
    probabilities = metrics.softmax(rows.logits, temperature)
    sure, right = _sure(probabilities, rows.truth)
    return Calibration(
        temperature,
        wish.accuracy,
        metrics.least_confidence(sure, right, wish.accuracy),
        wish.coverage,
        metrics.conformal_quantile(probabilities, rows.truth, wish.coverage),
    )


def _sure(probabilities: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability of the answer, and whether it is right, (N,) both."""
    return probabilities.max(axis=1), (probabilities.argmax(axis=1) == truth).astype(float)


def _figures(rows: _Rows, fitted: Calibration) -> dict[str, Any]:
    """Figures of a calibration on a split."""
    plain, own = metrics.softmax(rows.logits), metrics.softmax(rows.logits, fitted.temperature)
    before, (sure, right) = _sure(plain, rows.truth), _sure(own, rows.truth)
    sets = fitted.plausible(own)
    held = sets[np.arange(len(sets)), rows.truth].astype(float)
    statistics = {
        "ece_before": metrics.expected_error(*before),
        "ece_after": metrics.expected_error(sure, right),
        "accuracy": mean(right, "share of all rows that are right"),
        "sets_hold_truth": mean(held, "share of the conformal sets that hold the truth"),
        "set_size": mean(sets.sum(axis=1), "classes per conformal set"),
    }
    if fitted.threshold is not None:
        given = (sure >= fitted.threshold).astype(float)
        statistics["answered"] = mean(given, "share of the rows that are answered")
        statistics["accuracy_of_answers"] = _among(right, given)
    found, why = metrics.intervals(statistics, rows.groups)
    coverage, risks, area = metrics.risk_coverage(sure, right)
    shown = np.unique(np.linspace(0, len(risks) - 1, CURVE).round().astype(int))
    return {
        "n": len(right),
        "log_loss_before": metrics.log_loss(rows.logits, rows.truth),
        "log_loss_after": metrics.log_loss(rows.logits, rows.truth, fitted.temperature),
        "metrics": metrics.values(statistics, len(right)),
        "intervals": {name: list(pair) for name, pair in found.items()},
        "no_interval": why,
        "interval": f"{BASE} {len(set(rows.groups))} {rows.kinds}",
        "risk_coverage": [[float(coverage[i]), float(risks[i])] for i in shown],
        "mean_risk": area,
    }


def _among(right: np.ndarray, given: np.ndarray) -> Statistic:
    """Share of the given answers that are right."""

    def of(weights: np.ndarray) -> float:
        return ratio(float((right * given) @ weights), float(given @ weights))

    return Statistic(of, int(given.sum()), "share of the given answers that are right", "answers")
