"""Which example is for training, for validation and for testing.

The owner's lines are kept; what the owner leaves open is carved so that no speaker, group or
recording is on two sides of a line, and `verify` refuses a split of which that is not true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from ..audio import io
from ..errors import UserError
from .example import Example

SPLITS = ("train", "val", "test")
NAMES = {"train": "training", "val": "validation", "test": "test"}  # in sentences
SHARES = {"val": 0.1, "test": 0.1}  # of the examples that the split is carved from
TRIALS = 100  # orders of the speakers that are tried for the nearest share

Key = tuple[str, str | bytes]  # ("speaker" | "group" | "recording", its name)


@dataclass(frozen=True)
class SplitSummary:
    """What a run records about its splits."""

    definition: str  # one sentence: whose lines, and how the others were drawn
    counts: dict[str, int]  # split -> examples
    speakers: dict[str, list[str]]  # split -> its speakers, sorted; empty where they are not known
    labels: dict[str, dict[str, int]]  # split -> label -> examples

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


def assign(
    examples: Sequence[Example],
    *,
    val_share: float = SHARES["val"],
    test_share: float = SHARES["test"],
    seed: int = 0,
    random: bool = False,
) -> tuple[list[str], SplitSummary]:
    """The split of each example, and how it came about.

    Examples without a split are training material, of which a missing test split is carved, then a
    missing validation split. Examples joined by a speaker, group or recording go together; `random`
    lets speakers be shared. The choice depends on `seed` and the examples' ids, not on their order.
    Raises UserError where there are too few speakers to carve from.
    """
    splits = np.array([example.split or "train" for example in examples], dtype=object)
    assert set(splits) <= set(SPLITS), f"a corpus gave other splits than {SPLITS}: {set(splits)}"
    units = _units(examples, random)
    to_carve = [split for split in ("test", "val") if split not in splits]
    shares = {"test": test_share, "val": val_share}
    notes = [f"owner's {NAMES[split]} split" for split in ("test", "val") if split not in to_carve]
    for position, split in enumerate(to_carve):
        pool = np.flatnonzero(splits == "train")
        open_examples = [examples[i] for i in pool.tolist()]
        num_splits = 1 + len(to_carve) - position
        taken = _carve(open_examples, units[pool], split, shares[split], num_splits, seed)
        splits[pool[taken]] = split
        kind, names = _kind(open_examples, units[pool], random)
        num_taken, num_names = len(set(names[taken])), len(set(names))
        notes.append(f"{NAMES[split]} carved by {kind} ({num_taken} of {num_names}), seed {seed}")
    label = "random split (speakers shared): " if random else ""
    assigned = [str(split) for split in splits]
    return assigned, _summary(examples, assigned, label + "; ".join(notes))


def verify(examples: Sequence[Example], splits: Sequence[str], *, random: bool) -> None:
    """Raise UserError if a split is empty, or a speaker, group or recording is in more than one.

    `random` allows it of speakers.
    """
    counts = Counter(splits)
    found = ", ".join(f"{split} {counts[split]}" for split in SPLITS if counts[split])
    for split in SPLITS:
        if not counts[split]:
            raise UserError(f"split {split!r} has no examples; found: {found or 'none'}")
    sides: dict[Key, set[str]] = {}
    for example, split in zip(examples, splits, strict=True):
        for key in _keys(example, random):
            sides.setdefault(key, set()).add(split)
    for kind in ("speaker", "group", "recording"):
        shared = [key for key, on in sides.items() if key[0] == kind and len(on) > 1]
        if shared:
            names = ", ".join(
                f"{io.name(key[1])} ({', '.join(s for s in SPLITS if s in sides[key])})"
                for key in shared[:3]
            )
            more = f" and {len(shared) - 3} more" if len(shared) > 3 else ""
            hint = (
                "; only dataset.split=random lets speakers be shared" if kind == "speaker" else ""
            )
            raise UserError(f"{len(shared)} {kind}(s) in more than one split: {names}{more}{hint}")


def _keys(example: Example, random: bool) -> Iterator[Key]:
    """All that must stay on one side."""
    if example.speaker and not random:
        yield "speaker", example.speaker
    if example.group:
        yield "group", example.group
    for segment in example.audio:
        yield "recording", segment.audio


def _units(examples: Sequence[Example], random: bool) -> np.ndarray:
    """The unit of each example (n,): shared keys join examples, directly or in a chain."""
    parent: dict[Key, Key] = {}

    def root(key: Key) -> Key:
        while (above := parent.setdefault(key, key)) != key:
            parent[key] = key = parent[above]  # halve the path for the next time
        return key

    first_keys = []
    for example in examples:
        first, *others = _keys(example, random)
        for key in others:
            parent[root(key)] = root(first)
        first_keys.append(first)
    numbers: dict[Key, int] = {}
    units = np.empty(len(examples), dtype=np.int64)
    for i in sorted(range(len(examples)), key=lambda i: examples[i].id):
        units[i] = numbers.setdefault(root(first_keys[i]), len(numbers))
    return units


def _carve(
    pool: Sequence[Example], units: np.ndarray, split: str, share: float, num_splits: int, seed: int
) -> np.ndarray:
    """Which of the pool go to the new split: bool (n,).

    Of many random orders of the units the one is taken whose beginning comes nearest to the share
    and leaves the fewest labels out on either side. `num_splits` counts the splits that the pool
    must still serve, a unit for each.
    """
    if not 0 < share < 1:
        raise UserError(f"{split}_share must lie between 0 and 1, not {share}")
    _, unit = np.unique(units, return_inverse=True)  # (n,), numbered from 0
    sizes = np.bincount(unit)
    if len(sizes) < num_splits:
        raise UserError(
            f"no {NAMES[split]} split to carve: speakers, groups and recordings stay together, "
            f"which makes {len(sizes)} part(s) of {len(pool)} examples, for {num_splits} splits"
        )
    _, labels = np.unique([example.label for example in pool], return_inverse=True)
    target = share * len(pool)
    generator = np.random.default_rng(seed)
    best, best_score = np.zeros(len(pool), bool), np.inf
    for _ in range(TRIALS):
        order = generator.permutation(len(sizes))
        filled = np.cumsum(sizes[order])[: len(sizes) - num_splits + 1]
        num_units = int(np.abs(filled - target).argmin()) + 1
        is_taken = np.zeros(len(sizes), bool)
        is_taken[order[:num_units]] = True
        taken = is_taken[unit]
        present = [np.count_nonzero(np.bincount(labels[side])) for side in (taken, ~taken)]
        missed = 2 - sum(present) / (labels.max() + 1)
        score = abs(filled[num_units - 1] - target) / target + missed
        if score < best_score:
            best, best_score = taken, score
        if score == 0:
            break
    return best


def _kind(pool: Sequence[Example], units: np.ndarray, random: bool) -> tuple[str, np.ndarray]:
    """What a pool is carved by, and the name of each example's (n,)."""
    fields = {
        "speaker": ["" if random else example.speaker for example in pool],
        "group": [example.group for example in pool],
    }
    for kind, names in fields.items():
        if all(names):
            return kind, np.array(names)
    is_plain = not any(fields["speaker"]) and not any(fields["group"])
    return "recording" if is_plain else "speaker, group or recording", units


def _summary(examples: Sequence[Example], splits: Sequence[str], definition: str) -> SplitSummary:
    counts = Counter(splits)
    speakers: dict[str, set[str]] = {split: set() for split in SPLITS}
    labels: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    for example, split in zip(examples, splits, strict=True):
        speakers[split].update([example.speaker] if example.speaker else [])
        labels[split].update([example.label] if example.label else [])
    return SplitSummary(
        definition=definition,
        counts={split: counts[split] for split in SPLITS},
        speakers={split: sorted(names) for split, names in speakers.items()},
        labels={split: dict(sorted(found.items())) for split, found in labels.items()},
    )


def with_caveat(summary: SplitSummary, caveat: str) -> SplitSummary:
    """The definition ends with what the corpus itself warns of (Corpus.caveat), if it does."""
    if not caveat:
        return summary
    return replace(summary, definition=f"{summary.definition}; {caveat}")
