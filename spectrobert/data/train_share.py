"""A share of the training rows, `dataset.train_share`, for learning curves.

Each row has a place in an order of its own: the hash of `dataset.split_seed` and its id. Each class
keeps the first of its rows, so that a smaller share is a part of every larger one. Rows that are
left out have the split `unused`; validation and test stay as they are.
"""

from collections.abc import Sequence
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
    share, seed = options.train_share, options.split_seed
    sides = list(recorded or leave_out(drawn.table, drawn.sides, share, seed))
    used, of = sides.count("train"), drawn.sides.count("train")
    note = f"{used} of {of} training rows used (dataset.train_share={share:g}, seed {seed})"
    definition = f"{drawn.summary.definition}; {note}"
    summary = summarise(columns_of(drawn.table), numbers(sides), definition)
    more = {"train_share": {"share": share, "used": used, "of": of}}
    return DrawnSplits(drawn.table, sides, replace(summary, more=more))


def leave_out(rows: pa.Table, sides: Sequence[str], share: float, seed: int) -> list[str]:
    """The splits of n rows, UNUSED for training rows that are left out.

    Each class keeps `share` of its rows, rounded, and one at least; rows without a class count as
    one class.

    Args:
        rows: rows.SCHEMA.
        sides: (n,) splits.
        share: above 0, 1 at most.
    """
    train = np.flatnonzero(np.asarray(sides) == "train")
    ids = rows.column("id").take(train).to_pylist()
    order = np.argsort([place(f"{seed} train_share", row_id) for row_id in ids], kind="stable")
    classes = columns_of(rows).label.numbers[train][order]
    left = np.array(sides, dtype=object)
    for label in np.unique(classes):
        own = train[order[classes == label]]
        left[own[max(1, int(share * len(own) + 0.5)) :]] = UNUSED
    return left.tolist()
