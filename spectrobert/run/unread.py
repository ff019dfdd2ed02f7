"""Clips that cannot be read while a run trains or scores: named, counted, refused above a limit.

Files are checked before training (data/checks.py); these have changed since, or no file was opened
then.
"""

from collections.abc import Sequence
from typing import Any

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
        # split -> id -> clip: not judged yet, and in any pass
        self.current: dict[str, dict[str, Skipped]] = {split: {} for split in self.sizes}
        self.known: dict[str, dict[str, Skipped]] = {split: {} for split in self.sizes}

    def clips(self, split: str) -> list[Skipped]:
        """Clips of a split that could not be read, in any pass."""
        return list(self.known[split].values())

    def add(self, split: str, unread: Sequence[Skipped]) -> None:
        """Take in all clips of a split that could not be read. Raises UserError above the limit."""
        self.current[split] = {clip.id: clip for clip in unread}
        self._judge(split)

    def on_train_batch_end(self, *args: Any) -> None:
        self._note("train", *args)

    def on_validation_batch_end(self, *args: Any) -> None:
        self._note("val", *args)

    def on_test_batch_end(self, *args: Any) -> None:
        self._note(self.scored, *args)

    def on_train_epoch_end(self, *args: Any) -> None:
        self._judge("train")

    def on_validation_epoch_end(self, *args: Any) -> None:
        self._judge("train")  # before a checkpoint of the epoch is chosen
        self._judge("val")

    def on_test_epoch_end(self, *args: Any) -> None:
        self._judge(self.scored)

    def _note(self, split: str, trainer: Any, task: Any, outputs: Any, batch: Any, *_: Any) -> None:
        self.current[split] |= {clip.id: clip for clip in batch.get("unread", ())}

    def _judge(self, split: str) -> None:
        """Report the clips that are new. Raises UserError above the limit."""
        unread = list(self.current[split].values())
        self.current[split] = {}
        if dist.is_initialized():  # every process has clips of its own, and all stop together
            parts: list[list[Skipped]] = [[]] * dist.get_world_size()
            dist.all_gather_object(parts, unread)
            unread = [clip for part in parts for clip in part]
        size, known = self.sizes[split], self.known[split]
        new = {clip.id: clip for clip in unread if clip.id not in known}
        known |= new
        if new:
            first = next(iter(new.values()))
            print_line(
                self.console,
                f"{len(new)} of {size} clips of {split} could not be read and are left out, listed"
                f" in skipped.csv; the first: {first.recording}: {first.fault}",
            )
        # Of no clip at all there is nothing to score
        refuse_too_many(unread, size, min(self.max_skipped, 1 - 1 / max(1, size)))
