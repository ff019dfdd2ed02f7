"""One run in order: claim, prepare, build, train, score, write."""

import errno
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from rich.console import Console

from .. import terminal
from ..config import AqaConfig, Config
from ..data import preparation, split_record, votes
from ..data.clips import columns
from ..errors import UserError
from ..models import freezing
from ..settings import paths
from . import (
    admission,
    announcement,
    augmentation,
    build,
    checkpoints,
    curves,
    normalisation,
    preemption,
    pretrained,
    processes,
    progress,
    results,
    scoring,
    terminal_scores,
    texts,
    trainers,
)
from .classic import fit as classic
from .comet.logger import is_online
from .folder import RunFolder
from .prefix_cache.open import open_prefix
from .quiet import quiet
from .run import Run
from .unread import UnreadClips

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)
# Warnings of libraries that are no news in training, as regular expressions
IN_TRAINING = (
    # Lightning advises more workers than the machine has cores, and shorter logging intervals
    ".*does not have many workers.*",
    ".*The number of training batches.*",
    # a run that trainer.max_steps ends inside an epoch has not been validated
    ".*could not find the monitored key.*",
    "Checkpoint directory .* is not empty",
    ".*your dataloader is not resumable.*",
    # dataset.val_share=0: no validation
    "Total length of `list` across ranks is zero.*",
    # validation logs what all processes have gathered: the same values in each
    "It is recommended to use `self.log.*sync_dist",
    # what is frozen is meant to be
    ".*in eval mode at the start of training.*",
)


def fit(
    config: Config,
    console: Console | None = None,
    callbacks: Sequence[pl.Callback] = (),
    split: str = "test",
) -> dict[str, Any]:
    """Train, score the test split once at the monitored checkpoint, and write the run directory.

    Args:
        console: the terminal, if None.
        callbacks: more of them, for a search that watches the run.
        split: what is scored; a search scores "val", so that it never chooses by test results.

    Returns the contents of results.json; if several processes share the run, {} in all but the
    first. Raises UserError; everything that can be refused is refused before anything is written.
    Raises SystemExit if SIGTERM or SIGUSR1 asks it to leave, KeyboardInterrupt after Ctrl-C.
    """
    if not processes.is_first():
        console = terminal.console(quiet=True)
    screen = console or terminal.console()
    folder = RunFolder.of(config)

    def log(line: str) -> None:
        terminal.print_line(screen, line)

    with (
        admission.admitted(config),
        preemption.listening(log, folder.checkpoints) as notice,
        _disk_faults(folder),
    ):
        return _fit(Run(config, screen, notice, callbacks, split))


@contextmanager
def _disk_faults(folder: RunFolder) -> Iterator[None]:
    """Raise UserError in place of the OSError of a full or protected disk."""
    try:
        yield
    except OSError as error:
        if error.errno in NOT_ALLOWED:
            raise UserError(f"cannot write {error.filename}: {error.strerror}") from error
        if error.errno not in NO_SPACE:
            raise
        raise UserError(
            f"{folder}: {error.strerror}; its last checkpoint stays: make room and continue"
            " with --resume"
        ) from error


def _fit(run: Run) -> dict[str, Any]:
    quiet()
    _check_machine(run.config)
    run.checkpoint = admission.claim(run.config, run.log)
    if run.config.resume and run.folder.is_finished:
        run.log(f"{run.folder} has finished; nothing to resume")
        return run.folder.read_results()
    _prepare(run)
    if run.config.classic.is_on:
        return classic.fit(run)
    _build(run)
    _write_inputs(run)
    _train(run)
    if not processes.is_first():
        return {}  # the first process scores: every row once
    return _score(run)


def _check_machine(config: Config) -> None:
    """Raise UserError, before data is read, for a missing GPU or key."""
    build.precision(config.trainer)
    if config.logger.name == "comet":
        is_online(config.logger)
    if config.recorded and not config.resume:
        raise UserError("--recorded goes with --resume: it takes the split of a run that was begun")
    paths.make_absolute(config)


def _prepare(run: Run) -> None:
    """Read the corpus; a run that is resumed takes its recorded split."""
    config = run.config
    if config.trainer.threads:
        torch.set_num_threads(config.trainer.threads)
    record = split_record.read(run.folder.split) if run.is_resumed else None
    if record and config.recorded:
        record = replace(record, is_subset=True)
    if run.is_resumed and not record:
        run.log(split_record.missing_line(run.folder.path))
    run.prepared = prepare(config, run.console, record)
    if build.learns_votes(config):
        cells = columns(run.prepared.splits["train"], "votes")["votes"]
        votes.require(config.dataset.name, cells, run.prepared.labels)
    texts.require(config, run.prepared)
    if not len(run.prepared.splits["val"]):
        _refuse_without_validation(config, run.split)
    if not len(run.prepared.splits[run.split]):  # a test split that pre-training need not have
        run.split = "val"


