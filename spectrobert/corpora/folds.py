"""Folds of a user's table: test is one of them, validation another, training the rest.

`dataset.fold` names the fold that is tested. `dataset.val_fold` is `next` (the fold after it, in
the order of numbers, else of the alphabet; the first after the last), the name of a fold, or
`carved`: then validation is carved from the training folds, by speaker, group and recording.
"""

from collections.abc import Iterable

from ..errors import UserError

NEXT, CARVED = "next", "carved"


class Folds:
    """The split of each fold.

    Args:
        column: for messages.
        cells: the fold of each row.
        test: the fold that is tested, as the user wrote it.
        val: NEXT, CARVED or a fold.

    Raises UserError for an unknown fold, and if no fold is left for training.
    """

    def __init__(self, column: str, cells: Iterable[str], test: str, val: str):
        self.names = sorted(set(cells), key=_order)
        if "/" in test:
            raise UserError(f"dataset.fold={test}: names a folder of the run; no / can be in it")
        self.test = self._find(column, "fold", test)
        if val == CARVED:
            self.val = ""
        elif val == NEXT:
            self.val = self.names[(self.names.index(self.test) + 1) % len(self.names)]
        else:
            self.val = self._find(column, "val_fold", val)
        if self.val == self.test:
            raise UserError(f"dataset.val_fold={val}: fold {self.test!r} is tested")
        if len(self.names) < (2 if val == CARVED else 3):
            raise UserError(
                f"column {column!r} has {len(self.names)} folds ({', '.join(self.names)}): none is"
                f" left for training; dataset.val_fold={CARVED} takes validation from the rest"
            )

    def split(self, cell: str) -> str:
        """Split of a row in this fold; "" if validation is yet to be carved from it."""
        names = {self.test: "test", self.val: "val"}
        return names.get(cell, "train" if self.val else "")

    def _find(self, column: str, option: str, wanted: str) -> str:
        """The fold of that name, or of that number: 1 is 01 and 1.0."""
        for name in self.names:
            if name == wanted or _number(name) == _number(wanted) is not None:
                return name
        shown = ", ".join(self.names[:20]) + (", ..." if len(self.names) > 20 else "")
        raise UserError(f"dataset.{option}={wanted}: no such fold in column {column!r}: {shown}")


def _order(name: str) -> tuple[bool, float, str]:
    number = _number(name)
    return number is None, number or 0.0, name


def _number(name: str) -> float | None:
    try:
        return float(name)
    except ValueError:
        return None
