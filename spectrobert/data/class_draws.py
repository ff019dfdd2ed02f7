"""Training rows drawn with replacement, every class equally likely, `dataset.balance=sampler`."""

from collections.abc import Sequence

import numpy as np

from .batches import LengthBatches


class ClassDraws(LengthBatches):
    """Batches of drawn rows: a class, then a row of it; (seed, epoch) decides them.

    An epoch has as many rows as the corpus: of a rare class some of them several times,
    RowKey.repeat counting, of a frequent one some not at all. In expectation every class has the
    same number of rows in an epoch, and every row of a class is drawn equally often.

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
        _, number, self.sizes = np.unique(
            np.asarray(labels), return_inverse=True, return_counts=True
        )
        self.rows = np.argsort(number, kind="stable")  # those of the first class, of the second ...
        self.starts = np.cumsum(self.sizes) - self.sizes

    def _order(self, generator: np.random.Generator) -> np.ndarray:
        num_rows = len(self.seconds)
        drawn = generator.integers(len(self.sizes), size=num_rows)
        rows = self.rows[self.starts[drawn] + generator.integers(self.sizes[drawn])]
        return rows + repeats(rows) * num_rows


def repeats(rows: np.ndarray) -> np.ndarray:
    """(n,) how often each of the rows (n,) stands before its own place."""
    order = np.argsort(rows, kind="stable")
    _, first, times = np.unique(rows[order], return_index=True, return_counts=True)
    found = np.empty(len(rows), dtype=np.int64)
    found[order] = np.arange(len(rows)) - np.repeat(first, times)
    return found
