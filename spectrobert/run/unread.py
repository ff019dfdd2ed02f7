"""Clips that cannot be read while a run trains or scores: named, counted, refused above a limit.

Files are checked before training (spectrobert/data/checks.py); these have changed since, or no file
was opened then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch.distributed as dist
from pytorch_lightning.callbacks import Callback
from rich.console import Console

from ..data.checks import Skipped, refuse_too_many
from ..data.preparation import Prepared
from ..terminal import print_line


class UnreadClips(Callback):
    """Collects `batch["unread"]` per split.

    Args:
        max_skipped: share of a split's clips; more in one pass raise UserError at its end.
        scored: the split that `trainer.test` runs over.
        console: where clips are reported, each once.
    """

    def __init__(
        self, prepared: Prepared, max_skipped: float, console: Console, scored: str = "test"
    ):
        self.sizes = {split: len(rows) for split, rows in prepared.splits.items()}
        self.max_skipped = max_skipped
        self.console = console
        self.scored = scored
        self.current: dict[str, dict[str, Skipped]] = {}  # split -> id -> clip, in this pass
        self.known: dict[str, dict[str, Skipped]] = {}  # in any pass

    def clips(self, split: str) -> list[Skipped]:
        """Clips of a split that could not be read, in any pass."""
        return list(self.known.get(split, {}).values())

    def on_train_epoch_start(self, *args: Any) -> None:
        self.current["train"] = {}

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, *args: Any
    ) -> None:
        self._note("train", batch)

    def on_train_epoch_end(self, *args: Any) -> None:
        self._judge("train")

    def on_validation_epoch_start(self, *args: Any) -> None:
        self.current["val"] = {}

    def on_validation_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, *args: Any
    ) -> None:
        self._note("val", batch)

    def on_validation_epoch_end(self, *args: Any) -> None:
        self._judge("train")  # before a checkpoint of the epoch is chosen
        self._judge("val")

    def on_test_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, *args: Any
    ) -> None:
        self._note(self.scored, batch)

    def on_test_epoch_end(self, *args: Any) -> None:
        self._judge(self.scored)

    def _note(self, split: str, batch: Mapping[str, Any]) -> None:
        for clip in batch.get("unread", ()):
            self.current.setdefault(split, {})[clip.id] = clip

    def _judge(self, split: str) -> None:
        """Report the clips that are new. Raises UserError above the limit."""
        unread = list(self.current.get(split, {}).values())
        if dist.is_initialized():  # every process has clips of its own, and all stop together
            parts: list[list[Skipped]] = [[]] * dist.get_world_size()
            dist.all_gather_object(parts, unread)
            unread = [clip for part in parts for clip in part]
        known = self.known.setdefault(split, {})
        new = {clip.id: clip for clip in unread if clip.id not in known}
        known |= new
        if new:
            first = next(iter(new.values()))
            print_line(
                self.console,
                f"{len(new)} of {self.sizes[split]} clips of {split} could not be read and are left"
                f" out, listed in skipped.csv; the first: {first.recording}: {first.fault}",
            )
        # Of no clip at all there is nothing to score
        limit = min(self.max_skipped, 1 - 1 / max(1, self.sizes[split]))
        refuse_too_many(unread, self.sizes[split], limit)
