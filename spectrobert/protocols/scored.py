"""Figures of predictions under a protocol, and of two files against each other.

The figures, intervals and the paired test are those of runs and tables. Shapes: N rows, C classes.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import metrics
from ..corpora.reference import Reference
from ..errors import UserError, unknown
from ..experiments.seed_statistics import COUNTED, Answers, Comparison, compare
from ..metrics import Metric, Statistic
from . import checks, layouts
from .checks import Check, Checked, Task
from .names import Ids, Labels
from .protocol import FOLDS, Protocol, folds, labels, load, references

LEAST = 1e-6  # a probability of 0 in a file is one that was printed with few digits
ALONE = ("loss", "auroc")  # figures that only probabilities give
MEAN_OF_FOLDS = "_mean_of_folds"


@dataclass(frozen=True)
class FileScores:
    """One file of predictions."""

    file: str
    sha256: str  # of its bytes, to name it in a table of results
    metrics: dict[str, Metric]  # over all rows that are scored
    by_fold: dict[str, dict[str, float]]  # metric -> fold -> value; {} without folds
    left_out: int  # predictions for folds that are not scored
    has_probabilities: bool

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        figures = {
            name: {
                "value": metric.value,
                "interval": list(metric.interval) if metric.interval else None,
                "no_interval": metric.no_interval,
                "n": metric.statistic.n,
                "unit": metric.statistic.unit,
                "meaning": metric.statistic.meaning,
            }
            for name, metric in self.metrics.items()
        }
        return {
            "file": self.file,
            "sha256": self.sha256,
            "metrics": figures,
            "by_fold": self.by_fold,
            "left_out": self.left_out,
        }


@dataclass(frozen=True)
class Scored:
    """One or two files under one protocol."""

    protocol: Protocol
    folds: tuple[str, ...]  # that were scored
    is_whole: bool  # False: these folds are not all
    n: int
    groups: int
    files: list[FileScores]
    comparisons: dict[str, Comparison] = field(default_factory=dict)  # first minus second

    @property
    def values(self) -> dict[str, float]:
        """Name of each metric of the first file -> value."""
        return {name: metric.value for name, metric in self.files[0].metrics.items()}

    @property
    def interval(self) -> str:
        """Method of the intervals, in words."""
        return metrics.interval_method(self.groups, f"{self.protocol.unit}s")

    def to_dict(self) -> dict[str, Any]:
        """For JSON: `protocol table` reads it."""
        return {
            "protocol": self.protocol.name,
            "version": self.protocol.version,
            "folds": list(self.folds),
            "is_whole": self.is_whole,
            "n": self.n,
            "unit": self.protocol.unit,
            "groups": self.groups,
            "averaging": self.protocol.averaging,
            "intervals": self.interval,
            "files": [one.to_dict() for one in self.files],
            "first_minus_second": {
                name: {"difference": one.difference, "interval": one.interval, "p": one.p}
                for name, one in self.comparisons.items()
            },
        }


def score(
    predictions: str | Path,
    protocol: str,
    other: str | Path = "",
    *,
    ids: str | Path = "",
    folds: Sequence[str] = (),
    labels: Sequence[str] = (),
    rejects: str | Path = "",
) -> Scored:
    """Score anybody's predictions under a public protocol, without torch or recordings.

    Args:
        predictions: a file of any layout of docs/score.md, or a run's folder.
        protocol: its name, "ravdess/emobox6", or the path of a file of one's own.
        other: a second file, which is compared with the first.
        ids: the public file of a protocol that needs one.
        folds: those that are scored, by default all.
        labels: the classes by number, if the predictions are numbers.
        rejects: the file that lists rows which do not fit; by default FILE.rejects.csv.

    Raises UserError if a row does not fit the protocol, or a file cannot be read.
    """
    found = load(protocol)
    task = _task(found, str(ids), folds, labels)
    paths = [Path(path) for path in (predictions, other) if str(path)]
    each = [(path, Check(task, str(path))) for path in paths]
    checked = [check.of(layouts.read(path)) for path, check in each]
    offences = {path: check.offences for path, check in each}
    checks.refuse(offences, found.title, str(rejects))
    return _scored(found, task, paths, checked)


def _task(found: Protocol, ids: str, chosen: Sequence[str], order: Sequence[str]) -> Task:
    """The rows that are asked for. Raises UserError for a fold or a class that is not known."""
    rows = references(found, ids)
    known, classes = folds(rows), labels(found, rows)
    words = Labels(found, classes, order)
    for fold in chosen:
        if fold not in known:
            raise unknown(f"fold of {found.name}", fold, known or ["none: it has one test set"])
    if strange := Labels(found, classes).unknown(order):
        raise unknown(f"class of {found.name}", strange[0], classes)
    scored = frozenset(chosen or known or [""])
    return Task(rows, scored, classes, Ids(found, rows), words, found.title)


def _scored(found: Protocol, task: Task, paths: list[Path], checked: list[Checked]) -> Scored:
    rows = [task.rows[place] for place in task.scored]
    groups = [row.group or row.id for row in rows]
    known = folds(task.rows)
    answers = [_answers(rows, groups, one) for one in checked]
    both = len(checked) == 2
    counted = [name for name in found.metrics if both and COUNTED.fullmatch(name)]
    return Scored(
        found,
        tuple(name for name in known if name in task.chosen),
        len(task.scored) == len(task.rows),
        len(rows),
        len(set(groups)),
        [_of_file(found, task.classes, rows, p, c) for p, c in zip(paths, checked)],
        {name: compare(name, answers[:1], answers[1:]) for name in counted},
    )


def _answers(rows: list[Reference], groups: list[str], checked: Checked) -> Answers:
    truth = np.array([row.label for row in rows])
    predicted = np.array(checked.predictions)
    ids = np.array([row.id for row in rows])
    return Answers(ids, np.array(groups), truth, predicted, 1 + (truth != predicted).astype(int))


def _of_file(
    found: Protocol,
    classes: Sequence[str],
    rows: list[Reference],
    path: Path,
    checked: Checked,
) -> FileScores:
    statistics = _statistics(classes, rows, checked)
    wanted = [*found.metrics, *(n for n in ALONE if n in statistics)]
    if strange := [name for name in found.metrics if name not in statistics]:
        raise unknown(f"metric of {found.name}", strange[0], statistics)
    recalls = [name for name in statistics if name.startswith("recall_")]
    kept = {name: statistics[name] for name in (*wanted, *recalls)}
    by_fold = _by_fold(found.metrics, classes, rows, checked)
    measured = metrics.measure(kept, [row.group or row.id for row in rows])
    if found.averaging == FOLDS:
        measured = _over_folds(by_fold) | measured
    return FileScores(
        str(path),
        _digest(path),
        measured,
        by_fold,
        checked.left_out,
        checked.probabilities is not None,
    )


def _statistics(
    classes: Sequence[str], rows: Sequence[Reference], checked: Checked
) -> Mapping[str, Statistic]:
    """All figures of these rows, over the closed set of classes."""
    known = list(dict.fromkeys([*classes, *checked.predictions]))  # open answers may be new
    number = {name: place for place, name in enumerate(known)}
    truth = np.array([number[row.label] for row in rows])
    predicted = np.array([number[name] for name in checked.predictions])
    if all(row.question for row in rows):
        return metrics.by_question(np.eye(len(known))[predicted], truth, _questions(rows))
    found = dict(metrics.ranked((truth != predicted).astype(int), predicted, truth, known))
    if checked.probabilities is not None:
        logits = np.log(np.maximum(checked.probabilities, LEAST))
        of_probabilities = metrics.classification(logits, truth, known)
        found |= {name: of_probabilities[name] for name in ALONE}
    return found


def _questions(rows: Sequence[Reference]) -> np.ndarray:
    """(N,) one number for the rows that ask the same of the same recording."""
    numbers: dict[tuple[str, str], int] = {}
    return np.array([numbers.setdefault((r.group, r.question), len(numbers)) for r in rows])


def _by_fold(
    names: Sequence[str], classes: Sequence[str], rows: Sequence[Reference], checked: Checked
) -> dict[str, dict[str, float]]:
    """The figures of each fold by itself."""
    found: dict[str, dict[str, float]] = {}
    for fold in folds(list(rows)):
        at = [place for place, row in enumerate(rows) if row.fold == fold]
        own = Checked([checked.predictions[place] for place in at], None, 0)
        each = _statistics(classes, [rows[place] for place in at], own)
        for name in names:
            found.setdefault(name, {})[fold] = each[name].of(np.ones(len(at)))
    return found


def _over_folds(by_fold: Mapping[str, Mapping[str, float]]) -> dict[str, Metric]:
    """The mean of the folds of each figure."""
    return {
        f"{name}{MEAN_OF_FOLDS}": _mean_of(name, list(values.values()))
        for name, values in by_fold.items()
    }


def _mean_of(name: str, values: Sequence[float]) -> Metric:
    mean = float(np.mean(values))
    meaning = f"unweighted mean over the folds of {name}"
    one = Statistic(lambda _: mean, len(values), meaning, "folds", has_interval=False)
    return Metric(mean, one, None, "the interval is that of the figure over all rows")


def _digest(path: Path) -> str:
    """SHA-256 of a file, or of the files of a folder one after the other."""
    files = [file for file, _ in layouts.files(path)]
    try:
        return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
