"""Hyperparameter search with Optuna: TPE or a grid, median pruning, any number of workers.

The Edinburgh thesis planned it with Hydra's sweeper (section 4.5). A study is a folder,
runs/<study>/:
    study.yaml  journal.log  heartbeats/  trial<k>/seed<s>/ (a run)  trials.csv  best.yaml  *.png
"""

import re
import shlex
import shutil
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytorch_lightning as pl
import torch
import yaml
from omegaconf import OmegaConf
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState
from rich.console import Console

from .. import terminal
from ..errors import UserError
from ..files import read_yaml, write_whole
from ..run import curves
from ..run.fit import fit
from ..run.folder import CONFIG, RunFolder
from ..settings import composition, literals
from ..terminal import print_line
from . import inner_folds
from .heartbeat import beating, last_sign
from .search_space import ends

JOURNAL = "journal.log"
TRIAL = re.compile(r"trial\d+")
MAX_TRIES = 3  # of one trial whose workers are killed
MAX_FAILURES = 3  # in a row: then it is not the trial that is wrong
OVER = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Search:
    """Settings that all workers of a study must agree on."""

    folder: Path
    overrides: tuple[str, ...]  # as train.py takes them, the same for every trial
    space: dict[str, BaseDistribution]
    seed: int
    startup: int  # trials drawn at random, before TPE and pruning know anything
    inner_folds: int = 0  # parts of the training speakers that take turns at validating; 0: none

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def grid(self) -> list[dict[str, Any]]:
        """All points of a space that is made of lists alone; empty for any other space."""
        lists = [d.choices for d in self.space.values() if isinstance(d, CategoricalDistribution)]
        points = product(*lists) if len(lists) == len(self.space) else ()
        return [dict(zip(self.space, point)) for point in points]

    def chosen(self, params: dict[str, Any], *more: str) -> list[str]:
        """The overrides of a run with these values."""
        return [*self.overrides, *(f"{key}={value}" for key, value in params.items()), *more]

    def run_words(self, trial: Trial | FrozenTrial) -> list[str]:
        """The overrides of a trial's run."""
        name = literals.quoted(f"{self.name}/{self.run_folder(trial)}")
        return self.chosen(trial.params, f"experiment_name={name}", "resume=true")

    def final(self, trial: FrozenTrial) -> list[str]:
        """Overrides that the run with a trial's values needs to be trained without validation.

        None of a study without inner folds, whose runs choose their epoch themselves.
        """
        if not self.inner_folds:
            return []
        config = composition.compose(self.chosen(trial.params))
        return inner_folds.final_overrides(config, trial.user_attrs["epoch"])

    def run_folder(self, trial: Trial | FrozenTrial) -> str:
        """Name of a trial's folder in the study's; a repeated trial has that of its first try.

        Raises UserError for one that no worker has given: it would be written to and tidied.
        """
        name = str(trial.user_attrs.get("folder", f"trial{trial.number}"))
        if not TRIAL.fullmatch(name):
            raise UserError(f"{self.folder / JOURNAL} is damaged: folder {name!r} of a trial")
        return name


def join(search: Search) -> optuna.Study:
    """Begin the study, or join the one that is there.

    Raises UserError if a value of the space is refused, or the study is another search.
    """
    task, *_ = [composition.compose(search.chosen(some)).task for some in ends(search.space)]
    described = {
        "overrides": list(search.overrides),
        "space": {key: repr(d) for key, d in search.space.items()},
        "monitor": task.monitor,
    }
    if search.inner_folds:
        described["inner_folds"] = search.inner_folds
    path = search.folder / "study.yaml"
    is_new = not path.exists()
    if is_new:
        write_whole(path, yaml.safe_dump(described, sort_keys=False))
    before = read_yaml(path)
    if not isinstance(before, dict):
        raise UserError(f"{path} is damaged: it describes no study; choose another --study")
    for key in (*described, "inner_folds"):
        then, now = before.get(key), described.get(key)
        if then != now:
            difference = f"{key} {then} then, {now} now; choose another --study"
            raise UserError(f"{search.folder} is another study: {difference}")
    # One file that workers on several nodes append to: SQLite's locks do not hold on NFS
    journal = search.folder / JOURNAL
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(
            study_name=search.name,
            storage=JournalStorage(JournalFileBackend(str(journal))),
            load_if_exists=True,
            direction="maximize" if task.mode == "max" else "minimize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=search.startup, n_warmup_steps=1),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{journal} is damaged ({error}); choose another --study") from error
    if is_new:
        for point in search.grid:
            study.enqueue_trial(point)
    return study


