"""Clips whose sound alone is answered otherwise than their words alone: whom does the model follow?

N rows, C classes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from ... import metrics
from ...metrics import Statistic
from ...metrics.statistic import mean
from ..conditions import PLAIN, Conditions, Value
from .controls import SILENCED, WORDLESS


class Conflict(NamedTuple):
    """A clip; the fields are the columns of conflicts.csv."""

    row_id: str
    audio: str
    text: str
    label: str
    prediction: str
    by_sound: str  # the answer to the sound alone
    p_by_sound: float
    by_words: str  # the answer to the words alone
    p_by_words: float


@dataclass(frozen=True)
class Conflicts:
    """All of a split, those first in which both are surest."""

    n: int  # rows that were compared
    clips: list[Conflict]
    follows_sound: Value | None  # shares of the conflicts
    follows_words: Value | None
    right: Value | None  # share of the conflicts that is answered right

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON; the clips by number alone."""
        return asdict(self) | {"clips": len(self.clips)}


def find(conditions: Conditions) -> Conflicts:
    """The conflicts of a classifier whose plain, silenced and wordless clips have been answered."""
    three = [conditions.answered[name] for name in (PLAIN, WORDLESS, SILENCED)]
    places = np.intersect1d(np.intersect1d(three[0].places, three[1].places), three[2].places)
    outputs = [one.outputs[np.searchsorted(one.places, places)] for one in three]
    truth = three[0].truth[np.searchsorted(three[0].places, places)]
    both, sound, words = (one.argmax(axis=1) for one in outputs)
    at = np.flatnonzero(sound != words)
    follows = {"sound": both[at] == sound[at], "words": both[at] == words[at]}
    groups = conditions.groups(places[at]) if len(at) else []
    shares = {name: _share(of, groups) for name, of in follows.items()}
    right = _share(both[at] == truth[at], groups)
    clips = _clips(conditions, places[at], [one[at] for one in outputs], truth[at])
    return Conflicts(len(places), clips, shares["sound"], shares["words"], right)


def _share(rows: np.ndarray, groups: list[str]) -> Value | None:
    """The share of rows (N,) that are True; None of none."""
    if not len(rows):
        return None
    one: Statistic = mean(rows, "share of the conflicts")
    found, why = metrics.intervals({"": one}, groups)
    return Value(float(rows.mean()), found.get(""), why.get("", ""))


def _clips(
    conditions: Conditions, places: np.ndarray, outputs: list[np.ndarray], truth: np.ndarray
) -> list[Conflict]:
    task = conditions.task
    names = [*task.labels, *task.unseen]
    both, sound, words = (metrics.softmax(one) for one in outputs)
    made = [
        Conflict(
            *facts,
            names[truth[i]],
            names[both[i].argmax()],
            names[sound[i].argmax()],
            float(sound[i].max()),
            names[words[i].argmax()],
            float(words[i].max()),
        )
        for i, facts in enumerate(conditions.named(places))
    ]
    return sorted(made, key=lambda clip: -min(clip.p_by_sound, clip.p_by_words))
