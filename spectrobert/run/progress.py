"""Progress inside an epoch for a log without a terminal: a line now and then, none redrawn."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from rich.console import Console

from .. import terminal
from ..config import TrainerConfig


class Every:
    """A clock that strikes every so many minutes."""

    def __init__(self, minutes: float):
        self.seconds = minutes * 60
        self.struck_at = time.monotonic()

    def is_due(self) -> bool:
        """True once per stretch."""
        now = time.monotonic()
        if now - self.struck_at < self.seconds:
            return False
        self.struck_at = now
        return True


def duration(seconds: float) -> str:
    """A duration for a reader.

    >>> [duration(s) for s in (42, 150, 34_000, 400_000)]
    ['42 s', '2 min', '9 h 26 min', '4 d 15 h']
    """
    minutes, hours, days = (int(seconds // unit) for unit in (60, 3600, 86400))
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"


@contextmanager
def counting(
    what: str, console: Console, options: TrainerConfig
) -> Iterator[Callable[[int, int], None]]:
    """A bar, or a line now and then, for something that is counted.

    Yields a function of how many are done and how many there are.
    """
    is_bar = options.progress and console.is_terminal
    clock = Every(options.progress_minutes)
    with terminal.counting(what, console, is_bar) as advance:

        def show(done: int, total: int) -> None:
            advance(done, total)
            if not is_bar and clock.is_due():
                terminal.print_line(console, f"{what}: {done} of {total}")

        yield show


class StepLine(Callback):
    """One line every `minutes`: place of the run, clips per second, time that is left."""

    def __init__(self, console: Console, minutes: float):
        self.console = console
        self.clock = Every(minutes)
        self.clips = self.batches = 0
        self.began = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._begin()

    def on_train_batch_start(
        self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if not self.began:  # a run resumed inside an epoch
            self._begin()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self.batches += 1
        self.clips += len(batch["index"])
        if not trainer.is_global_zero or not self.clock.is_due():
            return
        seconds = time.monotonic() - self.began
        pace = seconds / self.batches
        total = int(trainer.num_training_batches)
        here = total - batch_idx - 1
        epochs = (trainer.max_epochs or 1) - trainer.current_epoch - 1
        loss = float(trainer.callback_metrics["train/loss"])
        terminal.print_line(
            self.console,
            f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}  batch {batch_idx + 1}/{total}"
            f"  step {trainer.global_step}  train/loss {loss:.4f}"
            f"  {self.clips * trainer.world_size / seconds:.1f} clips/s"
            f"  epoch ends in {duration(here * pace)}, training in"
            f" {duration((here + epochs * total) * pace)}",
        )

    def _begin(self) -> None:
        self.began = time.monotonic()
        self.clips = self.batches = 0
