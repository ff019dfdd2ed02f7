"""Choice of units (speakers, groups, recordings) for a split that the owner does not draw.

Each unit has a place in an order of its own: the hash of the seed, the split and the unit's name. A
split takes units in that order as long as they bring it nearer to its share of every class. So the
rest of the corpus hardly matters to a unit: a row that is added or removed moves few units, if any.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from ..errors import UserError

GAIN = 0.5  # least share of a unit by which it must bring the split nearer; 1: none is too much
NOT_FREE = -2.0  # gain of a unit that must stay outside; any other unit has -1 at least
EXTRA = 0.1  # of the split's size: most that rare classes may add so that each is in it


def carve(
    labels: np.ndarray,
    units: np.ndarray,
    names: Sequence[str],
    share: float,
    num_splits: int,
    key: str,
) -> np.ndarray:
    """Membership of n examples in the new split: bool (n,).

    A class keeps a unit outside the split, and has one inside if two or more units hold it.

    Args:
        labels: (n,) numbers of the classes; one number if there are none.
        units: (n,) numbers of the units, from 0; none is divided.
        names: of the units, which decide their order together with `key`.
        share: of the examples, above 0 and below 1.
        num_splits: splits that the examples must still serve, the new one included; each gets a
            unit.
        key: seed and split.

    Raises UserError if there are fewer units than splits.
    """
    if len(names) < num_splits:
        raise UserError(
            "speakers, groups and recordings stay together, which makes"
            f" {len(names)} part(s) of {len(units)} examples, for {num_splits} splits"
        )
    classes, wanted = _classes(labels, share)
    held = _counts(units, classes, len(names), len(wanted))
    selection = _Selection(held, wanted, [1] * len(names), len(names) - num_splits + 1)
    return _choose(selection, _order(key, names))[units]


def carve_exactly(
    labels: np.ndarray,
    units: np.ndarray,
    names: Sequence[str],
    sizes: Sequence[int],
    number: int,
    key: str,
) -> np.ndarray:
    """Membership of n examples in a split of exactly so many speakers: bool (n,).

    A class keeps a unit outside the split. Units are taken as `carve` takes them, and then those
    that bring the split nearest to its share of every class, until there are enough speakers.

    Args:
        sizes: speakers of each unit.
        number: of speakers, all together.

    Raises UserError if no such choice is found. Other arguments as of `carve`.
    """
    classes, wanted = _classes(labels, number / sum(sizes))
    held = _counts(units, classes, len(names), len(wanted))
    selection = _Selection(held, wanted, sizes, number)
    order = _order(key, names)
    _take_each_class(selection, order)
    _take_nearer(selection, order)
    while selection.room:
        best = max(order, key=selection.gain)
        if selection.gain(best) == NOT_FREE:
            raise UserError(
                f"{number - selection.room} of {sum(sizes)} can be taken, not {number}: each class"
                " stays in training, and what shares a group or recording stays together"
            )
        selection.take(best)
    return selection.taken[units]


def _order(key: str, names: Sequence[str]) -> list[int]:
    """The units, sorted by their places."""
    return np.argsort([place(key, name) for name in names], kind="stable").tolist()


def place(key: str, name: str) -> int:
    """The place of a name in the order that a key gives."""
    digest = hashlib.sha256(f"{key}\0{name}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:7], "big")


def _classes(labels: np.ndarray, share: float) -> tuple[np.ndarray, list[float]]:
    """A class for each example (n,), and how many examples of each class the split should have.

    Of a rare class one, as long as that adds at most EXTRA; the other rare classes count as one.
    """
    _, labels, counts = np.unique(labels, return_inverse=True, return_counts=True)
    wanted = counts * share
    rare = np.flatnonzero(wanted < 1)
    rare = rare[np.argsort(-wanted[rare], kind="stable")]
    is_pooled = np.cumsum(1 - wanted[rare]) > max(EXTRA * len(labels) * share, 1)
    pooled, single = rare[is_pooled], rare[~is_pooled]
    targets = wanted.copy()
    targets[single] = 1.0
    number = np.arange(len(counts))
    if len(pooled):
        number[pooled] = pooled[0]
        targets[pooled[0]] = wanted[pooled].sum()
    used, number = np.unique(number, return_inverse=True)
    return number[labels], targets[used].tolist()


def _counts(
    units: np.ndarray, classes: np.ndarray, num_units: int, num_classes: int
) -> list[dict[int, int]]:
    """Class -> examples, per unit."""
    pairs, counts = np.unique(units * num_classes + classes, return_counts=True)
    held: list[dict[int, int]] = [{} for _ in range(num_units)]
    for pair, count in zip(pairs.tolist(), counts.tolist()):
        held[pair // num_classes][pair % num_classes] = count
    return held


class _Selection:
    """Units that are taken for a split, and what it still lacks.

    Args:
        held: per unit class -> examples.
        wanted: examples of each class that the split should have.
        sizes: of the units, in the unit of `room`.
        room: most that may be taken, all together.
    """

    def __init__(
        self,
        held: list[dict[int, int]],
        wanted: Sequence[float],
        sizes: Sequence[int],
        room: int,
    ):
        self.held, self.wanted, self.sizes, self.room = held, wanted, sizes, room
        self.missing = list(wanted)
        self.outside = [0] * len(wanted)  # units of each class that are not taken
        for counts in held:
            for c in counts:
                self.outside[c] += 1
        self.taken = np.zeros(len(held), bool)

    def gain(self, unit: int) -> float:
        """Share of its size by which a unit brings the split nearer, NOT_FREE if it stays out."""
        counts = self.held[unit]
        is_last = any(self.outside[c] < 2 for c in counts)
        if self.taken[unit] or is_last or self.sizes[unit] > self.room:
            return NOT_FREE
        missing = self.missing
        nearer = sum(abs(missing[c]) - abs(missing[c] - n) for c, n in counts.items())
        return nearer / sum(counts.values())

    def take(self, unit: int) -> None:
        self.taken[unit] = True
        self.room -= self.sizes[unit]
        for c, n in self.held[unit].items():
            self.missing[c] -= n
            self.outside[c] -= 1


def _take_each_class(selection: _Selection, order: Sequence[int]) -> None:
    """Take a unit of each class once, that of the fewest units first."""
    by_class: dict[int, list[int]] = {c: [] for c in range(len(selection.wanted))}
    for unit in order:
        for c in selection.held[unit]:
            by_class[c].append(unit)
    for c in sorted(by_class, key=lambda c: (len(by_class[c]), c)):
        if selection.missing[c] == selection.wanted[c] and selection.room > 0:
            own = by_class[c]
            fits = next((u for u in own if selection.gain(u) >= GAIN), None)
            if fits is None:
                fits = next((u for u in own if selection.gain(u) > 0), None)
            if fits is not None:
                selection.take(fits)


def _take_nearer(selection: _Selection, order: Sequence[int]) -> None:
    """Take units as long as they bring the split nearer to what is wanted."""
    for unit in order:
        # counts are whole: none comes nearer
        if not selection.room or max(selection.missing) <= 0.5:
            break
        if selection.gain(unit) >= GAIN:
            selection.take(unit)


def _choose(selection: _Selection, order: Sequence[int]) -> np.ndarray:
    """Units that are taken: bool (units,)."""
    _take_each_class(selection, order)
    _take_nearer(selection, order)
    if not selection.taken.any():  # all are too large: the nearest
        free = [unit for unit in order if selection.gain(unit) > NOT_FREE] or order
        selection.take(max(free, key=selection.gain))
    return selection.taken
