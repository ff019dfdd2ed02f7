"""The lines of a table, from the folders of its runs."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from ..config import Config
from ..errors import UserError
from ..metrics import Interval
from ..run import curves
from ..run.folder import CROSS, RESULTS, RunFolder, scores_of
from . import learning_curves, seed_statistics
from .jobs import SILENCED, SWAPPED, Job, Settings, plan
from .seed_statistics import COUNTED, Answers, Comparison
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
    """Results of one row."""

    row: Row
    pretraining: str = ""
    cells: Mapping[str, Cell] = field(default_factory=dict)  # by metric; empty: nothing to show
    answers: Mapping[int, Answers] = field(default_factory=dict)  # by seed, of the first metric
    comparison: Comparison | None = None  # of the table's first metric with the baseline's
    epochs: tuple[int, ...] = ()  # chosen by validation, by run
    # of a table with a curve, by run: the epoch at which validation leaves the answer of one class
    leaves: tuple[int | None, ...] = ()
    # training minus validation accuracy, mean over runs: at the chosen epoch, at the last
    gaps: tuple[float, float] | None = None
    examples: tuple[int, int] = (0, 0)  # that a run has trained on: in pre-training, in its own
    n: int = 0  # test items of a seed, all folds
    seeds: tuple[int, ...] = ()  # those of which all folds have finished
    finished: int = 0  # runs
    planned: int = 0
    failure: str = ""  # one line
    caution: str = ""  # to be printed next to its scores: Scores.caution


class Seed:
    """The finished runs of one row and seed, one per fold."""

    def __init__(self, jobs: Sequence[Job]):
        self.folders = [job.folder for job in jobs]
        self.results = [folder.read_results() for folder in self.folders]
        self.scores = [scores_of(results) for results in self.results]
        self.predictions = [row for f in self.folders for row in f.read_predictions()]

    def answers(self, metric: str) -> Answers | None:
        """Test items of all folds; None if their predictions do not hold what the metric needs."""
        return Answers.read(self.predictions, metric)

    def fold_mean(self, metric: str) -> float:
        """Mean of the folds weighted by n: of a mean over items, its value over all folds."""
        for folder, scores in zip(self.folders, self.scores):
            if metric not in scores["metrics"]:
                known = ", ".join(sorted(scores["metrics"]))
                raise UserError(f"no metric {metric!r} in {folder.results}; it has: {known}")
        values = [scores["metrics"][metric] for scores in self.scores]
        return float(np.average(values, weights=[scores["n"] for scores in self.scores]))

    def unknown_interval(self, metric: str) -> str:
        """Reason why these predictions give no interval over several runs."""
        if COUNTED.fullmatch(metric):
            path = self.folders[0].predictions
            return f"no column rank in {path}, which an older version wrote"
        return "predictions.csv does not hold all that it is made of"


def lines(table: Table, jobs: Sequence[Job], failed: Mapping[Job, str]) -> list[Line]:
    """All rows of the table, from whatever has finished."""
    by_row: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        by_row[job.row].append(job)
    made = {row.name: _line(table, row, by_row[row.name], failed) for row in table.rows}
    for name, line in made.items():
        against = line.row.baseline or table.baseline
        base = made[against].answers if against else {}
        seeds = sorted(line.answers.keys() & base.keys())
        if seeds and name != against:
            both = ([some[seed] for seed in seeds] for some in (line.answers, base))
            comparison = seed_statistics.compare(table.metrics[0], *both)
            made[name] = dataclasses.replace(line, comparison=comparison)
    return _corrected(list(made.values()))


def _corrected(lines: Sequence[Line]) -> list[Line]:
    """With Holm's p, if several rows are compared."""
    compared = [line.comparison for line in lines if line.comparison]
    left = iter(seed_statistics.corrected(compared))
    return [
        dataclasses.replace(line, comparison=next(left)) if line.comparison else line
        for line in lines
    ]


def _line(table: Table, row: Row, jobs: Sequence[Job], failed: Mapping[Job, str]) -> Line:
    done = [j for j in jobs if j not in failed and j.folder.is_finished]
    line = Line(
        row,
        pretraining=_pretraining(table, row, jobs),
        finished=len(done),
        planned=len(jobs),
        failure=next((failed[job] for job in jobs if job in failed), ""),
    )
    by_seed: dict[int, list[Job]] = defaultdict(list)
    for job in sorted(done, key=lambda job: job.seed):
        by_seed[job.seed].append(job)
    num_folds = len({job.fold for job in jobs})
    seeds = {seed: Seed(some) for seed, some in by_seed.items() if len(some) == num_folds}
    if not seeds:
        return line
    try:
        cells = {name: _cell(name, list(seeds.values())) for name in table.metrics}
    except UserError as error:
        return dataclasses.replace(line, failure=str(error))
    scored = [pair for seed in seeds.values() for pair in zip(seed.folders, seed.results)]
    gaps = [gap for folder, r in scored if (gap := overfitting(folder, r))]
    cautions = [s.get("caution", "") for seed in seeds.values() for s in seed.scores]
    answers = {number: seed.answers(table.metrics[0]) for number, seed in seeds.items()}
    return dataclasses.replace(
        line,
        cells=cells,
        answers={number: some for number, some in answers.items() if some is not None},
        epochs=tuple(r["monitor"]["epoch"] for _, r in scored if "epoch" in r["monitor"]),
        leaves=() if row.scored else tuple(_leaves(table, scored)),
        gaps=tuple(np.mean(gaps, axis=0).tolist()) if gaps else None,
        examples=(0, 0) if row.scored else _examples(done[0]),
        n=_items(row, next(iter(seeds.values()))),
        seeds=tuple(seeds),
        caution=next(filter(None, cautions), ""),
    )


