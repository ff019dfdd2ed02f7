"""Batches from an entry: as the loaders would give them, with the frozen part behind them.

Rows, order, padded lengths and answers are those of the plain batches, so that the layers that
train see tensors of the same shape and draw the same dropout masks.

Shapes: B batch, L word pieces, N audio tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import datasets
import numpy as np
import torch
from torch.utils.data import Dataset

from ...data.batches import collate_answers
from ...data.checks import Skipped
from ...data.clips import ReadOptions, RowKey, answer
from .entry import Entry


class EncodedRows(Dataset):
    """One split. A whole batch is asked for at once; see `DataLoader`'s `__getitems__`."""

    def __init__(
        self,
        entry: Entry,
        pairs: np.ndarray,
        rows: datasets.Dataset,
        read_options: ReadOptions,
        unread: Mapping[int, Skipped],
    ):
        self.entry = entry
        self.pairs = pairs  # (rows,)
        self.unread = unread  # row -> why the entry lacks its pair
        light = rows.remove_columns(["audio", "text"])
        self.answers = collate_answers([answer(row, read_options) for row in light])

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitems__(self, keys: Sequence[RowKey]) -> dict[str, Any]:
        asked = [key.row for key in keys]
        unread = [self.unread[row] for row in asked if row in self.unread]
        missing: dict[str, Any] = {"unread": unread} if unread else {}
        rows = np.array([row for row in asked if row not in self.unread], dtype=int)
        if not len(rows):
            return missing
        index = torch.from_numpy(rows)
        batch = {name: values[index] for name, values in self.answers.items()}
        return batch | {"index": index} | padded(self.entry, self.pairs[rows]) | missing


def padded(entry: Entry, pairs: np.ndarray) -> dict[str, Any]:
    """`hidden` (B, L + N, D), zero where padded, `text_mask` (B, L), `audio_mask` (B, N)."""
    offset, words, sounds = (x[pairs] for x in (entry.offset, entry.words, entry.sounds))
    length = int(words.max())
    hidden = np.zeros((len(pairs), length + int(sounds.max()), entry.values.shape[1]), np.float32)
    for into, start, num_words, num_sounds in zip(hidden, offset, words, sounds):
        middle = start + num_words
        into[:num_words] = entry.values[start:middle]
        into[length : length + num_sounds] = entry.values[middle : middle + num_sounds]
    return {
        "hidden": torch.from_numpy(hidden),
        "text_mask": _mask(words),
        "audio_mask": _mask(sounds),
        "depth": entry.header["facts"]["depth"],
    }


def _mask(lengths: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.arange(lengths.max()) < lengths[:, None])