def work(search: Search, trials: int, grace: float, console: Console) -> optuna.Study:
    """Run trials until the study has `trials` of them; other workers may do the same.

    A space of lists alone is a grid: each of its points is tried once, in order.

    Args:
        grace: seconds without a sign of life after which a trial counts as killed, and is
            repeated from its last checkpoint.

    Raises UserError if trial after trial fails.
    """
    study = join(search)
    trials = min(trials, len(search.grid) or trials)
    failures = 0
    while True:
        retry_killed(study, search.folder, grace)
        known = study.get_trials(deepcopy=False)
        if sum(t.state in (*OVER, TrialState.RUNNING) for t in known) >= trials:
            return study
        # A seed of its own for each draw, or all workers would draw the same first trials
        study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=search.startup, seed=search.seed * 100_003 + len(known)
        )
        fault = run_trial(study, study.ask(search.space), search, console)
        failures = failures + 1 if fault else 0
        if failures == MAX_FAILURES:
            raise UserError(f"{MAX_FAILURES} trials in a row failed, the last one: {fault}")


def run_trial(study: optuna.Study, trial: Trial, search: Search, console: Console) -> str:
    """Train one trial and report it to the study. Returns why it failed, or ""."""

    def log(line: str) -> None:
        print_line(console, f"trial {trial.number}: {line}")

    trial.set_user_attr("folder", search.run_folder(trial))
    log(", ".join(f"{key}={short(value)}" for key, value in trial.params.items()))
    try:
        with beating(search.folder, trial.number):
            monitor, value = _train(trial, search)
    except optuna.TrialPruned as pruned:
        study.tell(trial, state=TrialState.PRUNED)
        log(str(pruned))
        _tidy(search, trial)
        return ""
    except (KeyboardInterrupt, SystemExit):
        study.tell(trial, state=TrialState.FAIL)
        queue_again(study, trial, trial.user_attrs.get("tries", 1))
        log("left, and queued again: the same command continues")
        raise
    except (UserError, torch.OutOfMemoryError) as error:
        fault = str(error).splitlines()[0]
        trial.set_user_attr("fault", fault)
        study.tell(trial, state=TrialState.FAIL)
        log(f"failed: {fault}")
        return fault
    study.tell(trial, value)
    is_best = study.best_trial.number == trial.number
    log(f"{monitor} {value:.4f}" + (", the best so far" if is_best else ""))
    for other in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        if other.number != study.best_trial.number:
            _tidy(search, other)
    return ""


def _train(trial: Trial, search: Search) -> tuple[str, float]:
    """Name and value of the monitored metric. Raises TrialPruned with the epoch."""
    config = composition.compose(search.run_words(trial))
    if search.inner_folds:
        return config.task.monitor, _train_in_turn(trial, search)
    pruning = Pruning(trial, config.task.monitor)
    results = fit(config, terminal.console(quiet=True), callbacks=[pruning], split="val")
    value = results["monitor"].get("value")
    if value is None:
        raise UserError(
            f"the run ended before {config.task.monitor} was measured: more than"
            f" trainer.max_steps={config.trainer.max_steps} steps are needed"
        )
    return config.task.monitor, value


def _train_in_turn(trial: Trial, search: Search) -> float:
    """Mean over the inner folds of the monitored metric, at the epoch that is best for all.

    The epoch and the value of each fold are kept with the trial. Raises TrialPruned.
    """
    measured = []
    for fold in range(1, search.inner_folds + 1):
        config = composition.compose(
            [
                *search.run_words(trial),
                f"dataset.inner_folds={search.inner_folds}",
                f"dataset.inner_fold={fold}",
            ]
        )
        monitor = config.task.monitor
        before = (fold - 1) * (config.trainer.epochs or 0)
        pruning = Pruning(trial, monitor, before)
        fit(config, terminal.console(quiet=True), callbacks=[pruning], split="val")
        measured.append(curves.epoch_means(RunFolder.of(config).metrics, monitor))
    score = inner_folds.choose(measured, config.task.mode, inner_folds.is_cut_short(config))
    trial.set_user_attr("epoch", score.epoch)
    trial.set_user_attr("inner", list(score.values))
    return score.mean