def _leaves(
    table: Table, scored: Sequence[tuple[RunFolder, Mapping[str, Any]]]
) -> Iterator[int | None]:
    if table.curve:
        yield from (learning_curves.first_above(folder, r, table.curve) for folder, r in scored)


def _items(row: Row, seed: Seed) -> int:
    """Test items of a seed; another corpus' are the same in each fold."""
    numbers = [scores["n"] for scores in seed.scores]
    return max(numbers) if row.of else sum(numbers)


def _examples(job: Job) -> tuple[int, int]:
    """Examples that a run has trained on, one counted in every epoch: in pre-training, in its own.

    0 in pre-training if there is none, or if nothing is recorded of it.
    """
    first = RunFolder(job.config.init.checkpoint)
    is_known = bool(job.config.init.checkpoint) and first.is_finished
    folders = [*([first] if is_known else []), job.folder]
    results = [folder.read_results() for folder in folders]
    counts = [r["split"]["counts"]["train"] * r["epochs_run"] for r in results]
    return (0, *counts)[-2], counts[-1]


def _pretraining(table: Table, row: Row, jobs: Sequence[Job]) -> str:
    """Its name in the table, the run that --checkpoint gave in its place, or the encoders'."""
    if not jobs:
        return ""
    if row.swapped:
        return row.swapped
    scored = jobs[0].needs if row.scored else jobs[0]
    assert scored is not None
    given = Path(scored.config.init.checkpoint)
    if scored.needs is None and scored.config.init.checkpoint:
        return "/".join(given.parts[-2:])
    return table.row(scored.row).needs or _encoders(scored.config) or "none"


def _encoders(config: Config) -> str:
    """Checkpoints of a model's encoders or pre-nets, without their owners' names."""
    if not hasattr(config.model, "speech_model"):
        return ""
    names = (
        config.init.speech_model or config.model.speech_model,
        config.init.text_model or config.model.text_model,
    )
    return " + ".join(Path(name).name for name in names if name not in ("", "random"))


def _cell(metric: str, seeds: Sequence[Seed]) -> Cell:
    values = [seed.fold_mean(metric) for seed in seeds]
    has_folds = len(seeds[0].folders) > 1
    if len(seeds) == 1 and not has_folds:  # what results.json has, of any metric
        (test,) = seeds[0].scores
        own = test.get("intervals", {}).get(metric)
        why = test.get("no_interval", {}).get(metric, "")
        return Cell(tuple(values), own and tuple(own), is_fold_mean=False, no_interval=why)
    answers = [some for seed in seeds if (some := seed.answers(metric)) is not None]
    if len(answers) < len(seeds):
        return Cell(tuple(values), None, has_folds, seeds[0].unknown_interval(metric))
    if has_folds:
        values = [
            seed_statistics.value(seed_statistics.statistic(metric, some)) for some in answers
        ]
    interval, why = seed_statistics.interval(metric, answers)
    return Cell(tuple(values), interval, is_fold_mean=False, no_interval=why)


def overfitting(folder: RunFolder, result: Mapping[str, Any]) -> tuple[float, float] | None:
    """Training minus validation accuracy, at the chosen epoch and at the last one.

    Training accuracy is the mean over the steps of the epoch that were logged, with dropout on.
    None if the curves do not hold both.
    """
    training, validation = (
        curves.epoch_means(folder.metrics, f"{split}/accuracy") for split in ("train", "val")
    )
    both = sorted(training.keys() & validation.keys())
    chosen = (result["monitor"].get("epoch") or 0) - 1
    if chosen not in both:
        return None
    at_chosen, at_last = (training[epoch] - validation[epoch] for epoch in (chosen, both[-1]))
    return at_chosen, at_last


def folders(table: Table, runs_dir: str) -> dict[str, list[Path]]:
    """Row or pre-training -> folders of all its finished runs under `runs_dir`, of any seed."""
    finished: dict[str, list[Path]] = {}
    for job in plan(table, Settings(runs_dir=runs_dir)):
        home = Path(runs_dir) / job.config.experiment_name
        done = [path.parent for path in sorted(home.rglob(RESULTS))]
        is_wanted = [_scoring(path) == _scoring(job.folder.path) for path in done]
        finished[job.row] = list(compress(done, is_wanted))
    return finished


def _scoring(path: Path) -> str:
    """The folder in that of a run which holds one more scoring of it; "" of the run itself."""
    if path.parent.name == CROSS:
        return f"{CROSS}/{path.name}"
    return path.name if path.name in (SILENCED, SWAPPED) else ""
