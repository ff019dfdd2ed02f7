"""Votes of annotators: how many of them chose each class."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from .example import Votes


def tally(votes: Iterable[tuple[str, float]]) -> Votes:
    """Votes by class, classes in alphabetical order; those without a vote are left out."""
    counts: defaultdict[str, float] = defaultdict(float)
    for name, count in votes:
        counts[name] += count
    return tuple(sorted((name, count) for name, count in counts.items() if count))


def one_vote(classes: Sequence[str]) -> list[tuple[str, float]]:
    """The vote of one annotator, in equal parts for all classes that are named."""
    return [(name, 1 / len(classes)) for name in classes]
