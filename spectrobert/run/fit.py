"""One run, from a configuration to results.json."""

from __future__ import annotations

import errno
import logging
import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from rich.console import Console
from transformers import PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar

from .. import files, terminal
from ..config import AqaConfig, Config
from ..data import class_counts, preparation, split_record
from ..data.clips import ReadOptions, columns
from ..errors import UserError
from ..models import freezing
from ..models.spectrobert import SpectroBert
from ..settings import paths
from ..settings.ineffective import ineffective
from . import (
    admission,
    build,
    card,
    checkpoints,
    comet,
    comet_scores,
    curves,
    leaks,
    preemption,
    pretrained,
    processes,
    progress,
    provenance,
    scoring,
)
from .folder import RunFolder
from .prefix_cache.opening import PrefixSummary, open_prefix
from .unread import UnreadClips

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)


def quiet() -> None:
    """Silence the advertisements and the bars of libraries; their warnings and errors stay."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)
    disable_progress_bar()
    # of conv weights with one channel in, whose strides mean nothing
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
    # srun is not wanted for a run on one's own machine, even where a cluster is installed
    warnings.filterwarnings("ignore", message=".*`srun` command is available.*")


def fit(
    config: Config,
    console: Console,
    callbacks: Sequence[pl.Callback] = (),
    split: str = "test",
) -> dict[str, Any]:
    """Train, score the test split once at the monitored checkpoint, and write the run directory.

    Args:
        callbacks: more of them, for a search that watches the run.
        split: what is scored; a search scores "val", so that it never chooses by test results.

    Returns the contents of results.json; if several processes share the run, {} in all but the
    first. Raises UserError; everything that can be refused is refused before anything is written.
    Raises SystemExit if SIGTERM or SIGUSR1 asks it to leave, KeyboardInterrupt after Ctrl-C.
    """

    if not processes.is_first():
        console = terminal.console(quiet=True)

    def tell(line: str) -> None:
        terminal.print_line(console, line)

    folder = RunFolder.of(config)
    with admission.admitted(config), preemption.listening(tell, folder.checkpoints) as notice:
        try:
            return _fit(config, console, notice, callbacks, split)
        except OSError as error:
            if error.errno in NOT_ALLOWED:
                raise UserError(f"cannot write {error.filename}: {error.strerror}") from error
            if error.errno not in NO_SPACE:
                raise
            raise UserError(
                f"{folder}: {error.strerror}; its last checkpoint stays: make room and continue"
                " with --resume"
            ) from error


def _fit(
    config: Config,
    console: Console,
    notice: preemption.Notice,
    callbacks: Sequence[pl.Callback],
    split: str,
) -> dict[str, Any]:
    began = time.monotonic()
    quiet()
    build.precision(config.trainer)  # a missing GPU is said before the data is read
    if config.logger.name == "comet":
        comet.is_online(config.logger)  # so is a missing key
    if config.recorded and not config.resume:
        raise UserError("--recorded goes with --resume: it takes the split of a run that was begun")
    paths.make_absolute(config)
    checkpoint = admission.claim(config, notice.tell)
    folder = RunFolder.of(config)
    if config.resume and folder.is_finished:
        terminal.print_line(console, f"{folder} has finished; nothing to resume")
        return folder.read_results()
    if config.trainer.threads:
        torch.set_num_threads(config.trainer.threads)

    record = split_record.read(folder.split) if checkpoint else None
    if record and config.recorded:
        record = replace(record, is_subset=True)
    if checkpoint and not record:
        notice.tell(split_record.missing_line(folder.path))
    prepared = prepare(config, console, record)
    if not len(prepared.splits[split]):  # a test split that pre-training need not have
        split = "val"
    words = (
        pretrained.saved_tokenizer(str(folder), folder.tokenizer)
        if checkpoint
        else build.tokenizer(config, columns(prepared.splits["train"], "text")["text"].to_pylist())
    )
    settings = build.model_config(config, len(words), prepared.labels)
    torch.manual_seed(config.seed)  # weights and dropout; the data has seeds of its own
    model = build.model(config, settings)
    frozen = freezing.freeze(model, config.freeze.train, config.freeze.name)
    task = build.task(config, model, prepared)
    data = build.datamodule(config, prepared, words, settings)
    show(console, config, folder, prepared, frozen)
    if config.init.checkpoint:
        reason = pretrained.why_new_head(config.init.checkpoint, settings)
        head = f"random weights ({reason})" if reason else "the checkpoint's"
        terminal.print_line(console, f"head: {head}")

    cut = cut_texts(prepared, words, config.dataset.max_text_length)
    if cut:
        terminal.print_line(
            console,
            f"{len(cut)} texts are longer than dataset.max_text_length="
            f"{config.dataset.max_text_length} word pieces and are cut, listed in skipped.csv",
        )
    cut_audio = cut_clips(prepared, data.read_options)
    if cut_audio:
        terminal.print_line(
            console,
            f"{len(cut_audio)} clips are longer than the {settings.max_seconds:.2f} s that the"
            f" model hears ({build.seconds_option(settings)}) and are cut, listed in skipped.csv",
        )
    if processes.is_first():
        folder.write_config(config)
        if not checkpoint:
            assert prepared.record is not None
            split_record.write(folder.split, prepared.record)
        words.save_pretrained(folder.tokenizer)
        left_out = ((row.what, "", row.reason) for row in prepared.dropped)
        unused = [*prepared.skipped, *cut, *cut_audio, *left_out]
        folder.write_skipped(unused)
    prefix = open_prefix(config, model, data, build.precision(config.trainer), console)
    unread = UnreadClips(prepared, config.dataset.max_skipped, console)
    trainer = build.trainer(config, folder, console, notice, (unread, *callbacks))
    with warnings.catch_warnings():
        # Lightning advises more workers than the machine has cores, and shorter logging intervals
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*The number of training batches.*")
        # a run that trainer.max_steps ends inside an epoch has not been validated
        warnings.filterwarnings("ignore", message=".*could not find the monitored key.*")
        warnings.filterwarnings("ignore", message="Checkpoint directory .* is not empty")
        warnings.filterwarnings("ignore", message=".*your dataloader is not resumable.*")
        # validation logs what all processes have gathered: the same values in each
        warnings.filterwarnings("ignore", message="It is recommended to use `self.log.*sync_dist")
        # what is frozen is meant to be
        warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
        with preemption.interruptible():
            trainer.fit(task, datamodule=data, ckpt_path=checkpoint)
    processes.end()
    if not processes.is_first():
        return {}  # the first process scores: every row once
    seconds = time.monotonic() - began
    return finish(
        config, console, folder, trainer, task, data, frozen, prefix, unread, seconds, split
    )


def prepare(
    config: Config, console: Console, recorded: split_record.SplitRecord | None = None
) -> preparation.Prepared:
    """The corpus of a run, with a bar, or a line now and then, while its audio is looked at.

    Args:
        recorded: the split of a run that is resumed.
    """
    is_bar = config.trainer.progress and console.is_terminal
    clock = progress.Every(config.trainer.progress_minutes)
    looking = f"{config.dataset.name}: looking at the audio"
    with terminal.counting(looking, console, is_bar) as advance:

        def show(done: int, total: int) -> None:
            advance(done, total)
            if not is_bar and clock.is_due():
                terminal.print_line(console, f"{looking}: {done} of {total}")

        return preparation.prepare(
            config.task.name, config.dataset, config.data_dir, show, recorded
        )


def cut_texts(
    prepared: preparation.Prepared, words: PreTrainedTokenizerBase, limit: int
) -> list[tuple[str, str, str]]:
    """Rows whose text does not fit, for skipped.csv: (id, "", what was cut)."""
    cut = []
    for rows in prepared.splits.values():
        # a word piece has a character at least: only texts of more characters need be looked at
        known = columns(rows, "id", "text")
        for number, text in enumerate(known["text"].to_pylist()):
            if len(text) > limit - 2 and (pieces := len(words(text)["input_ids"])) > limit:
                fault = f"text cut from {pieces} to {limit} word pieces"
                cut.append((known["id"][number].as_py(), "", fault))
    return cut


def cut_clips(
    prepared: preparation.Prepared, read_options: ReadOptions
) -> list[tuple[str, str, str]]:
    """Clips that crop=whole cannot keep whole, for skipped.csv: (id, "", what was cut)."""
    if read_options.dataset.crop != "whole":
        return []
    limit = read_options.model_seconds
    cut = []
    for rows in prepared.splits.values():
        known = columns(rows, "id", "seconds")
        for row_id, seconds in zip(known["id"].to_pylist(), known["seconds"].to_pylist()):
            if seconds > limit:
                cut.append((row_id, "", f"audio cut from {seconds:.2f} to {limit:.2f} s"))
    return cut


def show(
    console: Console,
    config: Config,
    folder: RunFolder,
    prepared: preparation.Prepared,
    frozen: freezing.FreezeSummary,
) -> None:
    """What is about to happen: data, splits, and which parameters train."""
    sizes = ", ".join(f"{name} {len(rows)}" for name, rows in prepared.splits.items())
    terminal.print_line(
        console, f"{config.task.name} on {config.dataset.name}: {sizes} -> {folder}"
    )
    terminal.print_line(console, f"split: {prepared.summary.definition}")
    for line in ineffective(config):
        terminal.print_line(console, line)
    for line in class_counts.hints(prepared.summary.labels, prepared.summary.definition):
        terminal.print_line(console, line)
    if shared := leaks.caution(config):
        terminal.print_line(console, f"caution: {shared}")
    for split, answers in prepared.unseen_rows.items():
        shown = ", ".join(sorted(answers, key=lambda answer: -answers[answer])[:5])
        terminal.print_line(
            console,
            f"{sum(answers.values())} rows of {split} have answers that train lacks and count as"
            f" wrong: {shown}{', ...' if len(answers) > 5 else ''}",
        )
    balance = prepared.summary.more.get("balance")
    if balance:
        changes = (f"{c} {n} -> {balance['after'][c]}" for c, n in balance["before"].items())
        terminal.print_line(console, f"train by {balance['method']}: {', '.join(changes)}")
    for reason, count in Counter(row.reason for row in prepared.dropped).most_common():
        terminal.print_line(console, f"left out {count} rows: {reason}")
    if prepared.skipped:
        terminal.print_line(
            console,
            f"skipped {len(prepared.skipped)} unusable files, listed in {folder.skipped}",
        )
    terminal.print_table(
        console,
        ["part", *terminal.numbers("parameters"), "trains"],
        [
            (part, f"{everything:,}", "yes" if some else "frozen")
            for part, (some, everything) in frozen.counts.items()
        ],
        title=f"freeze={frozen.name}",
        title_justify="left",
    )
    terminal.print_line(console, f"{frozen.trainable:,} of {frozen.total:,} parameters train")


def take_best(
    config: Config,
    folder: RunFolder,
    trainer: pl.Trainer,
    task: Any,
    validation: Mapping[str, float],
) -> dict[str, Any]:
    """Load what validation chose into the task; say which it was, as results.json has it.

    Args:
        validation: the last values of the run.
    """
    best = folder.checkpoints / checkpoints.BEST
    taken: dict[str, Any] = {"name": config.task.monitor, "checkpoint": "last"}
    if best.exists():
        saved = checkpoints.read(best)
        task.on_load_checkpoint(saved)
        task.load_state_dict(saved["state_dict"])
        taken |= {"checkpoint": "best", "epoch": saved["epoch"] + 1, "step": saved["global_step"]}
    keeper = trainer.checkpoint_callback
    if config.task.monitor in validation and isinstance(keeper, ModelCheckpoint):
        value = keeper.best_model_score
        taken["value"] = float(value) if value is not None else validation[config.task.monitor]
    return taken


def finish(
    config: Config,
    console: Console,
    folder: RunFolder,
    trainer: pl.Trainer,
    task: Any,
    data: Any,
    frozen: freezing.FreezeSummary,
    prefix: PrefixSummary,
    unread: UnreadClips,
    seconds: float,
    split: str,
) -> dict[str, Any]:
    """Score the monitored checkpoint on the split; write model, predictions and results."""
    # a run that was resumed after its last epoch has nothing of it in memory
    validation = curves.last(folder.metrics, "val/")
    monitored = take_best(config, folder, trainer, task, validation)
    model: SpectroBert = task.model
    model.save_pretrained(folder.model)
    data.read_options.tokenizer.save_pretrained(folder.model)
    scores = scoring.score(config, task, data, split, console)
    control = None
    asks = isinstance(config.task, AqaConfig) and config.task.question_only
    if asks and not config.dataset.silence_audio:
        control = scoring.score(config, task, scoring.silenced(data), split)
    evaluation = card.facts(config, data, scores, control, monitored)
    results = {
        "experiment": config.experiment_name,
        "task": config.task.name,
        "dataset": config.dataset.name,
        "seed": config.seed,
        "fold": getattr(config.dataset, "fold", None),
        split: scores.to_dict(),
        "question_only": control.to_dict() if control else None,
        "evaluation": evaluation,
        "last_validation": validation,
        "monitor": monitored,
        "epochs_run": trainer.current_epoch,
        "steps_run": trainer.global_step,
        "split": data.prepared.summary.to_dict(),
        "skipped_files": len(data.prepared.skipped),
        "unread_clips": {part: len(unread.clips(part)) for part in ("train", "val")},
        "dropped_rows": dict(Counter(row.reason for row in data.prepared.dropped)),
        "silence_audio": config.dataset.silence_audio,
        "freeze": frozen.to_dict(),
        "prefix_cache": prefix.to_dict(),
        "init": asdict(config.init),
        "versions": provenance.versions(),
        "git_commit": evaluation["git_commit"],
        "seconds": seconds,
    }
    late = [*unread.clips("train"), *unread.clips("val"), *scores.unread]
    if late:
        folder.add_skipped(late)
    folder.write_predictions(scores.header, scores.rows)
    page = card.markdown(config.experiment_name, evaluation, scores, control)
    files.write_whole(folder.card, page)
    folder.write_results(results)
    (folder.checkpoints / checkpoints.PREVIOUS).unlink(missing_ok=True)
    for logger in trainer.loggers:
        if isinstance(logger, comet.CometCurves):
            comet_scores.log_scores(logger.experiment, folder, results, scores, task, data, frozen)
            logger.end()
    title = f"{config.experiment_name}: {split} split, {config.dataset.name}"
    scoring.show(console, scores, title, control)
    terminal.print_line(console, f"results: {folder.results}")
    return results
