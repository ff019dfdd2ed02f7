"""Which example is for training, for validation and for testing.

The owner's lines are kept; what the owner leaves open is carved so that no speaker, group or
recording is on two sides of a line, and `verify` refuses a split of which that is not true.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..corpora.example import SPLITS, Example
from ..errors import UserError
from . import carving

if TYPE_CHECKING:
    import pyarrow as pa

    from ..corpora import Corpus

NAMES = {"train": "training", "val": "validation", "test": "test"}  # in sentences
SHARES = {"val": 0.1, "test": 0.1}  # of the examples that the split is carved from
RANDOM = "random split (speakers shared)"  # stands wherever scores of such a split are shown
CAUTION = "; caution: "  # in a definition, before what stands there too


@dataclass(frozen=True)
class SplitSummary:
    """What a run records about its splits."""

    definition: str  # one sentence: whose lines, and how the others were drawn
    counts: dict[str, int]  # split -> examples
    speakers: dict[str, list[str]]  # split -> its speakers, sorted; empty where they are not known
    labels: dict[str, dict[str, int]]  # split -> label -> examples
    more: dict[str, Any] = field(default_factory=dict)  # of a mixture its parts, of a balance both

    def to_dict(self) -> dict[str, object]:
        values = asdict(self)
        return values | values.pop("more")


def caution(definition: str) -> str:
    """The warning that stands next to all scores of such a split: "" if there is none."""
    found = [RANDOM] if RANDOM in definition else []
    found += re.findall(f"{re.escape(CAUTION)}([^;]+)", definition)
    return ", ".join(dict.fromkeys(found))


class _Coded(NamedTuple):
    """Numbers in place of names, in order of appearance, and the names."""

    numbers: np.ndarray
    names: pa.Array  # of strings

    def take(self, chosen: np.ndarray) -> _Coded:
        return _Coded(self.numbers[chosen], self.names)

    @property
    def is_named(self) -> np.ndarray:
        """False where the corpus does not say."""
        return self.numbers != self.names.index("").as_py()  # -1: nowhere


class _Columns(NamedTuple):
    """All that splits are drawn by, of n rows with m segments."""

    id: pa.ChunkedArray  # (n,)
    rank: np.ndarray  # (n,) of the id among all ids
    label: _Coded
    speaker: _Coded
    group: _Coded
    recording: _Coded  # (m,)
    row: np.ndarray  # (m,) whose segment it is


def assign(
    examples: Sequence[Example] | pa.Table,
    *,
    val_share: float = SHARES["val"],
    test_share: float | None = SHARES["test"],
    seed: int = 0,
    random: bool = False,
) -> tuple[list[str], SplitSummary]:
    """The split of each example, and how it came about.

    Examples without a split are training material, of which a missing test split is carved, then a
    missing validation split. Examples joined by a speaker, group or recording go together; `random`
    gives up the owner's lines and lets speakers be shared. The choice depends on `seed` and the
    names of speakers and groups (else the examples' ids), not on their order, and a row that is
    added or removed moves few others (carving.py). Raises UserError if there are too few speakers
    to carve from.

    Args:
        examples: or a table of rows.SCHEMA.
        test_share: None carves no test split.
    """
    table = _table(examples)
    columns = _columns(table)
    splits = _owners(table, random)
    units = _units(columns, random)
    shares = {"val": val_share} if test_share is None else {"test": test_share, "val": val_share}
    to_carve = [split for split in _missing(splits) if split in shares]
    for position, split in enumerate(to_carve):
        pool = np.flatnonzero(splits == 0)
        num_splits = 1 + len(to_carve) - position
        taken = _carve(columns, pool, units, split, shares[split], num_splits, seed, random)
        splits[pool[taken]] = SPLITS.index(split)
    summary = _describe(columns, units, to_carve, splits, seed, random)
    return [SPLITS[s] for s in splits.tolist()], summary


def describe(
    examples: Sequence[Example] | pa.Table, splits: Sequence[str], *, seed: int, random: bool
) -> SplitSummary:
    """Description of a split that `assign` drew."""
    table = _table(examples)
    columns = _columns(table)
    sides = _numbers(splits)
    to_carve = [split for split in _missing(_owners(table, random)) if split in splits]
    return _describe(columns, _units(columns, random), to_carve, sides, seed, random)


def _describe(
    columns: _Columns,
    units: np.ndarray,
    to_carve: Sequence[str],
    sides: np.ndarray,
    seed: int,
    random: bool,
) -> SplitSummary:
    counts = np.bincount(sides, minlength=len(SPLITS))
    notes = [
        ("owner's " if counts[SPLITS.index(split)] else "no ") + f"{NAMES[split]} split"
        for split in ("test", "val")
        if split not in to_carve
    ]
    for position, split in enumerate(to_carve):
        later = [0, *(SPLITS.index(s) for s in to_carve[position:])]
        pool = np.flatnonzero(np.isin(sides, later))
        taken = sides[pool] == SPLITS.index(split)
        kind, names = _kind(columns, pool, units, random)
        num_taken, num_names = (np.count_nonzero(np.bincount(n)) for n in (names[taken], names))
        notes.append(f"{NAMES[split]} carved by {kind} ({num_taken} of {num_names}), seed {seed}")
    label = f"{RANDOM}: " if random else ""
    return _summary(columns, sides, label + "; ".join(notes))


def _owners(table: pa.Table, random: bool) -> np.ndarray:
    """(n,) places in SPLITS of the owner's splits, training if there is none."""
    return _numbers(["" if random else s for s in table.column("split").to_pylist()])


def _missing(owners: np.ndarray) -> list[str]:
    """The splits that have to be carved, in the order in which they are."""
    return [split for split in ("test", "val") if SPLITS.index(split) not in owners]


def verify(
    examples: Sequence[Example] | pa.Table,
    splits: Sequence[str],
    *,
    random: bool,
    is_tested: bool = True,
    may_share: Sequence[str] = (),
) -> None:
    """Raise UserError if a split is empty, or a speaker, group or recording is in more than one.

    `random` allows it of speakers, `may_share` of what it names (Corpus.may_share); if not
    `is_tested`, there need be no test split.
    """
    sides = _numbers(splits)
    counts = np.bincount(sides, minlength=len(SPLITS))
    found = ", ".join(f"{name} {count}" for name, count in zip(SPLITS, counts) if count)
    for split, count in zip(SPLITS, counts):
        if not count and (is_tested or split != "test"):
            raise UserError(f"split {split!r} has no examples; found: {found or 'none'}")
    allowed = (*may_share, *(["speaker"] if random else []))
    for kind, (shared, _) in _shared(_columns(_table(examples)), sides).items():
        if shared and kind not in allowed:
            more = f" and {len(shared) - 3} more" if len(shared) > 3 else ""
            hint = (
                "; only dataset.split=random lets speakers be shared" if kind == "speaker" else ""
            )
            first = ", ".join(shared[:3])
            raise UserError(f"{len(shared)} {kind}(s) in more than one split: {first}{more}{hint}")


def _shared(columns: _Columns, sides: np.ndarray) -> dict[str, tuple[list[str], int]]:
    """Kind -> the names in more than one split, with these, and how many names there are."""
    kinds = {
        "speaker": (columns.speaker, sides),
        "group": (columns.group, sides),
        "recording": (columns.recording, sides[columns.row]),
    }
    found = {}
    for kind, (coded, side) in kinds.items():
        is_on = np.zeros((len(coded.names), len(SPLITS)), bool)
        is_on[coded.numbers, side] = True
        is_named = np.array([bool(name) for name in coded.names.to_pylist()], bool)
        shared = np.flatnonzero((is_on.sum(axis=1) > 1) & is_named)
        names = [
            f"{coded.names[i]} ({', '.join(s for s, on in zip(SPLITS, is_on[i]) if on)})"
            for i in shared.tolist()
        ]
        found[kind] = (names, int(is_named.sum()))
    return found


def summarise(table: pa.Table, splits: Sequence[str], definition: str) -> SplitSummary:
    """What is on each side, under a definition of the caller's."""
    return _summary(_columns(table), _numbers(splits), definition)


def shared_recordings(table: pa.Table, splits: Sequence[str]) -> list[str]:
    """The recordings in more than one split, with these."""
    return _shared(_columns(table), _numbers(splits))["recording"][0]


def caveats(
    corpus: Corpus, examples: Sequence[Example] | pa.Table, splits: Sequence[str]
) -> list[str]:
    """Limits of scores on these splits: the corpus' caveat, and what its splits share."""
    found = [corpus.caveat] if corpus.caveat else []
    if corpus.may_share:
        kinds = _shared(_columns(_table(examples)), _numbers(splits))
        shared = [
            f"{len(kinds[kind][0])} of {kinds[kind][1]} {kind}s"
            for kind in corpus.may_share
            if kinds[kind][0]
        ]
        if shared:
            found.append(f"the owner's splits share {' and '.join(shared)}")
    return found


def _table(examples: Sequence[Example] | pa.Table) -> pa.Table:
    from . import rows  # pyarrow: a corpus' parser that names the splits should not wait for it

    return rows.to_table(examples) if isinstance(examples, Sequence) else examples


def _columns(table: pa.Table) -> _Columns:
    from . import rows

    flat = rows.stretches(table)
    label, speaker, group = (
        _Coded(*rows.codes(table.column(name))) for name in ("label", "speaker", "group")
    )
    recording = _Coded(*rows.codes(flat.recording))
    ids = table.column("id")
    return _Columns(ids, _ranks(ids), label, speaker, group, recording, flat.row)


def _numbers(splits: Sequence[str]) -> np.ndarray:
    """(n,) places in SPLITS; without a name is for training."""
    number = {name: i for i, name in enumerate(SPLITS)} | {"": 0}
    strange = set(splits) - number.keys()
    assert not strange, f"a corpus gave other splits than {SPLITS}: {strange}"
    return np.array([number[split] for split in splits], dtype=np.int64)


def _units(columns: _Columns, random: bool) -> np.ndarray:
    """The unit of each example (n,): shared keys join examples, directly or in a chain.

    Numbered by the examples' ids.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(columns.rank)
    ends = [(columns.row, columns.recording.numbers, len(columns.recording.names))]
    for coded in (columns.group,) if random else (columns.group, columns.speaker):
        named = np.flatnonzero(coded.is_named)
        ends.append((named, coded.numbers[named], len(coded.names)))
    first_node = n  # the examples are nodes 0 to n - 1, the keys follow
    examples, keys = [], []
    for rows_with_key, key, num_keys in ends:
        examples.append(rows_with_key)
        keys.append(first_node + key)
        first_node += num_keys
    edges = (np.concatenate(examples), np.concatenate(keys))
    graph = coo_array((np.ones(len(edges[0]), np.int8), edges), shape=(first_node, first_node))
    _, component = connected_components(graph, directed=False)
    by_id = np.argsort(columns.rank)
    _, first, number = np.unique(component[:n][by_id], return_index=True, return_inverse=True)
    in_order = np.empty_like(first)
    in_order[np.argsort(first)] = np.arange(len(first))
    units = np.empty(n, np.int64)
    units[by_id] = in_order[number]
    return units


def _carve(
    columns: _Columns,
    pool: np.ndarray,
    units: np.ndarray,
    split: str,
    share: float,
    num_splits: int,
    seed: int,
    random: bool,
) -> np.ndarray:
    """Members of the new split among the pool's examples: bool (n,). Raises UserError."""
    if not 0 < share < 1:
        raise UserError(f"{split}_share must lie between 0 and 1, not {share}")
    numbers, unit = np.unique(units[pool], return_inverse=True)
    # labels in the order of their names: the corpus' order must not matter
    label = _ranks(columns.label.names)[columns.label.numbers[pool]]
    every = _unit_names(columns, units, random)
    names = [every[i] for i in numbers.tolist()]
    try:
        return carving.carve(label, unit, names, share, num_splits, f"{seed} {split}")
    except UserError as error:
        raise UserError(f"no {NAMES[split]} split to carve: {error}") from None


def _ranks(names: pa.Array) -> np.ndarray:
    """The place of each name among all."""
    import pyarrow.compute as pc

    rank = np.empty(len(names), np.int64)
    rank[pc.sort_indices(names).to_numpy()] = np.arange(len(names))
    return rank


def _unit_names(columns: _Columns, units: np.ndarray, random: bool) -> list[str]:
    """The first speaker of each unit by name, else its first group, else its first id."""
    first_id = np.full(units.max() + 1, len(units))
    np.minimum.at(first_id, units, columns.rank)
    by_rank = np.argsort(columns.rank)
    names = [f"row {i}" for i in columns.id.take(by_rank[first_id]).to_pylist()]
    kinds = [("group", columns.group), *([] if random else [("speaker", columns.speaker)])]
    for kind, coded in kinds:
        ranks = _ranks(coded.names)
        ordered = coded.names.take(np.argsort(ranks)).to_pylist()
        named = np.flatnonzero(coded.is_named)
        first = np.full(len(names), len(ordered))
        np.minimum.at(first, units[named], ranks[coded.numbers[named]])
        for unit in np.flatnonzero(first < len(ordered)).tolist():
            names[unit] = f"{kind} {ordered[first[unit]]}"
    return names


def _kind(
    columns: _Columns, pool: np.ndarray, units: np.ndarray, random: bool
) -> tuple[str, np.ndarray]:
    """What a pool is carved by, and a number for the name of each of its examples."""
    speaker, group = columns.speaker.take(pool), columns.group.take(pool)
    if speaker.is_named.all() and not random:
        return "speaker", speaker.numbers
    if group.is_named.all():
        return "group", group.numbers
    is_plain = not (group.is_named.any() or (speaker.is_named.any() and not random))
    return "recording" if is_plain else "speaker, group or recording", units[pool]


def _summary(columns: _Columns, splits: np.ndarray, definition: str) -> SplitSummary:
    counts = np.bincount(splits, minlength=len(SPLITS)).tolist()
    speakers, labels = {}, {}
    for number, split in enumerate(SPLITS):
        here = splits == number
        names = columns.speaker.names.to_pylist()
        speakers[split] = sorted(
            filter(None, (names[i] for i in np.unique(columns.speaker.numbers[here])))
        )
        found = np.bincount(columns.label.numbers[here], minlength=len(columns.label.names))
        pairs = sorted(zip(columns.label.names.to_pylist(), found.tolist()))
        labels[split] = {label: count for label, count in pairs if label and count}
    return SplitSummary(definition, dict(zip(SPLITS, counts)), speakers, labels)


def with_caveats(summary: SplitSummary, found: Sequence[str]) -> SplitSummary:
    """The definition ends with the caveats, which are then the `caution` of its scores."""
    notes = "".join(f"{CAUTION}{caveat}" for caveat in found)
    return replace(summary, definition=summary.definition + notes)
