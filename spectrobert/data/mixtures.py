"""Several corpora as one, `--dataset librispeech+wavcaps`, for pre-training and classes."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import corpora
from ..config import DatasetConfig, LabelsConfig, MixtureConfig
from ..errors import UserError


class Part(NamedTuple):
    """One corpus of a run, its folders, and the options of its own."""

    name: str
    root: Path
    prepared: str
    options: dict[str, Any]
    labels: tuple[LabelsConfig, ...] = ()  # of its own, then of the mixture


class Quota(NamedTuple):
    """The share of one corpus in an epoch of training."""

    size: int  # rows that the corpus has
    rows: int  # that an epoch takes of them: fewer, or some of them again


def parts(options: DatasetConfig, data_dir: str) -> list[Part]:
    """The corpora of a run: nearly always one."""
    own = (options.labels,) if isinstance(options, MixtureConfig) else ()
    return [
        _part(name, part, data_dir, (part.labels, *own)) for name, part in options.parts.items()
    ]


def _part(name: str, options: Any, data_dir: str, labels: tuple[LabelsConfig, ...]) -> Part:
    common = {f.name for f in fields(DatasetConfig)}
    own = {f.name: getattr(options, f.name) for f in fields(options) if f.name not in common}
    root = corpora.root_folder(name, options.root, data_dir)
    return Part(name, root, options.prepared, own, labels)


def prefixed(table: pa.Table, corpus: str) -> pa.Table:
    """Ids, speakers, groups and sources under the name of their corpus: "7" is not "7" there."""
    for name in ("id", "speaker", "group", "source"):
        cells = table.column(name)
        named = pc.binary_join_element_wise(corpus, cells, "/")
        named = pc.if_else(pc.equal(cells, ""), corpus if name == "source" else "", named)
        table = table.set_column(table.column_names.index(name), name, named)
    return table


def quotas(sizes: Sequence[int], weights: Sequence[float]) -> tuple[Quota, ...]:
    """Rows of each corpus in an epoch that has as many rows as all of them together.

    Largest remainders round. Empty without weights: every row once. Raises UserError if a corpus
    would have no row.
    """
    if not weights:
        return ()
    total = sum(sizes)
    exact = total * np.array(weights) / sum(weights)
    taken = np.floor(exact).astype(int)
    for i in np.argsort(taken - exact, kind="stable")[: total - taken.sum()]:
        taken[i] += 1
    if not taken.all():
        raise UserError(
            f"dataset.weights={list(weights)}: a corpus would have none of {total} rows"
        )
    return tuple(Quota(size, rows) for size, rows in zip(sizes, taken.tolist()))


def places(found: Sequence[Quota], generator: np.random.Generator) -> np.ndarray:
    """The rows of one epoch, in random order; row i for the k-th time again is i + k * all rows."""
    total = sum(quota.size for quota in found)
    chosen = []
    first = 0
    for size, wanted in found:
        passes, rest = divmod(wanted, size)
        own = first + np.arange(size)
        chosen += [own + again * total for again in range(passes)]
        chosen.append(generator.permutation(own)[:rest] + passes * total)
        first += size
    return generator.permutation(np.concatenate(chosen))
