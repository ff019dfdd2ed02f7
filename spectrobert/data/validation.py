"""Validation split by speakers: so many, those named, or one part of an inner cross-validation.

It is drawn of the training speakers, in place of a share of their rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..config import DatasetConfig
from ..errors import UserError, unknown
from . import carving
from .units import Coded, Units


class Choice(NamedTuple):
    """Choice of the validation split."""

    speakers: int | tuple[str, ...] = 0  # how many, or their names
    folds: int = 0  # parts of the inner cross-validation
    fold: int = 0  # the part that validates, from 1

    @classmethod
    def of(cls, options: DatasetConfig) -> Choice | None:
        """The choice that the options make; None if validation is a share of the rows."""
        if options.inner_folds:
            return cls(folds=options.inner_folds, fold=options.inner_fold)
        wanted = options.val_speakers
        if wanted is None:
            return None
        return cls(wanted if isinstance(wanted, int) else tuple(wanted))

    def __str__(self) -> str:
        """The option that makes it."""
        if self.folds:
            return f"dataset.inner_folds={self.folds}"
        names = self.speakers
        shown = names if isinstance(names, int) else f"[{','.join(names)}]"
        return f"dataset.val_speakers={shown}"

    @property
    def is_named(self) -> bool:
        return isinstance(self.speakers, tuple)

    @property
    def how(self) -> str:
        """The choice in the definition of a split."""
        if self.folds:
            return f"part {self.fold} of {self.folds} (dataset.inner_folds, test is not read) drawn"
        return f"named ({self})" if self.is_named else f"drawn ({self})"

    def members(self, units: Units, pool: np.ndarray, seed: int) -> np.ndarray:
        """Members of the validation split among the rows of a pool: bool (pool,).

        Raises UserError if it cannot be drawn.
        """
        try:
            if self.folds:
                return part(units, pool, self.folds, self.fold, seed)
            if isinstance(self.speakers, int):
                return drawn(units, pool, self.speakers, seed)
            return named(units, pool, self.speakers)
        except UserError as error:
            raise UserError(f"{self}: {error}") from None


def drawn(units: Units, pool: np.ndarray, number: int, seed: int) -> np.ndarray:
    """Rows of exactly so many speakers: bool (pool,); of groups if no speaker is known.

    Raises UserError if they are not known of every row, or too few.
    """
    known = {kind: units.kinds[kind].take(pool) for kind in ("speaker", "group")}
    kind, own = next(
        ((kind, coded) for kind, coded in known.items() if coded.is_named.any()), ("", None)
    )
    if own is None or not own.is_named.all():
        raise UserError(
            f"some rows of the training material have no {kind or 'speaker, and none has a group'};"
            " dataset.val_share= carves a share of them"
        )
    rows = units.pool(pool)
    total = len(np.unique(own.numbers))
    if number >= total:
        raise UserError(
            f"the training material has {total} {kind}s, of which training needs one at least"
        )
    return carving.carve_exactly(*rows, _sizes(rows.units, own), number, f"{seed} val")


def _sizes(unit: np.ndarray, own: Coded) -> list[int]:
    """Names per unit, from the unit (p,) and the name of each row."""
    pairs = np.unique(np.stack([unit, own.numbers]), axis=1)
    return np.bincount(pairs[0]).tolist()


def named(units: Units, pool: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Rows of the speakers of these names: bool (pool,). Raises UserError for an unknown one."""
    own = units.kinds["speaker"].take(pool)
    number = {name: i for i, name in enumerate(own.names.to_pylist())}
    used = set(own.numbers.tolist())
    known = {name for name, i in number.items() if name and i in used}
    for name in names:
        if name not in known:
            raise unknown("training speaker", name, known)
    if len(names) == len(known):
        raise UserError(f"all {len(known)} training speakers are named; training needs one")
    return np.isin(own.numbers, [number[name] for name in names])


def part(units: Units, pool: np.ndarray, folds: int, fold: int, seed: int) -> np.ndarray:
    """Rows of one of so many parts that share no unit: bool (pool,).

    Parts are carved one after the other, each of what is left, so that each has its share of every
    class; together they are the pool. Raises UserError if there are fewer units than parts.
    """
    left = np.arange(len(pool))
    for number in range(1, folds):
        remaining = folds - number + 1
        key = f"{seed} inner {number} of {folds}"
        taken = carving.carve(*units.pool(pool[left]), 1 / remaining, remaining, key)
        if number == fold:
            left = left[taken]
            break
        left = left[~taken]
    members = np.zeros(len(pool), bool)
    members[left] = True
    return members
