"""Units of a corpus that no split may divide: rows that share a speaker, group or recording.

n rows, m segments (one per row, except in scenes mixed on the fly).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..corpora.example import Example
from . import rows as arrow


class Coded(NamedTuple):
    """Numbers in place of names, in order of appearance, and the names."""

    numbers: np.ndarray
    names: pa.Array  # of strings

    def take(self, chosen: np.ndarray) -> Coded:
        return Coded(self.numbers[chosen], self.names)

    @property
    def is_named(self) -> np.ndarray:
        """False if the corpus states no name."""
        return self.numbers != self.names.index("").as_py()  # -1: all have one


class Columns(NamedTuple):
    """All that splits are drawn by."""

    id: pa.ChunkedArray  # (n,)
    rank: np.ndarray  # (n,) of the id among all ids
    label: Coded
    speaker: Coded
    group: Coded
    recording: Coded  # (m,)
    row: np.ndarray  # (m,) row of the segment


def columns_of(rows: Sequence[Example] | pa.Table) -> Columns:
    """Columns of examples, or of a table of rows.SCHEMA."""
    table = arrow.to_table(rows) if isinstance(rows, Sequence) else rows
    flat = arrow.stretches(table)
    label, speaker, group = (
        Coded(*arrow.codes(table.column(name))) for name in ("label", "speaker", "group")
    )
    recording = Coded(*arrow.codes(flat.recording))
    ids = table.column("id")
    return Columns(ids, ranks(ids), label, speaker, group, recording, flat.row)


def ranks(names: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """The place of each name among all, sorted."""
    rank = np.empty(len(names), np.int64)
    rank[pc.sort_indices(names).to_numpy()] = np.arange(len(names))
    return rank


class Pool(NamedTuple):
    """p rows that a split is carved of."""

    # (p,) numbers in the order of their names: the corpus' order must not matter
    labels: np.ndarray
    units: np.ndarray  # (p,) numbers of the units, from 0
    names: list[str]  # of the units


class Units:
    """The units of a corpus, numbered by the ids of their rows.

    Args:
        is_random: speakers may be shared, and join nothing.
    """

    def __init__(self, columns: Columns, is_random: bool):
        self.columns = columns
        self.kinds = {"group": columns.group}
        if not is_random:
            self.kinds["speaker"] = columns.speaker
        self.numbers = self._join()  # (n,)

    def _join(self) -> np.ndarray:
        """The unit of each row (n,): shared keys join rows, directly or in a chain."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        columns = self.columns
        n = len(columns.rank)
        ends = [(columns.row, columns.recording.numbers, len(columns.recording.names))]
        for coded in self.kinds.values():
            named = np.flatnonzero(coded.is_named)
            ends.append((named, coded.numbers[named], len(coded.names)))
        first_node = n  # the rows are nodes 0 to n - 1, the keys follow
        rows, keys = [], []
        for rows_with_key, key, num_keys in ends:
            rows.append(rows_with_key)
            keys.append(first_node + key)
            first_node += num_keys
        edges = (np.concatenate(rows), np.concatenate(keys))
        graph = coo_array((np.ones(len(edges[0]), np.int8), edges), shape=(first_node, first_node))
        _, component = connected_components(graph, directed=False)
        by_id = np.argsort(columns.rank)
        _, first, number = np.unique(component[:n][by_id], return_index=True, return_inverse=True)
        units = np.empty(n, np.int64)
        units[by_id] = np.argsort(np.argsort(first))[number]
        return units

    @cached_property
    def names(self) -> list[str]:
        """The first speaker of each unit by name, else its first group, else its first id."""
        columns = self.columns
        first_id = np.full(self.numbers.max() + 1, len(self.numbers))
        np.minimum.at(first_id, self.numbers, columns.rank)
        by_rank = np.argsort(columns.rank)
        names = [f"row {i}" for i in columns.id.take(by_rank[first_id]).to_pylist()]
        for kind, coded in self.kinds.items():
            rank = ranks(coded.names)
            ordered = coded.names.take(np.argsort(rank)).to_pylist()
            named = np.flatnonzero(coded.is_named)
            first = np.full(len(names), len(ordered))
            np.minimum.at(first, self.numbers[named], rank[coded.numbers[named]])
            for unit in np.flatnonzero(first < len(ordered)).tolist():
                names[unit] = f"{kind} {ordered[first[unit]]}"
        return names

    def pool(self, rows: np.ndarray) -> Pool:
        """The units of some rows."""
        used, numbers = np.unique(self.numbers[rows], return_inverse=True)
        label = self.columns.label
        return Pool(
            ranks(label.names)[label.numbers][rows], numbers, [self.names[i] for i in used.tolist()]
        )

    def kind(self, pool: np.ndarray) -> tuple[str, np.ndarray]:
        """The kind of name that a pool of rows is carved by, and a number per row for its name."""
        coded = {kind: whole.take(pool) for kind, whole in reversed(self.kinds.items())}
        for kind, own in coded.items():
            if own.is_named.all():
                return kind, own.numbers
        is_plain = not any(own.is_named.any() for own in coded.values())
        return "recording" if is_plain else "speaker, group or recording", self.numbers[pool]
