"""Columns of a split that its scores are taken by: what the corpus states of clips and speakers.

Shapes: N rows.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ...corpora.label_files import number
from ...data.clips import columns
from ...errors import UserError, unknown

BUILT_IN = ("speaker", "group", "label", "corpus", "source", "seconds")
UNSTATED = "not stated"
EDGES = (0, 1, 2, 4, 8, 16, 32)  # s; each bin is twice as long as the one before
MANY_NUMBERS = 12  # different numbers of a column, above which they are cut into bins
MANY_VALUES = 200
QUARTERS = (0.25, 0.5, 0.75)


def stated(rows: Any, num_corpora: int = 1) -> dict[str, list[str]]:
    """Name -> the cell of each row (N,), "" if there is none; columns that no row fills are out.

    Args:
        rows: of a split, a Hugging Face data set.
        num_corpora: of a mixture; if several, `corpus` is the part of a source before the slash.
    """
    names = [name for name in ("speaker", "group", "label", "source") if name in rows.column_names]
    found = {name: columns(rows, name)[name].to_pylist() for name in names}
    if num_corpora > 1:
        found["corpus"] = [source.partition("/")[0] for source in found["source"]]
    found["seconds"] = [
        f"{seconds:g}" for seconds in columns(rows, "seconds")["seconds"].to_pylist()
    ]
    if "traits" in rows.column_names:
        traits = [
            {trait["name"]: trait["value"] for trait in row}
            for row in columns(rows, "traits")["traits"].to_pylist()
        ]
        own = dict.fromkeys(name for row in traits for name in row)
        found |= {name: [row.get(name, "") for row in traits] for name in own}
    return {name: cells for name, cells in found.items() if any(cells)}


def column(stated_columns: dict[str, list[str]], name: str) -> tuple[np.ndarray, list[str]]:
    """Number of the value of each row (N,), and the values, `UNSTATED` the last if any row is.

    Numbers are cut into bins: seconds at `EDGES`, age by tens, other columns of more than
    `MANY_NUMBERS` different numbers at the quartiles of their rows. Raises UserError for a name
    that the corpus does not have, and for a column of too many values.
    """
    if name not in stated_columns:
        raise unknown("slice", name, stated_columns)
    cells = stated_columns[name]
    order, words = _binned(name, cells)
    places = {value: place for place, value in enumerate(order)}
    if len(order) > MANY_VALUES:
        raise UserError(
            f"--slices {name}: {len(order)} values, where at most {MANY_VALUES} can be compared"
        )
    return np.array([places[word] for word in words]), order


def _binned(name: str, cells: Sequence[str]) -> tuple[list[str], list[str]]:
    """The values in their order, and the value of each row."""
    numbers = [number(cell) for cell in cells if cell]
    different = {one for one in numbers if one is not None}
    is_numeric = len(numbers) > 0 and all(one is not None for one in numbers)
    if not is_numeric or (name not in ("seconds", "age") and len(different) <= MANY_NUMBERS):
        order = sorted({cell for cell in cells if cell})
        order = sorted(order, key=float) if is_numeric else order
        words = [cell or UNSTATED for cell in cells]
    else:
        edges = _edges(name, sorted(float(cell) for cell in cells if cell))
        names = [*_names(name, edges)]
        at = np.searchsorted(edges, [float(cell or "nan") for cell in cells], side="right")
        words = [names[place] if cell else UNSTATED for place, cell in zip(at, cells)]
        order = [one for one in names if one in set(words)]
    return [*order, *([UNSTATED] if UNSTATED in words and UNSTATED not in order else [])], words


def _edges(name: str, numbers: Sequence[float]) -> list[float]:
    """Ends of the bins; an edge itself belongs to the bin that it begins."""
    if name == "seconds":
        return list(EDGES[1:])
    if name == "age":
        return [float(edge) for edge in range(10, 10 * int(numbers[-1] // 10) + 1, 10)]
    return sorted(set(np.quantile(numbers, QUARTERS).tolist()))


def _names(name: str, edges: Sequence[float]) -> list[str]:
    """Names of the bins, one more than edges."""
    if name == "age":
        lows = [0, *(int(edge) for edge in edges)]
        return [f"{low} to {low + 9}" for low in lows]
    unit = " s" if name == "seconds" else ""
    inner = [f"{low:g} to {high:g}{unit}" for low, high in pairwise(edges)]
    return [f"below {edges[0]:g}{unit}", *inner, f"{edges[-1]:g}{unit} or more"]
