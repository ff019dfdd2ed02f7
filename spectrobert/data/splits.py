"""Splits of a corpus: their summary, and the leak rule.

`leaks` finds every speaker, group or recording in more than one split; `verify` refuses them, and
`caveats` names those that the owner of a corpus allows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..corpora.example import SPLITS, Example
from ..errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

    from ..corpora import Corpus
    from .units import Coded, Columns

NAMES = {"train": "training", "val": "validation", "test": "test"}  # in sentences
UNUSED = "unused"  # in place of a split: training rows that dataset.train_share leaves out
RANDOM = "random split (speakers shared)"  # stands wherever scores of such a split are shown
CAUTION = "; caution: "  # in a definition, before each caveat


@dataclass(frozen=True)
class SplitSummary:
    """Splits as a run records them."""

    definition: str  # one sentence: the owner's splits, and how the others were drawn
    counts: dict[str, int]  # split -> examples
    speakers: dict[str, list[str]]  # split -> its speakers, sorted; empty if they are not known
    labels: dict[str, dict[str, int]]  # split -> label -> examples
    # of a mixture its parts, of a balance the counts before and after, of a share of train its rows
    more: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        values = asdict(self)
        return values | values.pop("more")


def caution(definition: str) -> str:
    """The warning that stands next to all scores of such a split: "" if there is none."""
    found = [RANDOM] if RANDOM in definition else []
    found += re.findall(f"{re.escape(CAUTION)}([^;]+)", definition)
    return ", ".join(dict.fromkeys(found))


def with_caveats(summary: SplitSummary, caveats: Sequence[str]) -> SplitSummary:
    """The definition ends with the caveats, which are then the `caution` of its scores."""
    notes = "".join(f"{CAUTION}{caveat}" for caveat in caveats)
    return replace(summary, definition=summary.definition + notes)


class Leaks(NamedTuple):
    """Speakers, groups or recordings of a corpus: those in more than one split."""

    shared: dict[str, tuple[str, ...]]  # name -> its splits, in order of appearance
    num_names: int  # all that occur
    is_complete: bool  # every row has a name

    @property
    def shown(self) -> list[str]:
        """`s1 (train, test)` per shared name."""
        return [f"{name} ({', '.join(sides)})" for name, sides in self.shared.items()]


def leaks(rows: Sequence[Example] | pa.Table, sides: Sequence[str]) -> dict[str, Leaks]:
    """Speakers, groups and recordings in more than one split, by kind.

    A recording is named by its path, or by the digest of its bytes.
    """
    from .units import columns_of  # pyarrow: tables and reports need `caution` alone

    columns, places = columns_of(rows), numbers(sides)
    return {
        "speaker": _leaks(columns.speaker, places),
        "group": _leaks(columns.group, places),
        "recording": _leaks(columns.recording, places[columns.row]),
    }


def _leaks(coded: Coded, places: np.ndarray) -> Leaks:
    is_on = np.zeros((len(coded.names), len(SPLITS) + 1), bool)
    is_on[coded.numbers, places] = True
    is_on = is_on[:, : len(SPLITS)]  # a row that is not used shares nothing
    names = coded.names.to_pylist()
    shared = {
        names[i]: tuple(split for split, on in zip(SPLITS, is_on[i]) if on)
        for i in np.flatnonzero(is_on.sum(axis=1) > 1).tolist()
        if names[i]
    }
    return Leaks(shared, sum(map(bool, names)), bool(coded.is_named.all()))


def verify(
    rows: Sequence[Example] | pa.Table,
    sides: Sequence[str],
    *,
    random: bool,
    needed: Sequence[str] = SPLITS,
    may_share: Sequence[str] = (),
) -> None:
    """Raise UserError if a split is empty, or a speaker, group or recording is in more than one.

    `random` allows it of speakers, `may_share` of what it names (Corpus.may_share); a split that is
    not `needed` may be empty.
    """
    counts = {split: list(sides).count(split) for split in SPLITS}
    found = ", ".join(f"{split} {count}" for split, count in counts.items() if count)
    for split, count in counts.items():
        if not count and split in needed:
            raise UserError(f"split {split!r} has no examples; found: {found or 'none'}")
    allowed = (*may_share, *(["speaker"] if random else []))
    for kind, found_of in leaks(rows, sides).items():
        if found_of.shared and kind not in allowed:
            first, rest = ", ".join(found_of.shown[:3]), len(found_of.shared) - 3
            more = f" and {rest} more" if rest > 0 else ""
            is_speaker = kind == "speaker"
            hint = "; only dataset.split=random lets speakers be shared" if is_speaker else ""
            raise UserError(
                f"{len(found_of.shared)} {kind}(s) in more than one split: {first}{more}{hint}"
            )


def caveats(corpus: Corpus, rows: Sequence[Example] | pa.Table, sides: Sequence[str]) -> list[str]:
    """Limits of scores on these splits: the corpus' caveat, and what its splits share."""
    notes = [corpus.caveat] if corpus.caveat else []
    if corpus.may_share or corpus.unnamed_caveat:
        found = leaks(rows, sides)
        if corpus.unnamed_caveat and not found["speaker"].num_names:
            notes.append(corpus.unnamed_caveat)
        shared = [
            f"{len(found[kind].shared)} of {found[kind].num_names} {kind}s"
            for kind in corpus.may_share
            if found[kind].shared
        ]
        if shared:
            notes.append(f"the owner's splits share {' and '.join(shared)}")
    return notes


def numbers(sides: Sequence[str]) -> np.ndarray:
    """(n,) places in SPLITS, behind them UNUSED; without a name is for training."""
    number = {name: i for i, name in enumerate((*SPLITS, UNUSED))} | {"": 0}
    strange = set(sides) - number.keys()
    assert not strange, f"a corpus gave other splits than {SPLITS}: {strange}"
    return np.array([number[split] for split in sides], dtype=np.int64)


def summarise(columns: Columns, sides: np.ndarray, definition: str) -> SplitSummary:
    """Counts, speakers and labels of each split, under a definition of the caller's."""
    counts = np.bincount(sides, minlength=len(SPLITS)).tolist()
    speakers, labels = {}, {}
    names = columns.speaker.names.to_pylist()
    for number, split in enumerate(SPLITS):
        here = sides == number
        on = np.unique(columns.speaker.numbers[here])
        speakers[split] = sorted(filter(None, (names[i] for i in on)))
        found = np.bincount(columns.label.numbers[here], minlength=len(columns.label.names))
        pairs = sorted(zip(columns.label.names.to_pylist(), found.tolist()))
        labels[split] = {label: count for label, count in pairs if label and count}
    return SplitSummary(definition, dict(zip(SPLITS, counts)), speakers, labels)
