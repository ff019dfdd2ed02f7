"""A trained model scored on the same rows under several conditions, each against the rows as is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import numpy as np
from torch.utils.data import Dataset

from .. import metrics
from ..config import Config, PretrainingConfig
from ..data import audio_names
from ..data.batches import collate
from ..data.perturbed_clips import Perturbation, PerturbedClips
from ..data.resampling import resampling_groups
from ..errors import UserError
from ..metrics import Interval, Statistic
from ..models.answers import refuse_texts
from ..models.batch import Batch
from ..tasks import Task
from ..tasks.classification import Aqa, Classification
from . import normalisation, scoring
from .folder import RunFolder
from .loaders import DataModule
from .scoring import Answered, Rereading

PLAIN = "as it is"  # the name of no condition
MEMORY_GB = 2.0  # of decoded clips, which all conditions share


class ConditionedData(DataModule):
    """The rows of a finished run, read once and heard under any number of conditions."""

    def __init__(self, data: DataModule, split: str):
        options = replace(data.options, num_workers=0)
        read_options = replace(data.read_options, memory_gb=MEMORY_GB)
        super().__init__(data.prepared, read_options, options)
        self.split = split
        self.heard = self.clips(split)
        self.perturbation: Perturbation | None = None

    def reads(self, split: str) -> tuple[Dataset, Callable[..., Batch], int]:
        """Rows of the split under the present condition."""
        if self.perturbation is None:
            return self.heard, collate, 0
        return PerturbedClips(self.heard, self.perturbation), collate, 0


class Value(NamedTuple):
    """A figure, its 95 % interval, and why it has none."""

    value: float
    interval: Interval | None
    no_interval: str = ""

    def __str__(self) -> str:
        around = "{:.3f} to {:.3f}".format(*self.interval) if self.interval else self.no_interval
        return f"{self.value:.3f} ({around})"

    def excludes(self, number: float) -> bool:
        """True if there is an interval, and it does not hold the number."""
        return self.interval is not None and not (self.interval[0] <= number <= self.interval[1])


@dataclass(frozen=True)
class Outcome:
    """A metric under a condition, over the rows that could be read with and without it."""

    name: str
    n: int
    score: Value
    difference: Value  # to the rows as they are
    lost: Value | None  # share of what the model has above a constant answer
    changed: float | None  # share of the rows that are answered otherwise; of classes

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return asdict(self)


@dataclass
class Conditions:
    """A run, a split of it, and the answers under each condition that was asked for."""

    config: Config
    task: Task
    data: ConditionedData
    metric: str  # by which the run was chosen
    run: RunFolder
    answered: dict[str, Answered] = field(default_factory=dict)

    @classmethod
    def of_run(
        cls, folder: str | Path, split: str, data_dir: str = "", traits: Sequence[str] = ()
    ) -> Conditions:
        """A finished run, or the folds of a seed together. Raises UserError as scoring does.

        Args:
            folder: of a run, or one that holds its folds.
            traits: columns of the corpus to read too, as of `scoring.Rereading`.
        """
        runs = folds(folder)
        if len(runs) > 1:
            return Joined([cls.of_run(run.path, split, data_dir, traits) for run in runs])
        config, task, data = scoring.opened(runs[0].path, split, data_dir, Rereading(traits=traits))
        if isinstance(config.task, PretrainingConfig):
            raise UserError(f"{folder} is a {config.task.name} run: it answers nothing")
        refuse_texts(config.task)
        metric = config.task.monitor.partition("/")[2]
        return cls(config, task, ConditionedData(data, split), metric, runs[0])

    @property
    def parts(self) -> list[Conditions]:
        """The runs that answer: itself."""
        return [self]

    @property
    def table(self) -> datasets.Dataset:
        """The rows that are answered."""
        return self.data.prepared.splits[self.data.split]

    @property
    def is_higher_better(self) -> bool:
        """False for a metric that is an error."""
        return self.config.task.mode == "max"

    @property
    def unit(self) -> str:
        """Kinds of the groups that are resampled, with their number."""
        groups, kinds = resampling_groups(self.table)
        return f"{len(set(groups))} {kinds}"

    @property
    def caution(self) -> str:
        """Cautions that belong to all scores of the split."""
        adaptation = normalisation.adaptation(self.task.model.config)
        return scoring.caution(self.config, self.data.prepared, self.data.split, adaptation)

    def join(self) -> None:
        """Take what the parts have answered."""

    def answer(self, name: str, perturbation: Perturbation | None = None) -> Answered:
        """Outputs of the model under a condition, computed once."""
        if name not in self.answered:
            self.data.perturbation = perturbation
            found, _ = scoring.answer(self.config, self.task, self.data, self.data.split)
            order = np.argsort(found.places)
            self.answered[name] = Answered(*(column[order] for column in found))
        return self.answered[name]

    def outcome(self, name: str, plain: str) -> Outcome:
        """A condition against another one, `plain`; both have been answered.

        One draw of groups serves both, so that their difference is paired.
        """
        own, other = _common(self.answered[name], self.answered[plain])
        answers = (own, other, _constant(self.task, other))
        statistics = [self.statistic(one) for one in answers]
        groups = self.groups(own.places)
        why = next(filter(None, (metrics.obstacle(one, groups) for one in statistics)), "")
        drawn = None if why else metrics.resample(statistics, groups)  # (R, 3)
        deviates = 0.0 if why else metrics.reach(len(set(groups)))
        mine, full, constant = _Drawn.each(statistics, drawn, deviates)
        above = (full - constant if self.is_higher_better else constant - full).figure(why)
        is_above = above.value > 0 and above.excludes(0)
        return Outcome(
            name,
            len(own.places),
            mine.figure(why),
            (mine - full).figure(why),
            ((full - mine) / (full - constant)).figure(why) if is_above else None,
            self._changed(own, other),
        )

    def statistic(self, answered: Answered) -> Statistic:
        """The metric of a set of rows."""
        return self.statistics(answered)[self.metric]

    def statistics(self, answered: Answered) -> dict[str, Statistic]:
        """All metrics of a set of rows, by name."""
        places, outputs, truth = answered
        asked = None
        if isinstance(self.task, Aqa):
            asked = scoring.question_numbers(self.rows(places))
        if len(self.parts) > 1:  # votes are of one fold's rows
            return self.task.statistics(outputs, truth, asked)
        return self.task.split_statistics(self.data.split, places, outputs, truth, asked)

    def rows(self, places: np.ndarray) -> Any:
        """Rows of `table`, by their numbers."""
        return self.table.select(places)

    def named(self, places: np.ndarray) -> list[tuple[str, str, str]]:
        """Id, recording and text of each row (N,)."""
        rows = self.rows(places)
        folders = audio_names.folders(self.config.dataset, self.config.data_dir)
        recordings = (audio for audio, _, _ in audio_names.audio_names(rows, folders))
        return list(zip(rows["id"], recordings, rows["text"], strict=True))

    def groups(self, places: np.ndarray) -> list[str]:
        """The resampling group of each row (N,)."""
        return resampling_groups(self.rows(places))[0]

    def _changed(self, own: Answered, other: Answered) -> float | None:
        if not isinstance(self.task, Classification):
            return None
        return float((own.outputs.argmax(axis=1) != other.outputs.argmax(axis=1)).mean())


class Joined(Conditions):
    """Folds of one seed as one test set; each row is answered by the run that has not heard it."""

    def __init__(self, parts: list[Conditions]):
        first = parts[0]
        super().__init__(first.config, first.task, first.data, first.metric, first.run)
        if any(part.task.labels != first.task.labels for part in parts):
            raise UserError(f"{first.run.path.parent}: the folds have other labels")
        self._parts = parts
        tables = [part.data.prepared.splits[part.data.split] for part in parts]
        self._table = datasets.concatenate_datasets(tables)
        self.starts = np.cumsum([0, *map(len, tables)])

    @property
    def parts(self) -> list[Conditions]:
        """One run per fold."""
        return self._parts

    @property
    def table(self) -> datasets.Dataset:
        """Rows of all folds, one after the other."""
        return self._table

    def join(self) -> None:
        """Take what all parts have answered."""
        for name in self._parts[0].answered:
            own = [part.answered[name] for part in self._parts]
            places = [one.places + start for one, start in zip(own, self.starts)]
            outputs, truth = ([getattr(one, f) for one in own] for f in ("outputs", "truth"))
            self.answered[name] = Answered(*map(np.concatenate, (places, outputs, truth)))


def folds(folder: str | Path) -> list[RunFolder]:
    """The run in a folder, or the finished folds of a seed that lie there."""
    run = RunFolder(folder)
    if run.is_begun:
        return [run]
    found = sorted(run.path.glob("fold*"), key=lambda path: (len(path.name), path.name))
    return [one for one in map(RunFolder, found) if one.is_finished] or [run]


class _Drawn(NamedTuple):
    """A figure and the same of each resample, (R,); None if there are none."""

    value: float
    drawn: np.ndarray | None
    deviates: float  # of its interval, from metrics.reach

    @classmethod
    def each(
        cls, statistics: Sequence[Statistic], drawn: np.ndarray | None, deviates: float
    ) -> list[_Drawn]:
        """Statistics and their resamples (R, S)."""
        columns = [None] * len(statistics) if drawn is None else drawn.T
        return [cls(float(s.of(np.ones(s.n))), c, deviates) for s, c in zip(statistics, columns)]

    def __sub__(self, other: _Drawn) -> _Drawn:
        return self._with(np.subtract, other)

    def __truediv__(self, other: _Drawn) -> _Drawn:
        with np.errstate(divide="ignore", invalid="ignore"):
            return self._with(np.divide, other)

    def _with(self, both: np.ufunc, other: _Drawn) -> _Drawn:
        paired = None
        if self.drawn is not None and other.drawn is not None:
            paired = both(self.drawn, other.drawn)
        return _Drawn(float(both(self.value, other.value)), paired, self.deviates)

    def figure(self, why: str) -> Value:
        """With its interval, or why it has none."""
        around = None if self.drawn is None else metrics.percentiles(self.drawn, self.deviates)
        undefined = "" if around or why else "undefined in more than half of the resamples"
        return Value(self.value, around, why or undefined)


def _common(own: Answered, other: Answered) -> tuple[Answered, Answered]:
    """The rows that both hold, in one order; each is in the order of its rows."""
    _, mine, theirs = np.intersect1d(own.places, other.places, return_indices=True)
    return Answered(*(c[mine] for c in own)), Answered(*(c[theirs] for c in other))


def _constant(task: Task, answered: Answered) -> Answered:
    """The best answer that hears and reads nothing: the most frequent class, the mean targets."""
    outputs, truth = answered.outputs, answered.truth
    if isinstance(task, Classification):
        known = truth[truth < outputs.shape[1]]
        constant = np.zeros_like(outputs)
        constant[:, np.bincount(known).argmax() if len(known) else 0] = 1.0
    else:
        constant = np.broadcast_to(truth.mean(axis=0), outputs.shape).astype(outputs.dtype)
    return answered._replace(outputs=constant)
