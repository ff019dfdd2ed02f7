"""Likely mistakes in class names and counts: `Angry` and `ANGRY`, one test row of a class."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from .splits import NAMES

FEW = 5  # examples of a class, below which its recall in a split is not reliable
MANY = 50  # above this many classes, per-class and macro metrics are skipped
SHOWN = 5


def similar(labels: Iterable[str]) -> list[str]:
    """Classes whose names differ in case, spaces, hyphens, underscores or Unicode form alone."""
    spellings: dict[str, set[str]] = {}
    for label in labels:
        plain = unicodedata.normalize("NFKC", label).casefold()
        spellings.setdefault(re.sub(r"[\s_-]+", " ", plain).strip(), set()).add(label)
    return [", ".join(map(repr, sorted(names))) for names in spellings.values() if len(names) > 1]


def few(labels: Mapping[str, Mapping[str, int]], definition: str) -> dict[str, list[str]]:
    """Classes with fewer than FEW examples in a carved split, by split, each with its counts.

    Args:
        labels: split -> class -> examples.
        definition: of the splits; those of the owner are not judged.
    """
    train = labels["train"]
    if len(train) > MANY:
        return {}
    found = {}
    for split in ("val", "test"):
        counts = {name: labels[split].get(name, 0) for name in sorted(train)}
        rare = [f"{name} {n} (train {train[name]})" for name, n in counts.items() if n < FEW]
        if rare and f"{NAMES[split]} carved" in definition:
            found[split] = rare
    return found


def advice(split: str) -> str:
    """Remedies for a carved split with few of a class."""
    return (
        f"raise dataset.{split}_share, take another dataset.split_seed, merge classes, or name the"
        " splits in the table"
    )


def hints(labels: Mapping[str, Mapping[str, int]], definition: str) -> list[str]:
    """One line for each of the above, for a run's output."""
    names = {name for of_split in labels.values() for name in of_split}
    lines = [
        f"hint: {alike} are different classes; write them alike if they are one"
        for alike in similar(names)[:SHOWN]
    ]
    for split, rare in few(labels, definition).items():
        shown = ", ".join(rare[:SHOWN])
        more = f" and {len(rare) - SHOWN} more classes" if len(rare) > SHOWN else ""
        lines.append(f"warning: few in {NAMES[split]}: {shown}{more}; {advice(split)}")
    return lines
