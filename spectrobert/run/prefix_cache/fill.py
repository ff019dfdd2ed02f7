"""One pass over the distinct pairs of a corpus: their frozen values, written to an entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ...data.batches import collate
from ...data.checks import Skipped
from ...data.clips import ClipDataset, ReadOptions, RowKey
from ...data.preparation import Prepared
from ...models.batch import Batch
from ...models.spectrobert import Sequence, SpectroBert
from .depth import compute
from .entry import Draft
from .pairs import Pairs


class FirstRows(Dataset):
    """The row in which each pair comes first; `index` is the pair. Skipped if it is unreadable."""

    def __init__(self, prepared: Prepared, read_options: ReadOptions, pairs: Pairs):
        rows = prepared.splits.items()
        self.clips = {
            split: ClipDataset(own, read_options, is_training=False) for split, own in rows
        }
        self.pairs = pairs

    def __getitem__(self, pair: int) -> dict[str, Any] | Skipped:
        split, row = self.pairs.first[pair]
        item = self.clips[split][RowKey(0, row)]
        return item | {"index": pair} if isinstance(item, dict) else item


def append(draft: Draft, pairs: Tensor, sequence: Sequence) -> None:
    """Write the real tokens of a batch; (B,) `pairs` names its rows."""
    hidden, mask, num_words, _ = sequence
    flat = hidden[mask].float().cpu().numpy()  # in the order of the rows
    words = mask[:, :num_words].sum(dim=1).cpu().numpy()
    sounds = mask[:, num_words:].sum(dim=1).cpu().numpy()
    draft.append(pairs.numpy(), flat, words, sounds)


@torch.no_grad()
def fill(
    draft: Draft,
    model: SpectroBert,
    depth: int,
    rows: FirstRows,
    batch_size: int,
    num_workers: int,
    device: torch.device,
    half: torch.dtype | None,
    progress: Callable[[int, int], None],
) -> dict[int, Skipped]:
    """Compute what the draft lacks, the longest clips first: what does not fit fails at once.

    Returns the pairs that could not be read: the draft lacks them still.

    Args:
        half: the type that matrix products take in mixed precision; None: float32.
        progress: called with (pairs done, pairs).
    """
    # Not inference_mode: what a function caches in it could never be saved for a gradient
    pairs = rows.pairs
    order = np.argsort(-pairs.seconds, kind="stable")
    left = [int(pair) for pair in order if int(pair) not in draft.done]
    batches = [left[i : i + batch_size] for i in range(0, len(left), batch_size)]
    loader = DataLoader(
        rows,
        batch_sampler=batches,
        collate_fn=collate,
        num_workers=num_workers,
        generator=torch.Generator(),  # or it would draw from the one behind dropout
    )
    model.eval()
    model.to(device)
    unread: dict[int, Skipped] = {}
    progress(len(draft.done), len(order))
    for asked, batch in zip(batches, loader):
        failed = batch.pop("unread", [])
        if batch:
            on_device = cast(Batch, {name: value.to(device) for name, value in batch.items()})
            with torch.autocast(device.type, half, enabled=half is not None):
                sequence = compute(model, on_device, depth)
            append(draft, batch["index"], sequence)
        missing = [pair for pair in asked if pair not in draft.done]
        unread |= dict(zip(missing, failed, strict=True))
        progress(len(draft.done) + len(unread), len(order))
    return unread
