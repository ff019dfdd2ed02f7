"""The loaders of a run, and where a resumed run takes up the order of its data."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset

from ..config import TrainerConfig
from .batches import LengthBatches, as_is, collate
from .clips import Clips, Reading
from .preparation import Prepared


def automatic_workers(num_workers: int) -> int:
    """-1 becomes one less than the cores this process may use, 4 at most."""
    if num_workers >= 0:
        return num_workers
    return max(0, min(4, len(os.sched_getaffinity(0)) - 1))


class DataModule(LightningDataModule):
    """Loaders over a prepared corpus."""

    def __init__(self, prepared: Prepared, reading: Reading, options: TrainerConfig):
        super().__init__()
        self.prepared = prepared
        self.reading = reading
        self.options = options
        self.num_workers = automatic_workers(options.num_workers)
        # By split, in place of audio and words: whole batches with the frozen part behind them
        # (spectrobert/prefix_cache)
        self.encoded: dict[str, Dataset] = {}

    def train_dataloader(self) -> DataLoader:
        return self._loader("train")

    def val_dataloader(self) -> DataLoader:
        return self._loader("val")

    def test_dataloader(self) -> DataLoader:
        return self._loader("test")

    def _loader(self, split: str) -> DataLoader:
        is_training = split == "train"
        rows = self.prepared.splits[split]
        trainer = self.trainer
        batches = LengthBatches(
            rows["seconds"],
            self.options.batch_size,
            self.reading.seed,
            shuffle=is_training,
            rank=trainer.global_rank if trainer else 0,
            world_size=trainer.world_size if trainer else 1,
        )
        if is_training and trainer is not None:
            batches.set_epoch(trainer.current_epoch)
            batches.done = (trainer.current_epoch, self._batches_done())
        clips, together, workers = self._reads(split)
        return DataLoader(
            clips,
            batch_sampler=batches,
            collate_fn=together,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=self.options.accelerator == "cuda",
            # Without one a loader draws from the global generator: dropout would shift on resuming
            generator=torch.Generator().manual_seed(self.reading.seed),
        )

    def _reads(self, split: str) -> tuple[Dataset, Callable[..., dict[str, Any]], int]:
        """Rows, what makes a batch of them, and the processes that read them."""
        if split in self.encoded:
            return self.encoded[split], as_is, 0  # nothing is decoded
        clips = Clips(self.prepared.splits[split], self.reading, is_training=split == "train")
        return clips, collate, self.num_workers

    def _batches_done(self) -> int:
        """Batches of this epoch behind the checkpoint; Lightning has restored the count by now."""
        assert self.trainer is not None
        return self.trainer.fit_loop.epoch_loop.batch_progress.current.ready