def _tidy(search: Search, trial: Trial | FrozenTrial) -> None:
    """Delete the weights of a trial that is not the best: its curves and results stay."""
    for path in (search.folder / search.run_folder(trial)).rglob(CONFIG):
        run = RunFolder(path.parent)
        for heavy in (run.checkpoints, run.model):
            shutil.rmtree(heavy, ignore_errors=True)


def retry_killed(study: optuna.Study, folder: Path, grace: float) -> None:
    """Give up trials whose worker shows no life, and queue them again with their run directory."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if not is_killed(trial, folder, grace):
            continue
        try:
            study.tell(trial.number, state=TrialState.FAIL)
        except (ValueError, UpdateFinishedTrialError):
            continue  # another worker was faster, or it has just finished
        tries = trial.user_attrs.get("tries", 1)
        if tries < MAX_TRIES:
            queue_again(study, trial, tries + 1)


def is_killed(trial: FrozenTrial, folder: Path, grace: float) -> bool:
    """True if a trial that counts as running has no worker left."""
    age = last_sign(folder, trial.number)
    if age is None:  # killed between being drawn and its first sign, or just begun
        assert trial.datetime_start is not None
        age = (datetime.now() - trial.datetime_start).total_seconds()
    return age > grace


def queue_again(study: optuna.Study, trial: Trial | FrozenTrial, tries: int) -> None:
    """Queue the values of a trial that has been given up; it resumes in the same run directory."""
    kept = {"folder": trial.user_attrs.get("folder"), "tries": tries}
    study.enqueue_trial(trial.params, user_attrs={k: v for k, v in kept.items() if v})


class Pruning(pl.Callback):
    """Reports a trial's metric to the study after each epoch, and stops it if it lags.

    Args:
        before: epochs of the inner folds that the trial has trained before.
    """

    def __init__(self, trial: Trial, monitor: str, before: int = 0):
        self.trial, self.monitor, self.before = trial, monitor, before

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        value = trainer.callback_metrics.get(self.monitor)
        if value is None:
            return
        self.trial.report(float(value), self.before + trainer.current_epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned(f"pruned at epoch {trainer.current_epoch + 1}")


def best_experiment(search: Search, trial: FrozenTrial, monitor: str) -> str:
    """The best trial as an experiment file, for conf/experiment."""
    values = OmegaConf.create()
    for key, value in trial.params.items():
        OmegaConf.update(values, key, value)
    for override in search.final(trial):
        key, _, value = override.partition("=")
        OmegaConf.update(values, key, yaml.safe_load(value))
    return (
        "# @package _global_\n"
        f"# Best of study {search.name}: {monitor} {value_of(trial)} on validation, trial"
        f" {trial.number}. Begun with: {' '.join(search.overrides)}\n" + OmegaConf.to_yaml(values)
    )


def short(value: Any) -> str:
    """A value of the space, in few digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def value_of(trial: FrozenTrial) -> str:
    """The value of a trial; with inner folds also their deviation, and the epoch of the value."""
    assert trial.value is not None
    inner = trial.user_attrs.get("inner")
    if not inner:
        return f"{trial.value:.4f}"
    epoch = trial.user_attrs["epoch"]
    return f"{trial.value:.4f} ± {np.std(inner, ddof=1):.4f} over {len(inner)} parts, epoch {epoch}"


def command(search: Search, trial: FrozenTrial) -> str:
    """Command that trains the best trial again and scores it on the test split."""
    own = search.final(trial)
    set_later = {override.partition("=")[0] for override in own}
    words = search.chosen(trial.params, f"experiment_name={search.name}_best")
    words = [word for word in words if word.partition("=")[0] not in set_later] + own
    return "python train.py " + shlex.join(words)
