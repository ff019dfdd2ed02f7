"""The lines of a table, from the folders of its runs."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..data.splits import caution
from ..errors import UserError
from ..metrics import Interval
from ..run import curves
from ..run.folder import RESULTS, RunFolder
from . import seed_statistics
from .jobs import SILENCED, Job, Settings, plan
from .seed_statistics import Answers, Comparison
from .table_spec import Row, Table


@dataclass(frozen=True)
class Cell:
    """One metric of one row."""

    values: tuple[float, ...]  # by seed, each over all folds
    interval: Interval | None  # 95 %; over seeds and groups, of one seed over groups
    is_fold_mean: bool  # not the value of the pooled folds but the mean of theirs
    no_interval: str = ""  # why there is none

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))

    @property
    def covers(self) -> str:
        """Sources of variation that the interval includes."""
        if self.interval is None:
            return ""
        return "seeds and groups" if len(self.values) > 1 else "groups, this trained model"

    @property
    def spread(self) -> float | None:
        """Standard deviation over seeds; None of a single one."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Line:
    """One row as it came out."""

    row: Row
    pretraining: str
    cells: Mapping[str, Cell] = field(default_factory=dict)  # by metric; empty: nothing to show
    comparison: Comparison | None = None  # of the table's first metric with the baseline's
    epochs: tuple[int, ...] = ()  # chosen by validation, by run
    # training minus validation accuracy, mean over runs: at the chosen epoch, at the last
    gaps: tuple[float, float] | None = None
    examples: tuple[int, int] = (0, 0)  # that a run has trained on: in pre-training, in its own
    n: int = 0  # test items of a seed, all folds
    seeds: tuple[int, ...] = ()  # those of which all folds have finished
    finished: int = 0  # runs
    planned: int = 0
    failure: str = ""  # one line
    caution: str = ""  # what has to be said beside its scores: splits.caution


def lines(table: Table, jobs: Sequence[Job], failed: Mapping[Job, str]) -> list[Line]:
    """All rows of the table, from whatever has finished."""
    by_row: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        by_row[job.row].append(job)
    answers: dict[str, dict[int, Answers]] = {}
    found = []
    for row in table.rows:
        line, by_seed = _line(table, row, by_row[row.name], failed)
        answers[row.name] = by_seed
        found.append(line)
    base = answers.get(table.baseline, {})
    return [
        line
        if line.row.name == table.baseline
        else dataclasses.replace(line, comparison=_compare(table, answers[line.row.name], base))
        for line in found
    ]


def _compare(
    table: Table, mine: Mapping[int, Answers], base: Mapping[int, Answers]
) -> Comparison | None:
    seeds = sorted(mine.keys() & base.keys())
    if not seeds:
        return None
    return seed_statistics.compare(
        table.metrics[0], [mine[s] for s in seeds], [base[s] for s in seeds]
    )


def _line(
    table: Table, row: Row, jobs: Sequence[Job], failed: Mapping[Job, str]
) -> tuple[Line, dict[int, Answers]]:
    """The row, and by seed its answers as the table's first metric counts them."""
    reasons = [failed[job] for job in jobs if job in failed]
    done = [j for j in jobs if j not in failed and RunFolder(j.folder).is_finished]
    line = Line(
        row,
        pretraining=_pretraining(table, row, jobs),
        finished=len(done),
        planned=len(jobs),
        failure=reasons[0] if reasons else "",
    )
    folds = {job.fold for job in jobs}
    seeds = [
        seed
        for seed in sorted({job.seed for job in done})
        if {job.fold for job in done if job.seed == seed} == folds
    ]
    if not seeds:
        return line, {}
    by_seed = {s: [job.folder for job in done if job.seed == s] for s in seeds}
    try:
        cells = {name: _cell(name, list(by_seed.values())) for name in table.metrics}
    except UserError as error:
        return dataclasses.replace(line, failure=str(error)), {}
    folders = [folder for some in by_seed.values() for folder in some]
    results = [RunFolder(folder).read_results() for folder in folders]
    gaps = [gap for folder, r in zip(folders, results) if (gap := overfitting(folder, r))]
    line = dataclasses.replace(
        line,
        cells=cells,
        epochs=tuple(r["monitor"]["epoch"] for r in results if "epoch" in r["monitor"]),
        gaps=_mean_pair(gaps),
        examples=(0, 0) if row.silenced else _examples(done[0]),
        n=sum(RunFolder(folder).read_scores()["n"] for folder in by_seed[seeds[0]]),
        seeds=tuple(seeds),
        caution=next(filter(None, (caution(r["split"]["definition"]) for r in results)), ""),
    )
    pooled = {s: read_answers(some, table.metrics[0]) for s, some in by_seed.items()}
    return line, {s: some for s, some in pooled.items() if some is not None}


def _examples(job: Job) -> tuple[int, int]:
    """Examples that a run has trained on, one counted in every epoch: in pre-training, in its own.

    0 in pre-training if there is none, or if nothing is recorded of it.
    """
    first = Path(job.config.init.checkpoint)
    has_first = bool(job.config.init.checkpoint) and RunFolder(first).is_finished
    counts = []
    for folder in ([first] if has_first else []) + [job.folder]:
        results = RunFolder(folder).read_results()
        counts.append(results["split"]["counts"]["train"] * results["epochs_run"])
    return (0, *counts)[-2], counts[-1]


