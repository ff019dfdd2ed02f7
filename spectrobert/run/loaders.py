"""The loaders of a run; a resumed run continues at its place in the order of the data."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset

from ..config import TrainerConfig
from ..data.batches import LengthBatches, as_is, collate
from ..data.class_batches import ClassBatches, require_room
from ..data.class_draws import ClassDraws
from ..data.clips import ClipDataset, ReadOptions, columns
from ..data.preparation import Prepared
from ..data.speaker_batches import SpeakerBatches
from ..errors import UserError
from ..models.batch import Batch
from .preemption import leave_to_parent

# dataset.balance -> batches that draw their rows by class
BY_CLASS: dict[str, type[ClassBatches] | type[ClassDraws]] = {
    "batches": ClassBatches,
    "sampler": ClassDraws,
}


def automatic_workers(num_workers: int) -> int:
    """-1 becomes one less than the cores this process may use, 4 at most."""
    if num_workers >= 0:
        return num_workers
    return max(0, min(4, len(os.sched_getaffinity(0)) - 1))


def speaker_batches(
    prepared: Prepared, split: str, options: TrainerConfig, seed: int
) -> SpeakerBatches:
    """Batches in which a speaker's clips are together."""
    table = columns(prepared.splits[split], "seconds", "speaker")
    return SpeakerBatches(
        table["seconds"].to_numpy(),
        table["speaker"].to_pylist(),
        options.batch_size,
        seed,
        split == "train",
        options.speaker_clips,
    )


def _require_groups(balance: str, options: TrainerConfig) -> None:
    """Raise UserError for what forms batches in another way than by speaker."""
    if balance in BY_CLASS:
        raise UserError(
            f"dataset.balance={balance} and model.pooled_norm=speaker both form the batches: choose"
            " one"
        )
    if options.processes > 1:
        raise UserError(
            f"model.pooled_norm=speaker trains in one process, not in {options.processes}"
            " (trainer.devices, trainer.nodes): a speaker's clips are in one batch"
        )


class DataModule(LightningDataModule):
    """Loaders over a prepared corpus.

    Raises UserError if dataset.balance=batches has no room for each class in a batch.
    """

    def __init__(self, prepared: Prepared, read_options: ReadOptions, options: TrainerConfig):
        super().__init__()
        self.prepared = prepared
        self.read_options = read_options
        self.options = options
        self.num_workers = automatic_workers(options.num_workers)
        # By split, in place of audio and words: whole batches with the frozen part behind them
        # (spectrobert/run/prefix_cache)
        self.encoded: dict[str, Dataset] = {}
        if read_options.speakers:
            _require_groups(read_options.dataset.balance, options)
        if read_options.dataset.balance == "batches":
            require_room(self._labels(), options.batch_size)

    def train_dataloader(self) -> DataLoader:
        return self._loader("train")

    def val_dataloader(self) -> DataLoader | list[DataLoader]:
        return self._loader("val") if len(self.prepared.splits["val"]) else []

    def test_dataloader(self) -> DataLoader:
        return self._loader("test")

    def clips(self, split: str) -> ClipDataset:
        """The clips of a split: as training reads them, or as scoring does."""
        return ClipDataset(self.prepared.splits[split], self.read_options, split == "train")

    def _loader(self, split: str) -> DataLoader:
        is_training = split == "train"
        batches = self._batches(split)
        if is_training and self.trainer is not None:
            batches.done = self._behind()
            batches.set_epoch(batches.done[0])
        clips, together, workers = self.reads(split)
        return DataLoader(
            clips,
            batch_sampler=batches,
            collate_fn=together,
            num_workers=workers,
            persistent_workers=workers > 0,
            worker_init_fn=leave_to_parent,
            pin_memory=self.options.accelerator == "cuda",
            # Without one a loader draws from the global generator: dropout would shift on resuming
            generator=torch.Generator().manual_seed(self.read_options.seed),
        )

    def _batches(self, split: str) -> LengthBatches:
        """The rows of each batch that this process takes."""
        if self.read_options.speakers:
            return speaker_batches(self.prepared, split, self.options, self.read_options.seed)
        is_training, trainer = split == "train", self.trainer
        seconds = columns(self.prepared.splits[split], "seconds")["seconds"].to_numpy()
        if is_training and self.read_options.augmentation is not None:
            seconds = self.read_options.augmentation.heard(seconds)
        if is_training and not self.options.group_by_length:
            seconds = np.ones_like(seconds)
        size, seed = self.options.batch_size, self.read_options.seed
        rank = trainer.global_rank if trainer else 0
        world_size = trainer.world_size if trainer else 1
        drawn = BY_CLASS.get(self.read_options.dataset.balance) if is_training else None
        if drawn:
            return drawn(seconds, self._labels(), size, seed, rank, world_size)
        quotas = self.prepared.quotas if is_training else ()
        return LengthBatches(seconds, size, seed, is_training, rank, world_size, quotas)

    def _labels(self) -> list[str]:
        """The class of each training row."""
        return columns(self.prepared.splits["train"], "label")["label"].to_pylist()

    def reads(self, split: str) -> tuple[Dataset, Callable[..., Batch], int]:
        """Rows, what makes a batch of them, and the processes that read them."""
        if split in self.encoded:
            return self.encoded[split], as_is, 0  # nothing is decoded
        return self.clips(split), collate, self.num_workers

    def _behind(self) -> tuple[int, int]:
        """Epochs, and batches of the one that is trained, behind the checkpoint (or the start).

        Lightning has restored its counts by now. A checkpoint of an epoch's end still counts that
        epoch's batches, and the epoch as processed but not as completed.
        """
        assert self.trainer is not None
        loop = self.trainer.fit_loop
        epochs: Any = loop.epoch_progress.current
        is_inside = epochs.processed == epochs.completed
        return epochs.processed, loop.epoch_loop.batch_progress.current.ready if is_inside else 0
