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
from torch.utils.data import Dataset

from ...audio.io import AudioError
from ...data.batches import collate_answers, collate_times
from ...data.checks import Skipped
from ...data.clips import ClipDataset, ReadOptions, RowKey, answer
from ...models.batch import IGNORED
from ...models.model import FrozenPrefix
from .storage import Entry


@dataclass(frozen=True)
class Layout:
    """The form in which a model reads its activations."""

    prefix: FrozenPrefix
    is_joint: bool  # words and sounds in one sequence
    words: Sequence[np.ndarray]  # word pieces by pair, for a text encoder that trains


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
        clips = ClipDataset(rows, read_options, is_training=False)
        self.times = [_times(clips, row) for row in rows] if read_options.has_word_times else []
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
        if "caption" in batch:  # padded to the longest of the split
            longest = int((batch["caption"] != IGNORED).sum(dim=1).max())
            batch["caption"] = batch["caption"][:, :longest]
        frozen = padded(self.entry, self.pairs[rows], self.layout)
        frozen |= collate_times([self.times[row] for row in rows] if self.times else ())
        return batch | {"index": index} | frozen | missing

    def _skipped(self, row: int) -> Skipped:
        return self.unread[self.pairs[row]]._replace(id=self.rows[row]["id"])


def _times(clips: ClipDataset, row: dict[str, Any]) -> dict[str, np.ndarray]:
    """Times of a row's words; none if its file cannot be read: then it is never asked for."""
    try:
        return clips.word_times(row, row)
    except AudioError:
        return {}


def padded(entry: Entry, pairs: np.ndarray, layout: Layout) -> dict[str, Any]:
    """The activations of a batch as `Batch` describes them, zero where padded."""
    words, sounds = entry.words[pairs].tolist(), entry.sounds[pairs].tolist()
    values = entry.values(pairs)
    word_width, sound_width = layout.prefix.widths
    batch = {"depth": layout.prefix.depth, "audio_mask": _mask(sounds)}
    if layout.is_joint:
        return batch | {"text_mask": _mask(words), "hidden": _joint(values, words, word_width)}
    if word_width:
        own = [both[: n * word_width] for both, n in zip(values, words)]
        batch |= {"text_mask": _mask(words), "word_states": _states(own, word_width)}
    else:
        batch |= _word_pieces([layout.words[pair] for pair in pairs.tolist()])
    if sound_width:
        own = [both[n * word_width :] for both, n in zip(values, words)]
        batch["sound_states"] = _states(own, sound_width)
    return batch


def _joint(values: Sequence[np.ndarray], words: Sequence[int], width: int) -> torch.Tensor:
    """(B, L + N, D): words, then sounds."""
    sounds = [len(own) // width - n for own, n in zip(values, words)]
    if _is_even(words) and _is_even(sounds):
        return _states(values, width)
    length = max(words)
    hidden = np.zeros((len(values), length + max(sounds), width), np.float32)
    for into, own, num_words, num_sounds in zip(hidden, values, words, sounds):
        tokens = own.reshape(-1, width)
        into[:num_words] = tokens[:num_words]
        into[length : length + num_sounds] = tokens[num_words:]
    return torch.from_numpy(hidden)


def _states(values: Sequence[np.ndarray], width: int) -> torch.Tensor:
    """(B, longest, width)."""
    return torch.from_numpy(_rectangle(values, np.float32)).view(len(values), -1, width)


def _word_pieces(ids: Sequence[np.ndarray]) -> dict[str, torch.Tensor]:
    """`input_ids` (B, L) and `text_mask` (B, L), as `collate` makes them."""
    pieces = torch.from_numpy(_rectangle(ids, np.int64))
    return {"input_ids": pieces, "text_mask": _mask([len(own) for own in ids])}


def _rectangle(values: Sequence[np.ndarray], dtype: type[np.generic]) -> np.ndarray:
    """(B, longest), zero behind each of the (V,) values."""
    lengths = [len(own) for own in values]
    if _is_even(lengths):  # one vector per clip, say: copied at once
        return np.concatenate(values, dtype=dtype).reshape(len(values), -1)
    padded = np.zeros((len(values), max(lengths)), dtype)
    for into, own in zip(padded, values):
        into[: len(own)] = own
    return padded


def _mask(lengths: Sequence[int]) -> torch.Tensor:
    """(B, longest), True at real tokens."""
    if _is_even(lengths):
        return torch.ones(len(lengths), lengths[0], dtype=torch.bool)
    return torch.from_numpy(np.arange(max(lengths)) < np.array(lengths)[:, None])


def _is_even(lengths: Sequence[int]) -> bool:
    return len(set(lengths)) == 1
