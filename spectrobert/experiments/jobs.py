"""The runs of a table: their settings, their commands, their states."""

from __future__ import annotations

import copy
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from ..config import Config, TaskConfig
from ..corpora import corpus
from ..errors import UserError
from ..run import admission
from ..run.folder import CROSS, RunFolder
from ..settings import composition, flags, literals
from .table_spec import Row, Table

TRAIN = "train.py"  # first of a job's words
SILENCED = "silenced"  # folder inside a run: its scores with every waveform zeroed
SWAPPED = "other_modality"  # likewise: with the other modality read
# key that the table decides -> where it is set
TAKEN = {
    "task": "the table's YAML",
    "dataset": "--dataset",
    "experiment": "the table's YAML",
    "experiment_name": "the rows' overrides in the table's YAML",
    "freeze": "the rows' experiment files",
    "seed": "--seeds",
    "dataset.fold": "--folds",
    "dataset.root": "--data_dir (a table may read several corpora)",
    "data_dir": "--data_dir",
    "runs_dir": "--runs_dir",
    "init.checkpoint": "--checkpoint",
    "resume": "the table itself: it always resumes",
    "--multirun": "--seeds and --folds",
}


@dataclass(frozen=True)
class Settings:
    """Options of a campaign that are not in the table's file."""

    seeds: int = 1  # seeds 0, 1, ...
    folds: str = "all"  # or numbers, with commas; of a corpus without folds only "all"
    data_dir: str = "data"
    runs_dir: str = "runs"
    checkpoint: str = ""  # a pre-trained run in place of the table's own pre-training
    overrides: tuple[str, ...] = ()  # flags and overrides as train.py takes them, for every run


@dataclass(frozen=True, eq=False)  # of a plan each is one of its kind
class Job:
    """One run of train.py, or one more scoring of it."""

    row: str
    task: str
    seed: int
    fold: int | None
    folder: RunFolder
    words: tuple[str, ...]  # behind `python`
    config: Config  # as train.py will compose it; of a scoring, the scored run's
    needs: Job | None  # must have finished before

    @property
    def name(self) -> str:
        """`row, seed 0, fold 1`"""
        return f"{self.row}, seed {self.seed}" + (f", fold {self.fold}" if self.fold else "")

    @property
    def is_silenced(self) -> bool:
        """True for one more scoring, with every waveform zeroed."""
        return self.folder.path.name == SILENCED

    @property
    def is_swapped(self) -> bool:
        """True for one more scoring, with the other modality read."""
        return self.folder.path.name == SWAPPED

    @property
    def is_scoring(self) -> bool:
        """True for one more scoring of a run: silenced, swapped, or on another corpus."""
        return self.is_silenced or self.is_swapped or self.folder.path.parent.name == CROSS

    @property
    def command(self) -> list[str]:
        """Command that starts it with this interpreter."""
        train = ["-m", "spectrobert", "train"] if self.words[0] == TRAIN else [self.words[0]]
        return [sys.executable, *train, *self.words[1:]]

    @property
    def line(self) -> str:
        """Command for a shell at the top of the checkout."""
        return shlex.join(["python", *self.words])


@dataclass(frozen=True)
class State:
    """State of a job."""

    word: str  # finished | begun | missing | refused; with SLURM also queued | running | failed
    reason: str = ""


def check_overrides(words: Sequence[str]) -> tuple[str, ...]:
    """Flags and overrides of the command line as Hydra overrides.

    Raises UserError for a word that is none, and for a key that the table decides itself.
    """
    overrides = flags.rewrite(words)
    for override in overrides:
        key = override.partition("=")[0].lstrip("~")
        if key in TAKEN:
            raise UserError(f"{override}: a table takes this from {TAKEN[key]}")
    return tuple(overrides)


