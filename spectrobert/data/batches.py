"""Batches: their rows, in their order, padded.

Shapes: B batch, L word pieces, T samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Sampler

from ..models.batch import IGNORED, Batch
from . import mixtures
from .checks import Skipped
from .clips import RowKey
from .word_spans import FIELDS as TIMES
from .word_spans import NO_TIME

POOL = 16  # batches among which rows are sorted by length: little padding, still a random order


class LengthBatches(Sampler[list[RowKey]]):
    """Batches of clips of like length; (seed, epoch) decides them, not the number of processes.

    Args:
        seconds: length of every row.
        shuffle: False keeps the longest first, for evaluation.
        rank, world_size: this process takes every `world_size`-th row of a batch. In evaluation no
            row is taken twice; in training a last batch of fewer rows than processes goes to all.
        quotas: of a weighted mixture; an epoch then holds some rows several times, others never.
    """

    def __init__(
        self,
        seconds: Sequence[float],
        batch_size: int,
        seed: int,
        shuffle: bool,
        rank: int = 0,
        world_size: int = 1,
        quotas: Sequence[mixtures.Quota] = (),
    ):
        self.seconds = np.asarray(seconds)
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.rank, self.world_size = rank, world_size
        self.quotas = quotas
        self.epoch = 0
        self.done = (0, 0)  # epoch, batches of it that a resumed run has behind it

    def __len__(self) -> int:
        return math.ceil(len(self.seconds) / self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Called before each epoch: another order, other crops, masks and mismatches."""
        self.epoch = epoch

    @property
    def sampler(self) -> LengthBatches:
        """Lightning calls `set_epoch` on the sampler inside a batch sampler; this one has none."""
        return self

    def __iter__(self) -> Iterator[list[RowKey]]:
        epoch = self.epoch if self.shuffle else 0
        num_rows = len(self.seconds)
        skip = self.done[1] if self.shuffle and epoch == self.done[0] else 0
        for batch in self._batches(epoch)[skip:]:
            mine = batch[self.rank :: self.world_size]
            if self.shuffle and len(batch) < self.world_size:
                mine = batch  # too few to share out: all take the same, the mean stays what it is
            if len(mine):
                yield [
                    RowKey(epoch, place % num_rows, place // num_rows) for place in mine.tolist()
                ]

    def _batches(self, epoch: int) -> list[np.ndarray]:
        if not self.shuffle:
            order = np.argsort(-self.seconds, kind="stable")
            return self._cut(order)
        generator = np.random.default_rng([self.seed, epoch])
        num_rows = len(self.seconds)
        order = self._order(generator)
        batches: list[np.ndarray] = []
        for start in range(0, len(order), POOL * self.batch_size):
            pool = order[start : start + POOL * self.batch_size]
            batches += self._cut(pool[np.argsort(self.seconds[pool % num_rows], kind="stable")])
        return [batches[i] for i in generator.permutation(len(batches))]

    def _order(self, generator: np.random.Generator) -> np.ndarray:
        """The rows of an epoch, shuffled; row i for the k-th time again is i + k * all rows."""
        if self.quotas:
            return mixtures.places(self.quotas, generator)
        return generator.permutation(len(self.seconds))

    def _cut(self, order: np.ndarray) -> list[np.ndarray]:
        return [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]


def collate(items: Sequence[dict[str, Any] | Skipped]) -> Batch:
    """Pad the items that could be read into one batch; `text_mask` is True at real word pieces.

    Clips that could not be read are in the list `unread`, which is missing if all were read. A
    batch of which none was read has nothing else.
    """
    read = [item for item in items if not isinstance(item, Skipped)]
    unread = [item for item in items if isinstance(item, Skipped)]
    if not read:
        return {"unread": unread}
    waveforms = [torch.from_numpy(item["waveform"]) for item in read]
    ids = [torch.from_numpy(item["input_ids"]) for item in read]
    lengths = torch.tensor([len(i) for i in ids])
    batch: dict[str, Any] = {
        "index": torch.tensor([item["index"] for item in read]),
        "waveform": pad_sequence(waveforms, batch_first=True),  # (B, T)
        "num_samples": torch.tensor([len(w) for w in waveforms]),
        "input_ids": pad_sequence(ids, batch_first=True),  # (B, L); [PAD] is 0
    }
    batch["text_mask"] = torch.arange(batch["input_ids"].shape[1]) < lengths[:, None]
    batch |= collate_answers(read) | collate_sound(read) | collate_times(read)
    if unread:
        batch["unread"] = unread
    for name in ("matched", "draw"):
        if name in read[0]:
            batch[name] = torch.tensor([item[name] for item in read])
    for name in ("mlm_labels", "units"):
        if name in read[0]:
            targets = [torch.from_numpy(item[name]) for item in read]
            batch[name] = pad_sequence(targets, batch_first=True, padding_value=IGNORED)
    for name, count in (("video", "num_frames"), ("phones", "num_phones")):
        if any(name in item for item in read):
            batch |= _padded(read, name, count)
    if "letters" in read[0]:
        spelt = [torch.from_numpy(item["letters"]) for item in read]
        batch["letters"] = pad_sequence(spelt, batch_first=True)  # 0 is CTC's blank
    return cast(Batch, batch)


def _padded(items: Sequence[dict[str, Any]], name: str, count: str) -> dict[str, Tensor]:
    """A stream that some clips have, padded with 0 (B, longest, ...), and its lengths (B,)."""
    some = next(item[name] for item in items if name in item)
    streams = [torch.from_numpy(item.get(name, some[:0])) for item in items]
    lengths = torch.tensor([len(stream) for stream in streams])
    return {name: pad_sequence(streams, batch_first=True), count: lengths}


def collate_answers(items: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
    """`clips.answer` of each item as tensors: (B,) classes and (B, C) votes, (B, D) numbers or
    (B, C) word pieces of captions, and (B,) speakers.
    """
    first = items[0] if items else {}
    answers: dict[str, Tensor] = {
        name: torch.tensor([item[name] for item in items])
        for name in ("label", "speaker")
        if name in first
    }
    for name in ("targets", "votes"):
        if name in first:
            answers[name] = torch.from_numpy(np.stack([item[name] for item in items]))
    if "caption" in first:
        captions = [torch.from_numpy(item["caption"]) for item in items]
        answers["caption"] = pad_sequence(captions, batch_first=True, padding_value=IGNORED)
    return answers


def collate_sound(items: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
    """Masks (B, K, 4), gains (B, K), and mixtures of each clip with the next one of its process'
    batch; the statistics of each clip's speaker (B, M).
    """
    drawn: dict[str, Tensor] = {}
    for name in ("mel_mean", "mel_std", "masks", "mel_gains"):
        if name in items[0]:
            drawn[name] = torch.from_numpy(np.stack([item[name] for item in items]))
    if "mix_weight" in items[0]:
        drawn["mix_weight"] = torch.tensor([item["mix_weight"] for item in items])
        drawn["mix_with"] = _partners([item.get("speaker", 0) for item in items])
    return drawn


def collate_times(items: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """Times of word pieces (B, L, 2) and words (B, K, 2), if the items have any."""
    return {
        name: pad_sequence(
            [torch.from_numpy(item[name]) for item in items],
            batch_first=True,
            padding_value=NO_TIME,
        )
        for name in TIMES
        if items and name in items[0]
    }


def _partners(speakers: Sequence[int]) -> Tensor:
    """(B,) the next row of the batch, of the same speaker if speakers are told apart."""
    rows: dict[int, list[int]] = {}
    for row, speaker in enumerate(speakers):
        rows.setdefault(speaker, []).append(row)
    partners = torch.empty(len(speakers), dtype=torch.long)
    for own in rows.values():
        partners[own] = torch.tensor([*own[1:], own[0]])
    return partners


def as_is(batch: Batch) -> Batch:
    """In place of `collate`, for a data set that gives whole batches."""
    return batch
