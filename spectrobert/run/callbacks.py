"""Callbacks: checkpoints, random state, progress."""

import os
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
import torch.distributed as dist
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning.callbacks import Callback, Checkpoint, RichProgressBar
from rich.console import Console

from .. import terminal
from . import checkpoints
from .comet.logger import CometCurves
from .curves import CurveLogger, read
from .preemption import PreemptionNotice

# Shown in an epoch's line in addition to the monitored metric
SHOWN = {"train/loss", "val/loss", "val/accuracy", "val/sap_accuracy", "val/mlm_accuracy"}


class WholeFiles(TorchCheckpointIO):
    """Writes a checkpoint aside, then renames it: a run killed meanwhile keeps the last one.

    Reads tensors and plain types alone, and refuses to write what it could not read back.
    """

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """The checkpoint, on the CPU; the other arguments are Lightning's and have no effect."""
        return checkpoints.read(Path(path))

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Raises TypeError if the checkpoint holds more than tensors and plain types."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with aside.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            if unsafe := checkpoints.unsafe_globals(aside):
                raise TypeError(
                    f"a callback puts {unsafe[0]} into the checkpoint: plain types only"
                )
            os.replace(aside, target)
        except RuntimeError as error:
            # on a full disk, torch.save reports only that its archive has an unexpected length
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise
        finally:
            aside.unlink(missing_ok=True)


class LastCheckpoint(Checkpoint):
    """Keeps `last.ckpt`: after every epoch, every `minutes` inside one, and before it leaves."""

    def __init__(self, folder: Path, minutes: float, notice: PreemptionNotice):
        self.folder = folder
        self.seconds = minutes * 60
        self.saved_at = time.monotonic()
        self.notice = notice

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if trainer.is_global_zero:
            checkpoints.clear_leftovers(self.folder)
        self.notice.begin_training()

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.notice.is_training = False

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        is_step = (
            trainer.fit_loop.epoch_loop.batch_progress.current.ready
            % trainer.accumulate_grad_batches
            == 0
        )
        # At the end of an epoch the checkpoint is written after validation
        if not is_step or trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            return
        decide = trainer.strategy.reduce_boolean_decision  # one process may be asked; clocks differ
        is_asked = decide(self.notice.is_given, all=False)
        is_due = time.monotonic() - self.saved_at >= self.seconds
        if is_asked or decide(is_due, all=False):
            self._save(trainer)
        if is_asked:
            self._leave(trainer)

    def on_validation_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        # Lightning cannot resume inside a validation: one that ends soon is waited for
        if self.notice.is_overdue:
            self.notice.leave("a long validation is not waited for")

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._save(trainer)
        if trainer.strategy.reduce_boolean_decision(self.notice.is_given, all=False):
            self._leave(trainer)

    def _save(self, trainer: pl.Trainer) -> None:
        trainer.save_checkpoint(self.folder / checkpoints.NEXT)
        if trainer.is_global_zero:
            checkpoints.rotate(self.folder)
        self.saved_at = time.monotonic()

    def _leave(self, trainer: pl.Trainer) -> None:
        self.notice.leave(f"the state of step {trainer.global_step} is written")


class RandomState(Callback):
    """Keeps the state of the generators behind dropout, and restores it in a resumed run.

    Every process of a run draws its own dropout, and finds its own state again. Rows, crops, masks
    and mismatches need none of it: they depend on (seed, epoch, row) alone.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.restored: list[dict[str, Any]] | None = None  # by process

    def state_dict(self) -> dict[str, Any]:
        own = _generators()
        if not dist.is_initialized():
            return {"by_process": [own]}
        everyone: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(everyone, own)  # Lightning asks all processes, one writes the file
        return {"by_process": everyone}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.restored = state_dict["by_process"]

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if trainer.global_rank:
            torch.manual_seed(self.seed + (trainer.global_rank << 32))  # not the first one's masks

    def on_train_batch_start(
        self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        # A run resumed on another number of processes draws another dropout
        if self.restored is not None and len(self.restored) == trainer.world_size:
            _restore(self.restored[trainer.global_rank])
        self.restored = None


def _generators() -> dict[str, Any]:
    """The state of every generator of this process, as plain types; of GPUs the one in use."""
    name, keys, *rest = np.random.get_state()  # keys: (624,) uint32
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
        "numpy": (name, np.asarray(keys).tolist(), *rest),
        "python": random.getstate(),
    }


def _restore(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch"].cpu())
    if state["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"].cpu())
    np.random.set_state(state["numpy"])
    random.setstate(state["python"])


class ForgetAbandonedSteps(Callback):
    """On resuming, metrics.csv holds what was logged up to the checkpoint, and nothing after it.

    Lightning logs a step after `on_train_batch_end`, which writes its checkpoint: a run that
    stops in between would miss the row of that step, so the checkpoint carries it. All of it goes
    into Comet's new archive too: a killed process has left none.
    """

    def __init__(self) -> None:
        self.row: dict[str, float] = {}  # of the checkpoint's last step

    def on_save_checkpoint(
        self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        logged = trainer.callback_metrics.items()
        row = {name: float(value) for name, value in logged if name.startswith("train/")}
        checkpoint["row"] = row | {"epoch": trainer.current_epoch}

    def on_load_checkpoint(
        self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self.row = checkpoint["row"]

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        steps = trainer.global_step
        written: list[tuple[int, int, str, float]] = []
        for logger in trainer.loggers:
            if isinstance(logger, CurveLogger):
                logger.forget_after(steps)
                every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
                if self.row and steps % every == 0:
                    logger.add_missing(self.row, steps - 1)
                written = read(logger.path)
            if isinstance(logger, CometCurves) and logger.is_offline:
                logger.replay(written)


class EpochLine(Callback):
    """One plain line after each epoch, for logs and for terminals that show no bars."""

    def __init__(self, console: Console, monitor: str):
        self.console = console
        self.shown = SHOWN | {monitor}
        self.began = time.monotonic()  # a run resumed inside an epoch begins here

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.began = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        shown = {k: float(v) for k, v in trainer.callback_metrics.items() if k in self.shown}
        values = "  ".join(f"{name} {value:.4f}" for name, value in sorted(shown.items()))
        bar = trainer.progress_bar_callback
        # a bar that is being drawn makes room only for what its own console prints
        console = self.console
        if isinstance(bar, RichProgressBar) and bar.progress is not None:
            console = bar.progress.console
        terminal.print_line(
            console,
            f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}  step {trainer.global_step}"
            f"  {values}  ({time.monotonic() - self.began:.1f} s)",
        )