def plan(table: Table, settings: Settings) -> list[Job]:
    """All jobs, each behind the one that it needs.

    Raises UserError, before anything runs, if a row cannot be composed, or two rows share a folder.
    """
    if settings.seeds < 1:
        raise UserError(f"--seeds {settings.seeds}: must be 1 or more")
    rows = [row for row in table.rows if row.is_trained]
    by_row: dict[str, list[Job]] = {}
    for row in _needed(table, rows, settings):
        first = by_row.get(row.needs, [])
        dataset = row.dataset or table.dataset
        by_row[row.name] = _trained(row, "pre", dataset, table, settings, first)
    for row in rows:
        first = by_row.get(row.needs, [])
        dataset = row.dataset or table.dataset
        by_row[row.name] = _trained(row, table.task, dataset, table, settings, first)
    jobs = [job for some in by_row.values() for job in some]
    owners: dict[str, Job] = {}
    for job in jobs:
        other = owners.setdefault(str(job.folder), job)
        if other is not job:
            raise UserError(
                f"rows {other.row!r} and {job.row!r} would both run in {job.folder};"
                " give one of them an override experiment_name=..."
            )
    for row in table.rows:
        jobs += [_silenced(row, job, settings) for job in by_row.get(row.silenced, [])]
        jobs += [_swapped(row, job, settings) for job in by_row.get(row.swapped, [])]
        jobs += [_crossed(row, job, settings) for job in by_row.get(row.of, [])]
    return jobs


def _needed(table: Table, rows: Sequence[Row], settings: Settings) -> list[Row]:
    """Pre-trainings that rows start from, and those that these continue.

    A run that --checkpoint names takes the place of those that continue none.
    """
    needed = {row.needs for row in rows}
    for row in reversed(table.pretraining):  # each continues one before it
        if row.name in needed:
            needed.add(row.needs)
    chosen = [row for row in table.pretraining if row.name in needed]
    return [row for row in chosen if row.needs or not settings.checkpoint]


def folds_of(dataset: str, folds: str) -> list[int | None]:
    """The folds that are run; [None] of a corpus that has none."""
    known = corpus(dataset).folds
    if folds == "all":
        return list(range(1, known + 1)) or [None]
    if not known and "fold" not in corpus(dataset).options():
        raise UserError(f"--folds {folds}: dataset {dataset!r} has no folds")
    if not all(part.isdigit() and int(part) for part in folds.split(",")):
        raise UserError(f"--folds {folds!r}: must be all, or numbers from 1 on, as in 1,2")
    if known and any(int(part) > known for part in folds.split(",")):
        raise UserError(f"--folds {folds}: dataset {dataset!r} has {known} folds")
    return [int(fold) for fold in dict.fromkeys(folds.split(","))]


def _first_fold(dataset: str) -> list[int | None]:
    """The fold of runs that are not tested; of several corpora each has its first by itself."""
    return [None] if "+" in dataset else folds_of(dataset, "all")[:1]


def _folds_in_matrix(dataset: str, folds: str) -> list[int | None]:
    """The folds of one of a matrix' corpora, of which some may have none, or of several together.

    Raises UserError for a fold that a corpus with folds does not have.
    """
    if "+" in dataset or not (corpus(dataset).folds or "fold" in corpus(dataset).options()):
        return [None]
    return folds_of(dataset, folds)


def _trained(
    row: Row, task: str, dataset: str, table: Table, settings: Settings, first: Sequence[Job]
) -> list[Job]:
    """The row's runs of train.py, each from the one of `first` that has its seed and fold."""
    if table.corpora and row.recipe:
        folds = _folds_in_matrix(dataset, settings.folds)
    else:
        # pre-training on the rows' own corpus must not hear the speakers of the tested fold
        is_same = dataset == table.dataset
        folds = folds_of(dataset, settings.folds) if is_same else _first_fold(dataset)
    start = ["--task", task, "--dataset", dataset, *_own(row, dataset, settings)]
    try:
        words = [*start, *_more("checkpoint" if row.needs else "", settings)]
        composed = composition.compose(words)
    except UserError as error:
        raise UserError(f"row {row.name!r}: {error}") from error
    _require_task(dataset, composed.task)
    if not hasattr(composed.model, "speech_model"):  # a table may have rows of both kinds
        kept = tuple(o for o in settings.overrides if not o.startswith("init.speech_model="))
        settings, composed.init.speech_model = replace(settings, overrides=kept), ""
    jobs = []
    for seed, fold in product(range(settings.seeds), folds):
        same_seed = [job for job in first if job.seed == seed]
        same_fold = [job for job in same_seed if job.fold == fold]
        needs = next(iter((*same_fold, *same_seed)), None)
        checkpoint = (str(needs.folder) if needs else settings.checkpoint) if row.needs else ""
        config = copy.deepcopy(composed)
        config.seed, config.init.checkpoint = seed, checkpoint
        place = ["--seed", str(seed)]
        if fold is not None:
            config.dataset.fold = fold
            place.append(f"dataset.fold={fold}")
        if config.dataset.shots:
            config.dataset.shots_seed = seed  # other clips in another seed
            place.append(f"dataset.shots_seed={seed}")
        command = (TRAIN, *start, *place, *_more(checkpoint, settings))
        folder = RunFolder.of(config)
        jobs.append(Job(row.name, task, seed, fold, folder, command, config, needs))
    return jobs


