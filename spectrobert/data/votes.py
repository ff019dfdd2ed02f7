"""Votes of annotators as numbers, by the classes of a task.

Votes for classes that the task lacks, such as "other", are dropped; the rest are what counts.

Shapes: n rows, C classes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import corpora
from ..errors import UserError


def table(cells: pa.ChunkedArray, labels: Sequence[str]) -> np.ndarray | None:
    """(n, C) votes of the rows of a column `votes`; None if none of them is for these classes."""
    whole = cells.combine_chunks()
    flat = whole.flatten()
    place = pc.index_in(pc.struct_field(flat, "label"), value_set=pa.array(labels, pa.string()))
    is_known = pc.is_valid(place).to_numpy(zero_copy_only=False)
    if len(whole) and not is_known.any():
        return None
    row = np.repeat(np.arange(len(whole)), pc.list_value_length(whole).to_numpy())
    counts = np.zeros((len(whole), len(labels)), dtype=np.float32)
    at = row[is_known], pc.drop_null(place).to_numpy()
    np.add.at(counts, at, pc.struct_field(flat, "count").to_numpy()[is_known])
    return counts


def of_row(cells: Sequence[Mapping[str, Any]], labels: Mapping[str, int], num: int) -> np.ndarray:
    """(C,) votes of one row; the first C = `num` of the labels are classes."""
    counts = np.zeros(num, dtype=np.float32)
    for cell in cells:
        place = labels.get(cell["label"], num)
        if place < num:
            counts[place] += cell["count"]
    return counts


def num_voted(cells: pa.ChunkedArray, labels: Sequence[str]) -> int:
    """Number of rows that have a vote for one of the classes."""
    counts = table(cells, labels)
    return 0 if counts is None else int(counts.any(axis=1).sum())


def require(corpus: str, cells: pa.ChunkedArray, labels: Sequence[str]) -> None:
    """Raise UserError if no row has a vote for one of the classes.

    Args:
        corpus: its name; of a mixture those of its parts, with + between them.
        cells: the column `votes` of the training rows.
    """
    if num_voted(cells, labels):
        return
    sources = [source for name in corpus.split("+") if (source := corpora.corpus(name).votes)]
    if sources:
        raise UserError(
            f"task.soft_labels=true: no training row of {corpus} has votes of annotators for its"
            f" classes; they are read from: {'; '.join(sources)}"
        )
    known = ", ".join(name for name in corpora.MODULES if corpora.corpus(name).votes)
    raise UserError(
        f"task.soft_labels=true: {corpus} has no votes of annotators; corpora that have: {known}"
    )
