"""Drawing of splits: training, `data check` and `data stats` all call `draw`.

The owner's splits are kept, and missing ones carved so that no speaker, group or recording is in
two splits.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from .. import corpora
from ..config import DatasetConfig
from ..config.datasets import SHARE
from ..corpora.example import SPLITS, Example
from ..errors import UserError
from . import carving, equal_files
from . import rows as arrow
from .splits import NAMES, RANDOM, SplitSummary, caveats, leaks, numbers, summarise, with_caveats
from .units import Units, columns_of
from .validation import Choice


class DrawnSplits(NamedTuple):
    """The splits of a corpus of n rows."""

    table: pa.Table  # (n,) rows.SCHEMA without audio bytes; equal files have one name
    sides: list[str]  # (n,) splits
    summary: SplitSummary  # its definition ends with the caveats


def draw(
    rows: Sequence[Example] | pa.Table,
    corpus: str,
    task: str,
    options: DatasetConfig,
    same: Mapping[str, str] | None = None,
    sides: Sequence[str] | None = None,
) -> DrawnSplits:
    """Draw the splits of a corpus, equal files being one recording, or describe those drawn before.

    Args:
        rows: examples, or a table of rows.SCHEMA.
        same: equal_files.joint_names of the corpus; None looks for equal files, unless
            dataset.check=none forbids to open any.
        sides: (n,) splits drawn before.

    Raises UserError if there are too few speakers to carve from.
    """
    table = arrow.to_table(rows) if isinstance(rows, Sequence) else rows
    if same is None:
        paths = [] if options.check == "none" else arrow.files(table).to_pylist()
        same = equal_files.joint_names(equal_files.groups(paths))
    table = arrow.renamed(arrow.light(table), same)
    is_random = options.split == "random"
    if sides is None:
        shares = options.carved_shares(task, len(table))
        sides, summary = assign(
            table,
            val_share=shares.val,
            test_share=shares.test,
            seed=options.split_seed,
            random=is_random,
            choice=Choice.of(options),
        )
    else:
        summary = describe(
            table, sides, seed=options.split_seed, random=is_random, choice=Choice.of(options)
        )
    notes = caveats(corpora.corpus(corpus), table, sides)
    if same and (shared := leaks(table, sides)["recording"].shared):
        notes.append(f"{len(shared)} equal files in several of the owner's splits")
    return DrawnSplits(table, list(sides), with_caveats(summary, notes))


def assign(
    rows: Sequence[Example] | pa.Table,
    *,
    val_share: float = SHARE,
    test_share: float | None = SHARE,
    seed: int = 0,
    random: bool = False,
    choice: Choice | None = None,
) -> tuple[list[str], SplitSummary]:
    """The split of each row, and how it came about.

    Rows without a split are training material, of which a missing test split is carved, then a
    missing validation split. Rows joined by a speaker, group or recording go together; `random`
    gives up the owner's lines and lets speakers be shared. The choice depends on `seed` and the
    names of speakers and groups (else the rows' ids), not on their order, and a row that is
    added or removed moves few others (carving.py). Raises UserError if there are too few speakers
    to carve from.

    Args:
        rows: examples, or a table of rows.SCHEMA.
        val_share: 0 carves no validation split.
        test_share: None carves no test split.
        choice: of the validation split, in place of `val_share`; refused if the owner draws one.
    """
    table = arrow.to_table(rows) if isinstance(rows, Sequence) else rows
    columns = columns_of(table)
    sides = _owners(table, random)
    units = Units(columns, random)
    shares = {"val": val_share} if test_share is None else {"test": test_share, "val": val_share}
    if val_share == 0:
        del shares["val"]
    to_carve = [split for split in _missing(sides) if split in shares]
    if choice and "val" not in to_carve:
        raise UserError(f"{choice}: the corpus has its owner's validation split, which is kept")
    for position, split in enumerate(to_carve):
        if not 0 < shares[split] < 1:
            raise UserError(f"{split}_share must lie between 0 and 1, not {shares[split]}")
        pool = np.flatnonzero(sides == 0)
        num_splits = 1 + len(to_carve) - position
        if choice and split == "val":
            sides[pool[choice.members(units, pool, seed)]] = SPLITS.index("val")
            continue
        taken = _carve(units, pool, split, shares[split], num_splits, seed)
        sides[pool[taken]] = SPLITS.index(split)
    definition = _definition(units, to_carve, sides, seed, random, choice)
    return [SPLITS[s] for s in sides.tolist()], summarise(columns, sides, definition)


def describe(
    table: pa.Table,
    sides: Sequence[str],
    *,
    seed: int,
    random: bool,
    choice: Choice | None = None,
) -> SplitSummary:
    """Description of splits that `assign` drew."""
    columns = columns_of(table)
    to_carve = [split for split in _missing(_owners(table, random)) if split in sides]
    drawn = numbers(sides)
    definition = _definition(Units(columns, random), to_carve, drawn, seed, random, choice)
    return summarise(columns, drawn, definition)


def _definition(
    units: Units,
    to_carve: Sequence[str],
    sides: np.ndarray,
    seed: int,
    random: bool,
    choice: Choice | None,
) -> str:
    """One sentence: the owner's splits, and how the others were carved."""
    counts = np.bincount(sides, minlength=len(SPLITS))
    notes = [
        ("owner's " if counts[SPLITS.index(split)] else "no ") + f"{NAMES[split]} split"
        for split in ("test", "val")
        if split not in to_carve
    ]
    for position, split in enumerate(to_carve):
        later = [0, *(SPLITS.index(s) for s in to_carve[position:])]
        pool = np.flatnonzero(np.isin(sides, later))
        taken = sides[pool] == SPLITS.index(split)
        kind, names = units.kind(pool)
        num_taken, num_names = (np.count_nonzero(np.bincount(n)) for n in (names[taken], names))
        how = choice.how if choice and split == "val" else "carved"
        origin = "" if choice and choice.is_named and split == "val" else f", seed {seed}"
        notes.append(f"{NAMES[split]} {how} by {kind} ({num_taken} of {num_names}){origin}")
    return (f"{RANDOM}: " if random else "") + "; ".join(notes)


def _owners(table: pa.Table, random: bool) -> np.ndarray:
    """(n,) places in SPLITS of the owner's splits, training if there is none."""
    return numbers(["" if random else s for s in table.column("split").to_pylist()])


def _missing(owners: np.ndarray) -> list[str]:
    """The splits to carve, in this order."""
    return [split for split in ("test", "val") if SPLITS.index(split) not in owners]


def _carve(
    units: Units, pool: np.ndarray, split: str, share: float, num_splits: int, seed: int
) -> np.ndarray:
    """Members of the new split among the rows of a pool: bool (pool,). Raises UserError."""
    try:
        return carving.carve(*units.pool(pool), share, num_splits, f"{seed} {split}")
    except UserError as error:
        raise UserError(f"no {NAMES[split]} split to carve: {error}") from None
