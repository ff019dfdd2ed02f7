"""Batches that hold the clips of a speaker together, as `model.pooled_norm=speaker` needs them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .batches import LengthBatches

MOST = 128  # clips of a speaker that are scored together


class SpeakerBatches(LengthBatches):
    """Batches of several clips of each of a few speakers; (seed, epoch) decides them.

    In training every row comes once per epoch, in groups of about `together` clips of one speaker,
    as many groups in a batch as fit. For evaluation a batch is all of a speaker, in parts of like
    size if there are more than MOST clips.

    Args:
        seconds: length of every row.
        speakers: of every row.
        together: clips of a speaker in a training batch.
    """

    def __init__(
        self,
        seconds: Sequence[float],
        speakers: Sequence[str],
        batch_size: int,
        seed: int,
        shuffle: bool,
        together: int,
    ):
        super().__init__(seconds, batch_size, seed, shuffle)
        names, number = np.unique(np.asarray(speakers), return_inverse=True)
        self.rows = [np.flatnonzero(number == s) for s in range(len(names))]
        self.together = min(together, batch_size)

    def __len__(self) -> int:
        return len(self._batches(0))

    def _batches(self, epoch: int) -> list[np.ndarray]:
        if not self.shuffle:
            return [part for own in self.rows for part in _parts(own, MOST)]
        generator = np.random.default_rng([self.seed, epoch])
        groups = [
            part for own in self.rows for part in _parts(generator.permutation(own), self.together)
        ]
        order = generator.permutation(len(groups))
        each = self.batch_size // self.together
        return [
            np.concatenate([groups[i] for i in order[start : start + each]])
            for start in range(0, len(groups), each)
        ]


def _parts(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Rows in parts of like size, of `size` at most."""
    return np.array_split(rows, -(-len(rows) // size))
