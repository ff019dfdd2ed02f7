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
    order = np.argsort([place(key, name) for name in names], kind="stable")
    classes, wanted = _classes(labels, share)
    held = _counts(units, classes, len(names), len(wanted))
    return _choose(held, wanted, order.tolist(), len(names) - num_splits + 1)[units]


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


def _choose(
    held: list[dict[int, int]], wanted: Sequence[float], order: list[int], most: int
) -> np.ndarray:
    """Units that are taken, at most so many: bool (units,)."""
    missing = list(wanted)
    outside = [0] * len(wanted)  # units of each class that are not taken
    for counts in held:
        for c in counts:
            outside[c] += 1
    taken = np.zeros(len(held), bool)

    def gain(unit: int) -> float:
        """Share of its size by which a unit brings the split nearer; -1 if it must stay out."""
        counts = held[unit]
        if taken[unit] or any(outside[c] < 2 for c in counts):
            return -1.0
        nearer = sum(abs(missing[c]) - abs(missing[c] - n) for c, n in counts.items())
        return nearer / sum(counts.values())

    def take(unit: int) -> None:
        taken[unit] = True
        for c, n in held[unit].items():
            missing[c] -= n
            outside[c] -= 1

    by_class: dict[int, list[int]] = {c: [] for c in range(len(wanted))}
    for unit in order:
        for c in held[unit]:
            by_class[c].append(unit)
    # each class once, that of the fewest units first
    for c in sorted(by_class, key=lambda c: (len(by_class[c]), c)):
        if missing[c] == wanted[c] and taken.sum() < most:
            fits = next((u for u in by_class[c] if gain(u) >= GAIN), None)
            if fits is None:
                fits = next((u for u in by_class[c] if gain(u) > 0), None)
            if fits is not None:
                take(fits)
    num_taken = int(taken.sum())
    for unit in order:
        if num_taken == most or max(missing) <= 0.5:  # counts are whole: none comes nearer
            break
        if gain(unit) >= GAIN:
            take(unit)
            num_taken += 1
    if not num_taken:  # all are too large: the nearest
        free = [unit for unit in order if gain(unit) > -1] or order
        take(max(free, key=gain))
    return taken
