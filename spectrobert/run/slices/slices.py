"""The scores of a run by slice of a split: gaps, worst groups, recalls and mean shifts.

A slice is judged from `MIN_GROUPS` groups (speakers, or else scenes or recordings) and `MIN_ROWS`
rows on: of five speakers against five a permutation can give a p of 0.008, of three none below 0.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ... import metrics
from ...files import write_json
from ...metrics.slices import Sliced
from ..conditions import Value
from ..folder import RunFolder
from . import columns
from .comparison import MIN_CLASS_ROWS, Between, Comparison, measured
from .scored import Scored, score

MIN_GROUPS, MIN_ROWS = 5, 20
RULE = (
    f"A slice is judged from {MIN_GROUPS} groups and {MIN_ROWS} rows on, a class from"
    f" {MIN_CLASS_ROWS} rows in each slice"
)
DEFINITION = (
    "gap: best minus worst of the slices that are judged, so never below 0 for slices that were"
    " picked so; its interval is of these two; p: share of exchanges of whole groups between the"
    " slices whose largest gap is as large; Holm: corrected for the columns that were asked for"
)


@dataclass(frozen=True)
class Slice:
    """The metric of the rows of one value."""

    value: str
    n: int
    groups: int
    score: Value | None  # None if it is not judged
    note: str = ""  # the reason, or classes that it lacks


@dataclass(frozen=True)
class Card:
    """Figures of one column."""

    name: str
    unit: str  # of resampling
    slices: list[Slice]
    gap: Between | None = None  # None if fewer than two slices are judged
    p: float | None = None
    p_holm: float | None = None
    opportunity: Between | None = None  # the class whose recalls differ most
    recalls: dict[str, dict[str, float]] | None = None  # class -> slice -> recall
    shifts: dict[str, dict[str, Value]] | None = None  # target -> slice -> prediction minus truth
    shift: Between | None = None  # the target whose shifts differ most

    def verdict(self) -> list[str]:
        """The findings, in sentences."""
        if self.gap is None:
            return [f"{self.name}: fewer than two slices can be judged"]
        p = "none" if self.p is None else f"{self.p:.3f}, Holm {self.p_holm:.3f}"
        _, high, low, difference = self.gap
        lines = [f"{self.name}: worst {low}, best {high}; gap {difference}, p {p}"]
        if self.opportunity:
            name, high, low, difference = self.opportunity
            lines.append(f"{self.name}: recalls differ most of {name}: {high} {difference} > {low}")
        if self.shift:
            name, high, low, difference = self.shift
            lines.append(
                f"{self.name}: mean shift (prediction minus truth) differs most of {name}:"
                f" {high} {difference} above {low}"
            )
        return lines


@dataclass(frozen=True)
class Slices:
    """The cards of a run on a split."""

    run: str
    split: str
    metric: str
    n: int
    whole: Value  # of all rows
    caution: str
    cards: list[Card]

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        cards = [asdict(card) | {"verdict": card.verdict()} for card in self.cards]
        return asdict(self) | {"cards": cards, "rule": RULE, "definition": DEFINITION}

    def write(self, folder: RunFolder) -> None:
        """The JSON file."""
        write_json(folder.slices(self.split), self.to_dict())


def slices(
    folder: str | Path, names: Sequence[str], split: str = "test", data_dir: str = ""
) -> Slices:
    """Score a finished run by the values of columns.

    Args:
        folder: of the run, or of the runs fold1, fold2, ... of one seed, which are pooled.
        names: speaker, label, seconds, and what else the corpus states: sex, age, ...
        split: "val" | "test".
        data_dir: where the corpora are now, if not where they were.

    Raises UserError as `scoring.evaluate` does, and for a column that the corpus does not have.
    """
    scored = score(folder, split, data_dir, names)
    found = cards(scored, names)
    everyone = Sliced(at := np.arange(len(scored.truth)), scored.statistics(at)[scored.metric])
    return Slices(
        str(folder),
        split,
        scored.metric,
        len(at),
        measured(everyone, scored.groups),
        scored.caution,
        found,
    )


def cards(scored: Scored, names: Sequence[str]) -> list[Card]:
    """A card of each column, with Holm's p over those that were tested."""
    parted = {name: columns.column(scored.stated, name) for name in dict.fromkeys(names)}
    found = [card(scored, name, *values) for name, values in parted.items()]
    left = iter(metrics.holm([one.p for one in found if one.p is not None]))
    return [one if one.p is None else replace(one, p_holm=next(left)) for one in found]


def card(scored: Scored, name: str, numbers: np.ndarray, values: Sequence[str]) -> Card:
    """One column, without the correction for the others.

    Args:
        numbers: (N,) of the value of each row.
        values: by number.
    """
    groups, unit = scored.groups_of(name)
    parts = {value: np.flatnonzero(numbers == place) for place, value in enumerate(values)}
    rows = [_slice(scored, value, at, groups, unit) for value, at in parts.items()]
    found = Card(name, unit, rows)
    judged = {row.value: parts[row.value] for row in rows if row.score}
    if len(judged) < 2:
        return found
    comparison = Comparison(scored, judged, groups)
    return replace(
        found,
        gap=comparison.gap(),
        p=comparison.p(),
        **comparison.opportunities(),
        **comparison.mean_shifts(),
    )


def _slice(scored: Scored, value: str, at: np.ndarray, groups: np.ndarray, unit: str) -> Slice:
    """The metric of the rows (K,) of a value, if they are enough to judge."""
    number = len(set(groups[at].tolist()))
    if value == columns.UNSTATED:
        return Slice(value, len(at), number, None, "not compared")
    if number < MIN_GROUPS or len(at) < MIN_ROWS:
        return Slice(value, len(at), number, None, f"too few to judge: {number} {unit}")
    one = Sliced(at, scored.statistics(at)[scored.metric])
    missing = scored.lacks(at)
    note = f"lacks {', '.join(missing)}" if missing else ""
    return Slice(value, len(at), number, measured(one, groups), note)