def _require_task(dataset: str, task: TaskConfig) -> None:
    """Raise UserError if a corpus does not serve a task; any serves objectives of audio alone."""
    for name in dataset.split("+"):
        known = corpus(name).tasks
        if task.name not in known and task.reading != "pre:audio":
            raise UserError(
                f"dataset {name!r} has no task {task.name!r}; it has: {', '.join(known)}"
            )


def _own(row: Row, dataset: str, settings: Settings) -> list[str]:
    """The row's overrides, without those that the command line sets."""
    given = {override.partition("=")[0] for override in settings.overrides}
    own = [o for o in row.overrides if o.partition("=")[0] not in given]
    if row.overrides and not any(o.startswith("experiment_name=") for o in own):
        # another experiment than its file's: it must not lie in the same folder
        plain_name = re.sub(r"[^\w.+-]+", "-", row.name)
        own.append(f"experiment_name={dataset}_{plain_name}")
    return [*([f"experiment={row.experiment}"] if row.experiment else []), *own]


def _more(checkpoint: str, settings: Settings) -> list[str]:
    """Checkpoint, folders and the user's overrides, as train.py takes them."""
    # init.* is for the runs that start from no checkpoint
    more = [o for o in settings.overrides if not (checkpoint and o.startswith("init."))]
    return [
        *(["--checkpoint", checkpoint] if checkpoint else []),
        *("--data_dir", settings.data_dir),
        f"runs_dir={literals.quoted(settings.runs_dir)}",
        "--resume",  # a run that was killed goes on
        *more,
    ]


def _silenced(row: Row, job: Job, settings: Settings) -> Job:
    """One more scoring of a run, its audio zeroed."""
    folder = RunFolder(job.folder.path / SILENCED)
    words = ["-m", "spectrobert", "evaluate", str(job.folder), "--silence_audio"]
    words += ["--data_dir", settings.data_dir, "--output", str(folder)]
    return Job(row.name, job.task, job.seed, job.fold, folder, tuple(words), job.config, job)


def _swapped(row: Row, job: Job, settings: Settings) -> Job:
    """One more scoring of a run, by the modality that it was not trained on.

    Raises UserError for a model that reads one modality alone.
    """
    trained_on = getattr(job.config.model, "modality", None)
    if trained_on is None:
        raise UserError(
            f"row {row.name!r}: swapped: the runs of {row.swapped!r} have no model that reads"
            " either modality, as model=speecht5"
        )
    other = "text" if trained_on == "audio" else "audio"
    folder = RunFolder(job.folder.path / SWAPPED)
    words = ["-m", "spectrobert", "evaluate", str(job.folder), "--modality", other]
    words += ["--data_dir", settings.data_dir, "--output", str(folder)]
    return Job(row.name, job.task, job.seed, job.fold, folder, tuple(words), job.config, job)


def _crossed(row: Row, job: Job, settings: Settings) -> Job:
    """The scores of a run on another corpus."""
    folder = job.folder.cross(row.tested_on)
    words = ["-m", "spectrobert", "evaluate", str(job.folder), "--dataset", row.tested_on]
    words += [*row.overrides, "--data_dir", settings.data_dir, "--output", str(folder)]
    return Job(row.name, job.task, job.seed, job.fold, folder, tuple(words), job.config, job)


def _is_scored(job: Job) -> bool:
    """True if a run has been scored once more as the job would; by other options it is again."""
    if not job.folder.is_finished or job.is_silenced or job.is_swapped:
        return job.folder.is_finished
    options = [word for word in job.words if word.startswith(("dataset.", "labels."))]
    return job.folder.read_results().get("overrides") == options


def state(job: Job) -> State:
    """State of a job, judged from its folder alone."""
    if job.is_scoring:
        return State("finished" if _is_scored(job) else "missing")
    try:
        checkpoint = admission.claim(job.config, log=lambda line: None)
    except UserError as error:
        return State("refused", f"{error}; choose another --runs_dir")
    if not job.folder.is_finished:
        return State("begun" if checkpoint else "missing")
    before = job.folder.read_config().trainer.epochs
    if before != job.config.trainer.epochs:  # a run that goes on may be longer, a finished one not
        now = job.config.trainer.epochs
        return State("refused", f"{job.folder} was run for {before} epochs, not {now}")
    return State("finished")
