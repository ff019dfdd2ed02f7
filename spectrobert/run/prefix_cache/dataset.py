"""Batches from an entry: as the loaders would give them, with the frozen part behind them.

Rows, order, padded lengths and answers are those of the plain batches, so that the layers that
train see tensors of the same shape and draw the same dropout masks.

Shapes: B batch, L word pieces, N audio tokens, D width of words, E width of sounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import datasets
import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from ...data.batches import collate_answers
from ...data.checks import Skipped
from ...data.clips import ReadOptions, RowKey, answer
from ...models.model import FrozenPrefix
from .storage import Entry


@dataclass(frozen=True)
class Layout:
    """The form in which a model reads its activations."""

    prefix: FrozenPrefix
    is_joint: bool  # words and sounds in one sequence
    words: list[list[int]]  # word pieces by pair, for a text encoder that trains


class EncodedRows(Dataset):
    """One split, a whole batch at a time (see `__getitems__` of `DataLoader`).

    Args:
        pairs: (R,) of the rows.
        unread: by pair, the clips that the entry lacks.
    """

    def __init__(
        self,
        entry: Entry,
        layout: Layout,
        pairs: np.ndarray,
        rows: datasets.Dataset,
        read_options: ReadOptions,
        unread: Mapping[int, Skipped],
    ):
        self.entry, self.layout, self.pairs, self.unread = entry, layout, pairs, unread
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
        frozen = padded(self.entry, self.pairs[rows], self.layout)
        return batch | {"index": index} | frozen | missing

    def _skipped(self, row: int) -> Skipped:
        return self.unread[self.pairs[row]]._replace(id=self.rows[row]["id"])


def padded(entry: Entry, pairs: np.ndarray, layout: Layout) -> dict[str, Any]:
    """The activations of a batch as `Batch` describes them, zero where padded."""
    places = entry.places[pairs]
    words, sounds = places["words"], places["sounds"]
    values = [entry.values(pair) for pair in pairs.tolist()]
    masks = {"text_mask": _mask(words), "audio_mask": _mask(sounds)}
    common: dict[str, Any] = masks | {"depth": layout.prefix.depth}
    if layout.is_joint:
        return common | {"hidden": _joint(values, words, sounds)}
    if layout.prefix.widths[0]:
        common["word_states"] = _padded([own for own, _ in values], words)
    else:
        common |= _word_pieces([layout.words[pair] for pair in pairs.tolist()])
    if layout.prefix.widths[1]:
        common["sound_states"] = _padded([own for _, own in values], sounds)
    return common


def _joint(
    values: Sequence[tuple[np.ndarray, np.ndarray]], words: np.ndarray, sounds: np.ndarray
) -> torch.Tensor:
    """(B, L + N, D): words, then sounds."""
    length = int(words.max())
    shape = (len(values), length + int(sounds.max()), values[0][0].shape[1])
    hidden = np.zeros(shape, np.float32)
    for into, (text, audio) in zip(hidden, values):
        into[: len(text)] = text
        into[length : length + len(audio)] = audio
    return torch.from_numpy(hidden)


def _padded(values: Sequence[np.ndarray], lengths: np.ndarray) -> torch.Tensor:
    """(B, longest, width)."""
    states = np.zeros((len(values), int(lengths.max()), values[0].shape[1]), np.float32)
    for into, own in zip(states, values):
        into[: len(own)] = own
    return torch.from_numpy(states)


def _word_pieces(ids: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
    """`input_ids` (B, L) and `text_mask` (B, L), as `collate` makes them."""
    rows = [torch.tensor(own) for own in ids]
    lengths = np.array([len(own) for own in ids])
    return {"input_ids": pad_sequence(rows, batch_first=True), "text_mask": _mask(lengths)}


def _mask(lengths: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.arange(lengths.max()) < lengths[:, None])
