"""Thresholds of a run as a detector: chosen on validation, scored once on test."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import numpy as np
import torch

from .. import metrics
from ..config import CaptionConfig, Config, NumbersConfig, PretrainingConfig
from ..data import rows as arrow
from ..data.resampling import light_columns, resampling_groups
from ..errors import UserError, unknown
from ..tasks import Task
from ..tasks.targets import SerMultilabel
from . import normalisation, scoring
from .chosen_thresholds import ChosenThreshold, Scored, read, write
from .comet import findings as comet
from .folder import RunFolder
from .loaders import DataModule

ROWS, SECONDS = "rows", "seconds"


@dataclass(frozen=True)
class Choice:
    """The way to a threshold."""

    least_precision: float = 0.0  # 0: the best F1
    grid: Sequence[float] = metrics.GRID

    def __post_init__(self) -> None:
        if not 0 <= self.least_precision <= 1:
            raise UserError(f"--precision {self.least_precision:g}: must be from 0 to 1")
        if not self.grid:
            raise UserError("--at names no threshold")
        for threshold in self.grid:
            if not 0 < threshold < 1:
                raise UserError(f"--at {threshold:g}: must be above 0 and below 1")

    @property
    def rule(self) -> str:
        """In words."""
        if self.least_precision:
            return (
                f"precision of {self.least_precision:g} or more on validation, of such thresholds"
                " the highest recall, of equal ones the highest threshold"
            )
        return "best F1 on validation, of equal ones the highest threshold"


class Decided(NamedTuple):
    """Units of a split that are decided on, one label against the rest."""

    scores: np.ndarray  # (N,) probabilities
    truth: np.ndarray  # (N,) boolean
    groups: list[str]  # of resampling, (N,)
    kinds: str  # of the groups


def choose(
    folder: str | Path,
    labels: Sequence[str] = (),
    choice: Choice | None = None,
    again: bool = False,
    data_dir: str = "",
) -> dict[str, ChosenThreshold]:
    """Choose a threshold for each label on validation, score test once, and store both.

    A choice that is stored already is returned as it is: nothing is scored.

    Args:
        folder: of the run.
        labels: to detect, each against the rest; by default all of a run with several labels at
            once, "yes" of one that answers yes or no.
        choice: by default the best F1.
        again: choose by another rule although test has been scored; that is counted.
        data_dir: where the corpora are now, if not where they were.

    Raises UserError for a run without classes, an unknown label, one that validation lacks, a
    precision that no threshold reaches, and a second choice without `again`.
    """
    choice = choice or Choice()
    run = RunFolder(folder)
    config = run.read_config()
    if isinstance(config.task, (NumbersConfig, PretrainingConfig, CaptionConfig)):
        raise UserError(f"{folder} is a {config.task.name} run: it has no classes to detect")
    stored = read(run)
    known = _stored(run, stored, labels, choice, again)
    if known:
        return known
    config, model, data = scoring.open_run(folder, "val", data_dir)
    task = scoring.scored_task(folder, config, model, data)
    wanted = _wanted(folder, task, labels)
    _require_first(run, stored, wanted, choice, again)
    chosen = _chosen(config, task, data, wanted, choice)
    for label, one in chosen.items():
        before = stored[label].times_scored if label in stored else 0
        chosen[label] = replace(one, times_scored=before + bool(one.test))
    write(run, stored | chosen)
    comet.send(run, run.thresholds)
    return chosen


def _stored(
    run: RunFolder,
    stored: dict[str, ChosenThreshold],
    labels: Sequence[str],
    choice: Choice,
    again: bool,
) -> dict[str, ChosenThreshold]:
    """Thresholds that were chosen in the same way, if all that are asked for were."""
    asked = labels or tuple(stored)
    if again or not asked or not all(_is_same(stored.get(label), choice) for label in asked):
        return {}
    return {label: stored[label] for label in asked}


def _is_same(before: ChosenThreshold | None, choice: Choice) -> bool:
    return before is not None and (before.rule, before.grid) == (choice.rule, list(choice.grid))


def _require_first(
    run: RunFolder,
    stored: dict[str, ChosenThreshold],
    labels: Sequence[str],
    choice: Choice,
    again: bool,
) -> None:
    """Raise UserError if test has been scored by another choice."""
    for label in labels:
        before = stored.get(label)
        if before and before.times_scored and not again and not _is_same(before, choice):
            raise UserError(
                f"{run}: test has been scored for {label} at {before.threshold:g} ({before.rule});"
                " a second choice sees it again: --again does so, and counts it"
            )


def _wanted(folder: str | Path, task: Task, labels: Sequence[str]) -> tuple[str, ...]:
    for label in labels:
        if label not in task.labels:
            raise unknown("label", label, task.labels)
    if labels:
        return tuple(dict.fromkeys(labels))
    if isinstance(task, SerMultilabel):
        return task.labels
    if set(task.labels) == {"yes", "no"}:
        return ("yes",)
    raise UserError(
        f"{folder}: --label names the class to detect, against the rest:"
        f" {', '.join(task.labels[: metrics.MANY_CLASSES])}"
    )


def _chosen(
    config: Config, task: Task, data: DataModule, labels: Sequence[str], choice: Choice
) -> dict[str, ChosenThreshold]:
    answered, _ = scoring.answer(config, task, data, "val")
    chosen = {label: _on_val(task, data, answered, label, choice) for label in labels}
    if not len(data.prepared.splits["test"]):
        return chosen
    answered, _ = scoring.answer(config, task, data, "test")
    adaptation = normalisation.adaptation(task.model.config)
    caution = scoring.caution(config, data.prepared, "test", adaptation)
    for label, one in chosen.items():
        units = decided(task, data.prepared.splits["test"], answered, label)
        test = {unit: _scored(own, one.threshold, label, unit) for unit, own in units.items()}
        chosen[label] = replace(one, test=test, caution=caution)
    return chosen


def _on_val(
    task: Task, data: DataModule, answered: scoring.Answered, label: str, choice: Choice
) -> ChosenThreshold:
    """The choice for one label. Raises UserError if validation does not allow it."""
    units = decided(task, data.prepared.splits["val"], answered, label)
    truth = units[ROWS].truth
    if not truth.any() or truth.all():
        which = "no" if not truth.any() else "nothing but"
        raise UserError(f"validation has {which} rows of {label}: no threshold can be chosen on it")
    tables: dict[str, list[dict[str, Any]]] = {
        unit: metrics.at_thresholds(own.scores, own.truth, label, choice.grid)
        for unit, own in units.items()
    }
    line = metrics.best(tables[ROWS], choice.least_precision)
    if line is None:
        raise UserError(_no_line(tables[ROWS], label, choice, units[ROWS].scores[truth].max()))
    return ChosenThreshold(
        line["threshold"],
        choice.rule,
        list(choice.grid),
        len(truth),
        int(truth.sum()),
        tables[ROWS],
        tables.get(SECONDS, []),
    )


def _no_line(lines: list[dict[str, Any]], label: str, choice: Choice, highest: float) -> str:
    """The reason why no threshold can be chosen.

    Args:
        highest: probability of a row of the label.
    """
    if choice.least_precision:
        reached = max((one.get("precision", 0.0) for one in lines), default=0.0)
        return (
            f"--precision {choice.least_precision:g}: no threshold reaches it for {label} on"
            f" validation; the highest is {reached:.4f}"
        )
    return (
        f"no row of {label} on validation reaches a threshold: the highest probability of one is"
        f" {highest:.4f}, the lowest threshold {min(choice.grid):g}; --at names lower ones"
    )


def decided(
    task: Task, split: datasets.Dataset, answered: scoring.Answered, label: str
) -> dict[str, Decided]:
    """ "rows" -> rows of a split that could be read, "seconds" -> their seconds.

    Seconds are there only if the corpus has times of its rows; the score of a second is the highest
    of the rows that overlap it, and it is positive if one of them is.
    """
    place = task.labels.index(label)
    rows = split.select(answered.places)
    groups, kinds = resampling_groups(rows)
    whole = Decided(
        _probabilities(task, answered.outputs)[:, place],
        _truth(task, answered.truth, place),
        groups,
        kinds,
    )
    seconds = _seconds(rows, whole)
    return {ROWS: whole} | ({SECONDS: seconds} if seconds else {})


def _probabilities(task: Task, outputs: np.ndarray) -> np.ndarray:
    """(N, C) logits -> probabilities, as predictions.csv has them."""
    logits = torch.from_numpy(outputs).double()
    is_multilabel = isinstance(task, SerMultilabel)
    return (logits.sigmoid() if is_multilabel else logits.softmax(dim=-1)).numpy()


def _truth(task: Task, truth: np.ndarray, place: int) -> np.ndarray:
    return truth[:, place] > 0 if isinstance(task, SerMultilabel) else truth == place


def _seconds(rows: datasets.Dataset, of_rows: Decided) -> Decided | None:
    """Seconds of the recordings; None if rows are whole recordings, or scenes of several."""
    table = light_columns(rows, "audio", "seconds")
    flat = arrow.stretches(table)
    is_whole = (flat.start == 0) & np.isinf(flat.end)
    if is_whole.all() or len(flat.row) != len(rows):
        return None
    lengths = table.column("seconds").to_numpy()
    ends = np.where(np.isinf(flat.end), flat.start + lengths, flat.end)
    row, second = metrics.by_second(flat.recording.to_pylist(), flat.start, ends)
    size = second.max() + 1
    scores, truth, first = np.zeros(size), np.zeros(size, dtype=bool), np.zeros(size, dtype=int)
    np.maximum.at(scores, second, of_rows.scores[row])
    np.logical_or.at(truth, second, of_rows.truth[row])
    first[second[::-1]] = row[::-1]
    return Decided(scores, truth, [of_rows.groups[i] for i in first], of_rows.kinds)


def _scored(units: Decided, threshold: float, label: str, unit: str) -> Scored:
    """Figures at one threshold, with intervals by the bootstrap over groups."""
    detected = units.scores >= threshold
    found = metrics.measure(metrics.detection(detected, units.truth, label, unit), units.groups)
    return Scored(
        n=len(units.truth),
        positives=int(units.truth.sum()),
        metrics={name: m.value for name, m in found.items()},
        intervals={name: list(m.interval) for name, m in found.items() if m.interval},
        no_interval={name: m.no_interval for name, m in found.items() if m.no_interval},
        metric_n={name: m.statistic.n for name, m in found.items()},
        interval=metrics.interval_method(len(set(units.groups)), units.kinds),
        **metrics.mistakes(detected, units.truth),
    )
