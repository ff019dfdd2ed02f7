"""Classes under other names, and classes that are left out: `dataset.labels`.

A chain is the options of a corpus, in a mixture followed by those of the mixture.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import LabelsConfig
from ..corpora.example import Dropped
from ..errors import unknown
from . import rows


class Relabelled(NamedTuple):
    """A corpus whose classes have other names."""

    table: pa.Table  # (n,) rows.SCHEMA
    usable: np.ndarray  # (u,) rows whose class is used
    dropped: list[Dropped]  # the others


def apply(
    table: pa.Table, usable: np.ndarray, chain: Sequence[LabelsConfig], closed: Iterable[str]
) -> Relabelled:
    """Rename the classes of a corpus, and leave out those that are not used.

    Args:
        table: (n,) rows.SCHEMA.
        usable: numbers of its rows that can be used.
        closed: classes that its owner defines; not all need to occur.

    Raises UserError if the corpus has no such class.
    """
    if not any(labels.is_set for labels in chain):
        return Relabelled(table, usable, [])
    numbers, found = rows.codes(table.column("label"))
    old = found.to_pylist()
    require(chain[0], [*dict.fromkeys([*closed, *old])])
    new = [renamed(label, chain) for label in old]
    is_used = np.array([name is not None for name in new])[numbers[usable]]
    names = pa.array([name or label for name, label in zip(new, old)], pa.string())
    place = table.column_names.index("label")
    table = table.set_column(place, "label", pa.chunked_array([names.take(pa.array(numbers))]))
    table = _with_votes(table, chain)
    ids = table.column("id").take(usable[~is_used]).to_pylist()
    reasons = (f"class {old[n]}, not in labels.keep" for n in numbers[usable[~is_used]])
    return Relabelled(table, usable[is_used], [Dropped(*pair) for pair in zip(reasons, ids)])


def _with_votes(table: pa.Table, chain: Sequence[LabelsConfig]) -> pa.Table:
    """Votes under the names of the classes; those for a class that is left out are for "" then."""
    votes = table.column("votes").combine_chunks()
    numbers, found = rows.codes(pc.struct_field(votes.flatten(), "label"))
    names = pa.array([renamed(label, chain) or "" for label in found.to_pylist()], pa.string())
    counts = pc.struct_field(votes.flatten(), "count")
    flat = pa.StructArray.from_arrays([names.take(pa.array(numbers)), counts], fields=rows.VOTE)
    offsets = np.concatenate([[0], np.cumsum(pc.list_value_length(votes).to_numpy())])
    place = table.column_names.index("votes")
    cells = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat)
    return table.set_column(place, "votes", pa.chunked_array([cells], pa.list_(rows.VOTE)))


def renamed(label: str, chain: Iterable[LabelsConfig]) -> str | None:
    """The name of a class in the run; None if it is left out."""
    for options in chain:
        label = options.map.get(label, label)
        if options.keep and label not in options.keep:
            return None
    return label


def require(options: LabelsConfig, known: Sequence[str]) -> None:
    """Raise UserError for a name in the options that is no class of the corpus."""
    for label in options.map:
        if label not in known:
            raise unknown("class in labels.map:", label, known)
    after = [options.map.get(label, label) for label in known]
    for label in options.keep:
        if label not in after:
            raise unknown("class in labels.keep:", label, dict.fromkeys(after))