def _pretraining(table: Table, row: Row, jobs: Sequence[Job]) -> str:
    """Its name in the table, or the run that --checkpoint gave in its place."""
    if not jobs:
        return ""
    scored = jobs[0].needs if row.silenced else jobs[0]
    assert scored is not None
    given = Path(scored.config.init.checkpoint)
    if scored.needs is None and scored.config.init.checkpoint:
        return "/".join(given.parts[-2:])
    return table.row(scored.row).needs or "none"


def _cell(metric: str, by_seed: Sequence[Sequence[Path]]) -> Cell:
    pooled = [read_answers(folders, metric) for folders in by_seed]
    whole = [answers for answers in pooled if answers is not None]
    is_counted, has_folds = len(whole) == len(pooled), len(by_seed[0]) > 1
    values = [_mean_of_folds(metric, folders) for folders in by_seed]
    if has_folds and is_counted:
        values = [seed_statistics.value(metric, answers) for answers in whole]
    if len(by_seed) == 1 and not has_folds:  # what results.json has, of any metric
        test = RunFolder(by_seed[0][0]).read_scores()
        own = test.get("intervals", {}).get(metric)
        interval, why = own and tuple(own), test.get("no_interval", {}).get(metric, "")
    elif is_counted:
        interval = seed_statistics.interval(metric, whole)
        why = "" if interval else seed_statistics.obstacle(metric, whole)
    else:
        interval, why = None, _missing(metric, by_seed[0][0])
    return Cell(tuple(values), interval, has_folds and not is_counted, why)


def _missing(metric: str, folder: Path) -> str:
    """Missing part of predictions.csv for an interval over several runs."""
    if seed_statistics.is_counted(metric):
        return f"no column rank in {RunFolder(folder).predictions}, which an older version wrote"
    return "predictions.csv does not hold all that it is made of"


def _mean_of_folds(metric: str, folders: Sequence[Path]) -> float:
    """Weighted by n, which for a mean over items is its value over all folds."""
    values, sizes = [], []
    for folder in folders:
        test = RunFolder(folder).read_scores()
        if metric not in test["metrics"]:
            raise UserError(
                f"no metric {metric!r} in {RunFolder(folder).results};"
                f" it has: {', '.join(sorted(test['metrics']))}"
            )
        values.append(test["metrics"][metric])
        sizes.append(test["n"])
    return float(np.average(values, weights=sizes))


def read_answers(folders: Sequence[Path], metric: str) -> Answers | None:
    """predictions.csv of all folds of a seed.

    None if the metric is made of more, or the files do not hold what it needs.
    """
    if not seed_statistics.is_counted(metric):
        return None
    rows = [row for folder in folders for row in RunFolder(folder).read_predictions()]
    columns = {"label", "prediction"} | (
        {"rank"} if seed_statistics.TOP_K.fullmatch(metric) else set()
    )
    if not rows or any(not columns <= row.keys() for row in rows):
        return None
    ids, groups, labels, predictions = (
        tuple(row[name] for row in rows) for name in ("id", "group", "label", "prediction")
    )
    # without ranks, of all but the first place it is only known that it is not the first
    ranks = [int(row.get("rank") or 1 + (row["label"] != row["prediction"])) for row in rows]
    return Answers(ids, groups, labels, predictions, tuple(ranks))


def overfitting(folder: Path, result: Mapping[str, Any]) -> tuple[float, float] | None:
    """Training minus validation accuracy, at the chosen epoch and at the last one.

    Training accuracy is the mean over the steps of the epoch that were logged, with dropout on.
    None where the curves do not hold both.
    """
    path = RunFolder(folder).metrics
    epoch = result["monitor"].get("epoch")
    if not path.is_file() or epoch is None:
        return None
    training, validation = defaultdict(list), {}
    for _, number, name, value in curves.read(path):
        if name == "train/accuracy":
            training[number].append(value)
        if name == "val/accuracy":
            validation[number] = value
    both = sorted(training.keys() & validation.keys())
    if epoch - 1 not in both:
        return None
    chosen, last = (
        float(np.mean(training[number])) - validation[number] for number in (epoch - 1, both[-1])
    )
    return chosen, last


def _mean_pair(pairs: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    if not pairs:
        return None
    first, second = np.mean(pairs, axis=0)
    return float(first), float(second)


def folders(table: Table, runs_dir: str) -> dict[str, list[Path]]:
    """Row or pre-training -> folders of all its finished runs under `runs_dir`, whatever seeds."""
    found: dict[str, list[Path]] = {}
    for job in plan(table, Settings(runs_dir=runs_dir)):
        home = Path(runs_dir) / job.config.experiment_name
        done = [path.parent for path in sorted(home.rglob(RESULTS))]
        is_silenced = job.folder.name == SILENCED
        found[job.row] = [folder for folder in done if (folder.name == SILENCED) == is_silenced]
    return found