def _refuse_without_validation(config: Config, split: str) -> None:
    """Raise UserError for what needs a validation split, if there is none."""
    needs = {
        f"trainer.patience={config.trainer.patience}": config.trainer.patience > 0,
        f"optim.schedule={config.optim.schedule}": config.optim.schedule == "plateau",
        "a search": split == "val",
    }
    for what, is_asked in needs.items():
        if is_asked:
            raise UserError(
                f"dataset.val_share={config.dataset.val_share} leaves no validation split, which"
                f" {what} needs"
            )


def prepare(
    config: Config, console: Console, recorded: split_record.SplitRecord | None = None
) -> preparation.Prepared:
    """The corpus of a run, with a bar, or a line now and then, while its audio is looked at.

    Args:
        recorded: the split of a run that is resumed.
    """
    looking = f"{config.dataset.name}: looking at the audio"
    with progress.counting(looking, console, config.trainer) as show:
        return preparation.prepare(
            config.task.reading, config.dataset, config.data_dir, show, recorded
        )


def _build(run: Run) -> None:
    """Tokenizer, model, task and loaders, and what trains of the model."""
    config, prepared = run.config, run.prepared
    if run.is_resumed:
        run.tokenizer = pretrained.saved_tokenizer(str(run.folder), run.folder.tokenizer)
    else:
        run.tokenizer = build.tokenizer(config, texts.of_rows(config, prepared.splits["train"]))
    words = run.tokenizer
    padding = words.pad_token_id or 0
    settings = build.model_config(config, len(words), prepared.labels, padding)
    normalisation.choose(config, settings, prepared)
    torch.manual_seed(config.seed)  # weights and dropout; the data has seeds of its own
    model = build.model(config, settings)
    frozen = config.freeze
    run.frozen = freezing.freeze(model, frozen.train, frozen.name, frozen.frozen)
    run.task = build.task(config, model, prepared, run.tokenizer)
    run.data = build.datamodule(config, prepared, run.tokenizer, settings, model)


def _write_inputs(run: Run) -> None:
    """Print what is about to happen, and write what a resumed run reads."""
    announcement.show_data(run)
    unused = announcement.show_left_out(run)
    announcement.show_parts(run)
    if not processes.is_first():
        return
    run.folder.write_config(run.config)
    if not run.is_resumed:
        assert run.prepared.record is not None
        split_record.write(run.folder.split, run.prepared.record)
    run.tokenizer.save_pretrained(run.folder.tokenizer)
    run.folder.write_skipped(unused)


def _train(run: Run) -> None:
    options = run.config.trainer
    run.prefix = open_prefix(run.config, run.model, run.data, build.precision(options), run.console)
    if processes.is_first():
        augmentation.announce(run)
    run.unread = UnreadClips(run.prepared, run.config.dataset.max_skipped, run.console)
    run.trainer = trainers.for_training(run)
    with warnings.catch_warnings(), preemption.interruptible():
        for message in IN_TRAINING:
            warnings.filterwarnings("ignore", message=message)
        run.trainer.fit(run.task, datamodule=run.data, ckpt_path=run.checkpoint)
    processes.end()
    run.seconds = time.monotonic() - run.began


def _load_best(run: Run, validation: dict[str, float]) -> dict[str, Any]:
    """Load the checkpoint that validation chose into the task.

    Args:
        validation: the last values of the run.

    Returns the monitored metric and the checkpoint, for results.json.
    """
    task = run.config.task
    best = run.folder.checkpoints / checkpoints.BEST
    monitor: dict[str, Any] = {"name": task.monitor, "checkpoint": "last"}
    if best.exists():
        saved = checkpoints.read(best)
        run.task.on_load_checkpoint(saved)
        run.task.load_state_dict(saved["state_dict"])
        monitor |= {"checkpoint": "best", "epoch": saved["epoch"] + 1, "step": saved["global_step"]}
    keeper = run.trainer.checkpoint_callback
    if task.monitor in validation and isinstance(keeper, ModelCheckpoint):
        value = keeper.best_model_score
        monitor["value"] = float(value) if value is not None else validation[task.monitor]
    return monitor


def _score(run: Run) -> dict[str, Any]:
    """Score the monitored checkpoint on the split; write model, predictions and results."""
    config, folder = run.config, run.folder
    # a run that was resumed after its last epoch has nothing of it in memory
    validation = curves.last(folder.metrics, "val/")
    monitor = _load_best(run, validation)
    run.model.save_pretrained(folder.model)
    run.tokenizer.save_pretrained(folder.model)
    scores = scoring.score(config, run.task, run.data, run.split, run.console)
    control = None
    asks = isinstance(config.task, AqaConfig) and config.task.question_only
    if asks and not config.dataset.silence_audio:
        control = scoring.score(config, run.task, scoring.silenced(run.data), run.split)
    written = results.collect(run, scores, control, monitor, validation)
    results.write(run, written, scores, control)
    results.show_online(run, written, scores)
    title = f"{config.experiment_name}: {run.split} split, {config.dataset.name}"
    terminal_scores.show(run.console, scores, title, control)
    run.log(f"results: {folder.results}")
    return written
