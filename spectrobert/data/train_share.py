"""A share of the training rows, `dataset.train_share`, or so many per class, `dataset.shots`.

Each row has a place in an order of its own: the hash of a seed and its id. Each class keeps the
first of its rows, so that a smaller share, or fewer shots, are a part of every larger one. Rows
that are left out have the split `unused`; validation and test stay as they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from ..config import DatasetConfig
from .carving import place
from .drawing import DrawnSplits
from .splits import UNUSED, numbers, summarise
from .units import columns_of


def apply(
    drawn: DrawnSplits, options: DatasetConfig, recorded: Sequence[str] | None = None
) -> DrawnSplits:
    """Leave training rows out, and put that into the summary, whose definition ends with it.

    Args:
        recorded: (n,) splits of a run that left rows out before; None chooses them.
    """
    share, shots = options.train_share, options.shots
    seed = options.shots_seed if shots else options.split_seed
    if shots:
        sides = recorded or few(drawn.table, drawn.sides, shots, seed)
    else:
        sides = recorded or leave_out(drawn.table, drawn.sides, share, seed)
    name, value = ("shots", shots) if shots else ("train_share", share)
    used, of = sides.count("train"), drawn.sides.count("train")
    note = f"{used} of {of} training rows used (dataset.{name}={value:g}, seed {seed})"
    definition = f"{drawn.summary.definition}; {note}"
    summary = summarise(columns_of(drawn.table), numbers(sides), definition)
    more = {name: {"per_class" if shots else "share": value, "used": used, "of": of}}
    return DrawnSplits(drawn.table, list(sides), replace(summary, more=more))


def leave_out(rows: pa.Table, sides: Sequence[str], share: float, seed: int) -> list[str]:
    """The splits of n rows, UNUSED for training rows that are left out.

    Each class keeps `share` of its rows, rounded, and one at least; rows without a class count as
    one class.

    Args:
        rows: rows.SCHEMA.
        sides: (n,) splits.
        share: above 0, 1 at most.
    """
    return _keep(rows, sides, f"{seed} train_share", lambda n: max(1, int(share * n + 0.5)))


def few(rows: pa.Table, sides: Sequence[str], shots: int, seed: int) -> list[str]:
    """The same, each class keeping `shots` of its rows, or all if it has no more."""
    return _keep(rows, sides, f"{seed} shots", lambda n: shots)


def _keep(rows: pa.Table, sides: Sequence[str], key: str, count: Callable[[int], int]) -> list[str]:
    """The splits, with the first `count(rows of a class)` of each class in the order by `key`."""
    train = np.flatnonzero(np.asarray(sides) == "train")
    ids = rows.column("id").take(train).to_pylist()
    order = np.argsort([place(key, row_id) for row_id in ids], kind="stable")
    classes = columns_of(rows).label.numbers[train][order]
    left = np.array(sides, dtype=object)
    for label in np.unique(classes):
        own = train[order[classes == label]]
        left[own[count(len(own)) :]] = UNUSED
    return left.tolist()
