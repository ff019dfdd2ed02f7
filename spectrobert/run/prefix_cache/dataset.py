"""Batches from an entry: as the loaders would give them, with the frozen part behind them.

Rows, order, padded lengths and answers are those of the plain batches, so that the layers that
train see tensors of the same shape and draw the same dropout masks.

Shapes: B batch, L word pieces, N audio tokens, D width.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import datasets
import numpy as np
import torch
from torch.utils.data import Dataset

from ...data.batches import collate_answers
from ...data.checks import Skipped
from ...data.clips import ReadOptions, RowKey, answer
from .storage import VALUE, Entry


class EncodedRows(Dataset):
    """One split, a whole batch at a time (see `__getitems__` of `DataLoader`).

    Args:
        pairs: (R,) of the rows.
        unread: by pair, the clips that the entry lacks.
    """

    def __init__(
        self,
        entry: Entry,
        depth: int,
        pairs: np.ndarray,
        rows: datasets.Dataset,
        read_options: ReadOptions,
        unread: Mapping[int, Skipped],
    ):
        self.entry, self.depth, self.pairs, self.unread = entry, depth, pairs, unread
        self.rows = rows.remove_columns(["audio", "text"])
        self.answers = collate_answers([answer(row, read_options) for row in self.rows])

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitems__(self, keys: Sequence[RowKey]) -> dict[str, Any]:
        asked = [key.row for key in keys]
        unread = [self._skipped(row) for row in asked if self.pairs[row] in self.unread]
        missing: dict[str, Any] = {"unread": unread} if unread else {}
        rows = np.array([row for row in asked if self.pairs[row] not in self.unread], dtype=int)
        if not len(rows):
            return missing
        index = torch.from_numpy(rows)
        batch = {name: values[index] for name, values in self.answers.items()}
        frozen = padded(self.entry, self.pairs[rows], self.depth)
        return batch | {"index": index} | frozen | missing

    def _skipped(self, row: int) -> Skipped:
        return self.unread[self.pairs[row]]._replace(id=self.rows[row]["id"])


def padded(entry: Entry, pairs: np.ndarray, depth: int) -> dict[str, Any]:
    """`hidden` (B, L + N, D), zero where padded, `text_mask` (B, L), `audio_mask` (B, N)."""
    words, sounds = entry.places["words"][pairs], entry.places["sounds"][pairs]
    values = [entry.values(pair) for pair in pairs.tolist()]
    length = int(words.max())
    shape = (len(pairs), length + int(sounds.max()), values[0].shape[1])
    hidden = np.zeros(shape, VALUE)
    for into, tokens, num_words, num_sounds in zip(hidden, values, words, sounds):
        into[:num_words] = tokens[:num_words]
        into[length : length + num_sounds] = tokens[num_words:]
    return {
        "hidden": torch.from_numpy(hidden),
        "text_mask": _mask(words),
        "audio_mask": _mask(sounds),
        "depth": depth,
    }


def _mask(lengths: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.arange(lengths.max()) < lengths[:, None])
