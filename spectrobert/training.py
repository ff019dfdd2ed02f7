"""One run, from a configuration to results.json."""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from transformers import PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar

from . import build, comet, files, freezing, runs, scoring
from .config import Config
from .data import preparation, vocabulary
from .models.spectrobert import SpectroBert
from .prefix_cache.opening import PrefixSummary, open_prefix

BEST = "best.ckpt"


def quiet() -> None:
    """Silence the advertisements and the bars of libraries; their warnings and errors stay."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)
    disable_progress_bar()


def fit(config: Config, console: Console) -> dict[str, Any]:
    """Train, score the test split once at the monitored checkpoint, and write the run directory.

    Returns the contents of results.json. Raises UserError; everything that can be refused is
    refused before anything is written.
    """
    began = time.monotonic()
    quiet()
    build.precision(config.trainer)  # a missing GPU is said before the data is read
    if config.logger.name == "comet":
        comet.is_online(config.logger)  # so is a missing key
    checkpoint = runs.claim(config)
    folder = runs.run_folder(config)
    if config.resume and (folder / runs.RESULTS).exists():
        console.print(f"{folder} has finished; nothing to resume", highlight=False, soft_wrap=True)
        return runs.read_results(folder)
    if config.trainer.threads:
        torch.set_num_threads(config.trainer.threads)

    prepared = prepare(config, console)
    words = (
        vocabulary.load(str(folder / "tokenizer"))
        if checkpoint
        else build.tokenizer(config, prepared.splits["train"]["text"])
    )
    settings = build.model_config(config, len(words), prepared.labels)
    torch.manual_seed(config.seed)  # weights and dropout; the data has seeds of its own
    model = build.model(config, settings)
    frozen = freezing.freeze(model, config.freeze.train, config.freeze.name)
    task = build.task(config, model, prepared)
    data = build.datamodule(config, prepared, words)
    show(console, config, folder, prepared, frozen)

    runs.write_config(folder, config)
    words.save_pretrained(folder / "tokenizer")
    cut = cut_texts(prepared, words, config.dataset.max_text_length)
    if cut:
        console.print(
            f"{len(cut)} texts are longer than dataset.max_text_length="
            f"{config.dataset.max_text_length} word pieces and are cut, listed in skipped.csv",
            highlight=False,
            soft_wrap=True,
        )
    unused = [*prepared.skipped, *cut, *((row.what, "", row.reason) for row in prepared.dropped)]
    files.write_table(folder / "skipped.csv", ("id", "recording", "fault"), unused)
    prefix = open_prefix(config, model, data, build.precision(config.trainer), console)
    trainer = build.trainer(config, folder, console)
    with warnings.catch_warnings():
        # Lightning advises more workers than the machine has cores, and shorter logging intervals
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*The number of training batches.*")
        # a run that trainer.max_steps ends inside an epoch has not been validated
        warnings.filterwarnings("ignore", message=".*could not find the monitored key.*")
        warnings.filterwarnings("ignore", message=".*your dataloader is not resumable.*")
        # what is frozen is meant to be
        warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
        trainer.fit(task, datamodule=data, ckpt_path=checkpoint, weights_only=False)
    if trainer.interrupted:
        raise KeyboardInterrupt
    seconds = time.monotonic() - began
    return finish(config, console, folder, trainer, task, data, frozen, prefix, seconds)


def prepare(config: Config, console: Console) -> preparation.Prepared:
    """The corpus of a run, with a bar while its audio is looked at."""
    is_bar = config.trainer.progress and console.is_terminal
    with Progress(console=console, transient=True, disable=not is_bar) as bars:
        bar = bars.add_task(f"{config.dataset.name}: looking at the audio", total=None)
        return preparation.prepare(
            config.task.name,
            config.dataset,
            config.data_dir,
            lambda done, total: bars.update(bar, completed=done, total=total),
        )


def cut_texts(
    prepared: preparation.Prepared, words: PreTrainedTokenizerBase, limit: int
) -> list[tuple[str, str, str]]:
    """Rows whose text does not fit, for skipped.csv: (id, "", what was cut)."""
    cut = []
    for rows in prepared.splits.values():
        # a word piece has a character at least: only texts of more characters need be looked at
        for number, text in enumerate(rows["text"]):
            if len(text) > limit - 2 and (pieces := len(words(text)["input_ids"])) > limit:
                fault = f"text cut from {pieces} to {limit} word pieces"
                cut.append((rows[number]["id"], "", fault))
    return cut


def show(
    console: Console,
    config: Config,
    folder: Path,
    prepared: preparation.Prepared,
    frozen: freezing.FreezeSummary,
) -> None:
    """What is about to happen: data, splits, and which parameters train."""
    sizes = ", ".join(f"{name} {len(rows)}" for name, rows in prepared.splits.items())
    console.print(
        f"{config.task.name} on {config.dataset.name}: {sizes} -> {folder}",
        highlight=False,
        soft_wrap=True,
    )
    console.print(f"split: {prepared.summary.definition}", highlight=False, soft_wrap=True)
    for reason, count in Counter(row.reason for row in prepared.dropped).most_common():
        console.print(f"left out {count} rows: {reason}", highlight=False, soft_wrap=True)
    if prepared.skipped:
        console.print(
            f"skipped {len(prepared.skipped)} unusable files, listed in {folder / 'skipped.csv'}",
            highlight=False,
            soft_wrap=True,
        )
    table = Table(title=f"freeze={frozen.name}", title_justify="left")
    table.add_column("part")
    table.add_column("parameters", justify="right")
    table.add_column("trains")
    for part, (some, everything) in frozen.counts.items():
        table.add_row(part, f"{everything:,}", "yes" if some else "frozen")
    console.print(table)
    console.print(f"{frozen.trainable:,} of {frozen.total:,} parameters train", highlight=False)


def finish(
    config: Config,
    console: Console,
    folder: Path,
    trainer: pl.Trainer,
    task: Any,
    data: Any,
    frozen: freezing.FreezeSummary,
    prefix: PrefixSummary,
    seconds: float,
) -> dict[str, Any]:
    """Score the monitored checkpoint on the test split; write model, predictions and results."""
    best = folder / "checkpoints" / BEST
    monitored: dict[str, Any] = {"name": config.task.monitor, "checkpoint": "last"}
    if best.exists():
        saved = torch.load(best, map_location="cpu", weights_only=False)
        task.on_load_checkpoint(saved)
        task.load_state_dict(saved["state_dict"])
        monitored |= {
            "checkpoint": "best",
            "epoch": saved["epoch"] + 1,
            "step": saved["global_step"],
        }
    model: SpectroBert = task.model
    model.save_pretrained(folder / "model")
    data.reading.tokenizer.save_pretrained(folder / "model")
    scores = scoring.score(config, task, data, "test")
    validation = {k: float(v) for k, v in trainer.callback_metrics.items() if k.startswith("val/")}
    keeper = trainer.checkpoint_callback
    if config.task.monitor in validation and isinstance(keeper, ModelCheckpoint):
        chosen = keeper.best_model_score
        monitored["value"] = (
            float(chosen) if chosen is not None else validation[config.task.monitor]
        )
    results = {
        "experiment": config.experiment_name,
        "task": config.task.name,
        "dataset": config.dataset.name,
        "seed": config.seed,
        "fold": getattr(config.dataset, "fold", None),
        "test": scores.to_dict(),
        "last_validation": validation,
        "monitor": monitored,
        "epochs_run": trainer.current_epoch,
        "steps_run": trainer.global_step,
        "split": data.prepared.summary.to_dict(),
        "skipped_files": len(data.prepared.skipped),
        "dropped_rows": dict(Counter(row.reason for row in data.prepared.dropped)),
        "silence_audio": config.dataset.silence_audio,
        "freeze": frozen.to_dict(),
        "prefix_cache": prefix.to_dict(),
        "init": asdict(config.init),
        "versions": runs.versions(),
        "git_commit": runs.git_commit(),
        "seconds": seconds,
    }
    files.write_table(folder / "predictions.csv", scores.header, scores.rows)
    files.write_whole(folder / runs.RESULTS, json.dumps(results, indent=2))
    scoring.show(console, scores, f"{config.experiment_name}: test split, {config.dataset.name}")
    console.print(f"results: {folder / runs.RESULTS}", highlight=False, soft_wrap=True)
    return results
