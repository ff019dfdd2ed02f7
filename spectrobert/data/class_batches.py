"""Training batches with as many rows of each class as of any other, `dataset.balance=batches`.

Supervised contrastive losses compare the rows of a batch: each class needs several in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import UserError
from .batches import POOL, LengthBatches


class ClassBatches(LengthBatches):
    """Batches in which the counts of the classes differ by one at most; (seed, epoch) decides them.

    An epoch has ceil(rows / batch_size) batches, all of them full. A class that is rarer than its
    share comes round several times, RowKey.repeat counting; of a more frequent one an epoch takes
    some rows, another epoch others. The processes of a run share out the rows of each class.

    Args:
        seconds: length of every row.
        labels: the class of every row.
    """

    def __init__(
        self,
        seconds: Sequence[float],
        labels: Sequence[str],
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ):
        super().__init__(seconds, batch_size, seed, True, rank, world_size)
        require_room(labels, batch_size)
        names, number = np.unique(np.asarray(labels), return_inverse=True)
        self.rows = [np.flatnonzero(number == c) for c in range(len(names))]

    def _batches(self, epoch: int) -> list[np.ndarray]:
        generator = np.random.default_rng([self.seed, epoch])
        counts = self._counts(generator)
        drawn = [
            np.split(self._draw(own, counts[:, c], generator), np.cumsum(counts[:-1, c]))
            for c, own in enumerate(self.rows)
        ]
        # the rows of a class are neighbours: each process takes as many of them, give or take one
        return [np.concatenate([own[i] for own in drawn]) for i in generator.permutation(len(self))]

    def _counts(self, generator: np.random.Generator) -> np.ndarray:
        """(batches, C) rows of each class; those that are one too many go round the classes."""
        num_classes = len(self.rows)
        each, more = divmod(self.batch_size, num_classes)
        counts = np.full((len(self), num_classes), each)
        turns = np.arange(len(self) * more) % num_classes
        favoured = generator.permutation(num_classes)[turns].reshape(len(self), more)
        counts[np.arange(len(self))[:, None], favoured] += 1
        return counts

    def _draw(
        self, own: np.ndarray, counts: np.ndarray, generator: np.random.Generator
    ) -> np.ndarray:
        """The rows of one class, batch after batch; row i for the k-th time again is i + k * all.

        Of POOL batches they are sorted by length, but each pass over the class on its own: or the
        copies of a row would meet in one batch.

        Args:
            counts: (batches,) rows of the class.
        """
        total = counts.sum()
        passes = [generator.permutation(own) for _ in range(-(-total // len(own)))]
        rows, repeat = np.concatenate(passes)[:total], np.arange(total) // len(own)
        pool = np.repeat(np.arange(len(counts)) // POOL, counts)
        order = np.lexsort((self.seconds[rows], repeat, pool))
        return (rows + repeat * len(self.seconds))[order]


def require_room(labels: Sequence[str], batch_size: int) -> None:
    """Raise UserError if a batch cannot hold a row of each class."""
    num_classes = len(set(labels))
    if batch_size < num_classes:
        raise UserError(
            f"trainer.batch_size={batch_size}: dataset.balance=batches needs a row of each of the"
            f" {num_classes} classes of train in every batch: {num_classes} or more"
        )
