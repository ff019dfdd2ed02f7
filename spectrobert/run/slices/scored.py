"""The rows of a run, or of all folds of one, with what was answered and what the corpus states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...data.resampling import resampling_groups
from ...metrics import Statistic
from ...tasks import Task
from ...tasks.classification import Classification
from ...tasks.targets import SerMultilabel
from ..conditions import Conditions
from ..scoring import Answered
from . import columns


@dataclass(frozen=True)
class Scored:
    """N answered rows of one task: (N, ...) outputs and truth, the other lists one cell a row."""

    task: Task
    metric: str
    is_higher_better: bool
    outputs: np.ndarray
    truth: np.ndarray
    groups: np.ndarray  # resampling groups
    recordings: np.ndarray  # the same without speakers and groups
    unit: str  # kinds of the groups
    stated: dict[str, list[str]]  # name of a column -> its cells
    caution: str
    classes: tuple[str, ...] = ()  # of a classifier
    targets: tuple[str, ...] = ()  # names of the numbers that are learnt
    conditions: Conditions | None = None  # whose split may know more than answers

    def statistics(self, at: np.ndarray) -> dict[str, Statistic]:
        """All metrics of some rows (K,), by name."""
        outputs, truth = self.outputs[at], self.truth[at]
        if self.conditions is None:
            return self.task.statistics(outputs, truth)
        places = self.conditions.answered[""].places[at]
        return self.conditions.statistics(Answered(places, outputs, truth))

    def groups_of(self, name: str) -> tuple[np.ndarray, str]:
        """Groups to resample for a column, and their kind: a speaker's own clips for `speaker`."""
        if name in ("speaker", "group"):
            return self.recordings, "recordings"
        return self.groups, self.unit

    def lacks(self, at: np.ndarray) -> list[str]:
        """Classes that the set has, and these rows (K,) have not."""
        missing = np.setdiff1d(self.truth, self.truth[at])
        return [name for number, name in enumerate(self.classes) if number in missing]


def score(folder: str | Path, split: str, data_dir: str, names: Sequence[str]) -> Scored:
    """Answer a split of a run, or of each fold if the folder holds those of a seed.

    Args:
        names: columns that are asked for.

    Raises UserError as `scoring.evaluate` does, for a run of pre-training, and for folds of
    different labels.
    """
    traits = [name for name in names if name not in columns.BUILT_IN]
    conditions = Conditions.of_run(folder, split, data_dir, traits)
    for part in conditions.parts:
        part.answer("")
    conditions.join()
    return _scored(conditions)


def _scored(conditions: Conditions) -> Scored:
    answered = conditions.answered[""]
    rows = conditions.rows(answered.places)
    kinds = conditions.unit.partition(" ")[2]
    task, labels = conditions.task, tuple(conditions.task.labels)
    return Scored(
        task,
        conditions.metric,
        conditions.is_higher_better,
        answered.outputs,
        answered.truth,
        np.array(resampling_groups(rows)[0]),
        np.array(resampling_groups(rows, ("recording",))[0]),
        kinds,
        columns.stated(rows, len(conditions.config.dataset.parts)),
        conditions.caution,
        labels if isinstance(task, Classification) else (),
        () if isinstance(task, (Classification, SerMultilabel)) else labels,
        conditions,
    )
