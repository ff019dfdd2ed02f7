"""As many training rows of each class as of any other."""

from collections.abc import Sequence

import numpy as np


def prune(labels: Sequence[str], seed: int) -> np.ndarray:
    """Rows, in order, with as many of each class as the rarest has."""
    by_class = _by_class(labels)
    generator = np.random.default_rng(seed)
    least = min(map(len, by_class))
    return np.sort(np.concatenate([generator.permutation(own)[:least] for own in by_class]))


def duplicate(labels: Sequence[str], seed: int) -> np.ndarray:
    """Rows, in order, with as many of each class as the most frequent has, some several times."""
    by_class = _by_class(labels)
    generator = np.random.default_rng(seed)
    most = max(map(len, by_class))
    chosen = []
    for own in by_class:
        passes, rest = divmod(most, len(own))
        chosen += [own] * passes + [generator.permutation(own)[:rest]]
    return np.sort(np.concatenate(chosen))


def repeat(labels: Sequence[str], seed: int) -> np.ndarray:
    """Rows, in order, each class a whole number of times: as often as the most frequent has room.

    Seed 000, Table 4.6: 1279, 227 and 4223 rows become 3, 18 and 1 times as many. Nothing is drawn.
    """
    by_class = _by_class(labels)
    most = max(map(len, by_class))
    return np.sort(np.concatenate([np.tile(own, most // len(own)) for own in by_class]))


def keep(labels: Sequence[str], seed: int) -> np.ndarray:
    """All rows: what is balanced is drawn in each epoch (class_batches.py, class_draws.py)."""
    return np.arange(len(labels))


def _by_class(labels: Sequence[str]) -> list[np.ndarray]:
    """The rows of each class, classes in alphabetical order."""
    names, number = np.unique(np.asarray(labels), return_inverse=True)
    return [np.flatnonzero(number == i) for i in range(len(names))]


METHODS = {
    "prune": prune,
    "duplicate": duplicate,
    "repeat": repeat,
    "batches": keep,
    "sampler": keep,
}
DRAWN = {  # those that are drawn in each epoch -> what they draw, in words
    "batches": "as many of each class in every one",
    "sampler": "rows drawn with replacement, each class equally likely",
}
