"""From a corpus on disk to three Arrow tables, a label set and a record of the split."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import numpy as np
import pyarrow as pa

from .. import corpora
from ..config import TASKS, DatasetConfig, MixtureConfig
from ..corpora.example import Dropped
from ..errors import UserError
from . import (
    balance,
    checks,
    clips,
    copies,
    drawing,
    equal_files,
    mismatches,
    mixtures,
    relabelling,
    rows,
    split_record,
    splits,
    store,
    train_share,
)
from .labels import label_names, unseen_answers
from .split_record import SplitRecord
from .splits import UNUSED, SplitSummary
from .units import columns_of

ALL_ROWS = "all rows, whatever their owner's split"


@dataclass(frozen=True)
class Prepared:
    """A corpus, ready for one task."""

    splits: dict[str, datasets.Dataset]  # by name of splits.SPLITS
    labels: tuple[str, ...]  # classes, or names of targets; empty for pre-training
    summary: SplitSummary
    skipped: list[checks.Skipped]  # unusable audio
    dropped: list[Dropped]  # rows the corpus' parser leaves out
    quotas: tuple[mixtures.Quota, ...] = ()  # of a weighted mixture, in the order of train
    record: pa.Table | None = None  # the split of every row, for split.csv
    unseen: tuple[str, ...] = ()  # answers that train lacks: no logit stands for them

    @property
    def unseen_rows(self) -> dict[str, dict[str, int]]:
        """Split -> answer that train lacks -> rows, of the splits that have any."""
        found = {
            split: {label: n for label, n in counts.items() if label in self.unseen}
            for split, counts in self.summary.labels.items()
        }
        return {split: counts for split, counts in found.items() if counts}


class DrawnCorpus(NamedTuple):
    """A corpus, or a mixture, looked at and split: all n rows, and the u that can be used."""

    table: pa.Table  # (n,) rows.SCHEMA
    seconds: np.ndarray  # (n,)
    usable: np.ndarray  # (u,)
    light: pa.Table  # (u,) without embedded audio
    sides: list[str]  # (u,) splits
    summary: SplitSummary
    skipped: list[checks.Skipped]
    dropped: list[Dropped]


def prepare(
    task: str,
    options: DatasetConfig,
    data_dir: str,
    progress: checks.Progress = checks.no_progress,
    recorded: SplitRecord | None = None,
    is_whole: bool = False,
) -> Prepared:
    """Parse, look at the audio, draw the splits, collect the labels, make the tables.

    Args:
        task: its name, or what pre-training reads (`TaskConfig.reading`).
        recorded: the split of a run, which is then not drawn; rows are in its order.
        is_whole: no split is drawn: all rows are scored, as `test`, by a model of other rows.

    Raises UserError if the corpus, its audio, its splits or its labels cannot be used, or differ
    from the record.
    """
    parts, reading, task = mixtures.parts(options, data_dir), task, name_of(task)
    is_mixture = len(parts) > 1
    drawn = []
    for part in parts:
        own = recorded.part(part.name) if recorded and is_mixture else recorded
        drawn.append(draw(part, reading, options, progress, own, is_whole))
    whole = drawn[0]
    if is_mixture:
        needed = ["test"] if is_whole else _needed(task, options)
        whole = _together([part.name for part in parts], drawn, options, needed)
    # of all recorded rows: those that are not needed may be missing
    known, sides = whole.light, whole.sides
    if recorded and TASKS[task].truth != "targets":
        known, sides = recorded.table, recorded.table.column("split").to_pylist()
    if is_whole:
        sides = ["train"] * len(sides)
    labels = label_names(task, options, known, sides)
    tables, summary = _tables(whole, reading, options)
    weights = options.weights if isinstance(options, MixtureConfig) else []
    pa.default_memory_pool().release_unused()  # workers are forked from here
    return Prepared(
        tables,
        labels,
        summary,
        whole.skipped,
        whole.dropped,
        mixtures.quotas([d.summary.counts["train"] for d in drawn], weights),
        recorded.table if recorded else split_record.record(whole.light, whole.sides),
        unseen_answers(task, whole.light, labels),
    )


def name_of(reading: str) -> str:
    """The name of the task whose rows are read."""
    return reading.partition(":")[0]


def _needed(task: str, options: DatasetConfig) -> list[str]:
    """Splits that a run cannot do without."""
    has_val = options.val_share != 0 or task == "pre"
    return ["train", *(["val"] if has_val else []), *(["test"] if task != "pre" else [])]


def draw(
    part: mixtures.Part,
    task: str,
    options: DatasetConfig,
    progress: checks.Progress,
    recorded: SplitRecord | None = None,
    is_whole: bool = False,
) -> DrawnCorpus:
    """Parse a corpus, look at its audio and draw its splits, or take those recorded.

    Args:
        is_whole: all rows are `test`.

    Raises UserError.
    """
    parsed, task = _parsed(part, task), name_of(task)
    found = store.findings(parsed, part.name, options.check, progress)
    skipped = _skipped(parsed, found, options.max_skipped)
    usable = np.setdiff1d(np.arange(len(parsed.table)), list(found.faults))
    closed = corpora.corpus(part.name).labels.get(task, ())
    table, usable, left_out = relabelling.apply(parsed.table, usable, part.labels, closed)
    light = rows.light(table)
    if len(usable) < len(table):
        light = light.take(usable)
    is_random = options.split == "random"
    sides, whole = None, None
    if recorded:
        places, sides = recorded.places(light, is_random)
        usable, light = usable[places], light.take(places)
        whole = ["train" if side == UNUSED else side for side in sides]
    elif is_whole:
        whole = ["test"] * len(usable)
    elif not is_random:
        owners = [row.split for row in parsed.unusable]
        owners += [parsed.table.column("split")[row].as_py() for row in found.faults]
        _refuse_lost_splits(part.name, skipped, owners, light)
    # equal files are one recording, whatever their names
    same = equal_files.joint_names(store.equal_recordings(parsed, options.check))
    drawn = drawing.draw(light, part.name, task, options, same, whole)
    if is_whole:
        drawn = drawn._replace(summary=replace(drawn.summary, definition=ALL_ROWS))
    elif not (recorded and recorded.is_subset):
        corpus = corpora.corpus(part.name)
        splits.verify(
            drawn.table if corpus.files else light,
            drawn.sides,
            random=is_random,
            needed=_needed(task, options),
            may_share=corpus.may_share,
        )
    if (options.train_share < 1 or options.shots) and not is_whole:
        drawn = train_share.apply(drawn, options, sides)
    return DrawnCorpus(
        table,
        found.seconds,
        usable,
        light,
        drawn.sides,
        drawn.summary,
        skipped,
        [*parsed.dropped, *left_out],
    )


def _parsed(part: mixtures.Part, task: str) -> store.Parsed:
    """A corpus, from its own files or from prepared ones. Raises UserError."""
    task = corpora.parsing_task(part.name, task, part.options)
    if part.prepared:
        return copies.opened(Path(part.prepared), part.name, task, part.options)
    return store.parsed(part.name, part.root, task, part.options)


def _skipped(
    parsed: store.Parsed, found: checks.Findings, max_skipped: float
) -> list[checks.Skipped]:
    """The rows that cannot be used. Raises UserError if they are too many."""
    ids = parsed.table.column("id")
    skipped = [checks.Skipped(*row[:3]) for row in parsed.unusable]
    skipped += [checks.Skipped(ids[row].as_py(), *why) for row, why in found.faults.items()]
    checks.refuse_too_many(skipped, len(ids) + len(parsed.unusable), max_skipped)
    return skipped


def _refuse_lost_splits(
    name: str, skipped: Sequence[checks.Skipped], owners: Sequence[str], light: pa.Table
) -> None:
    """Raise UserError if all files of an owner's split are bad: no other is carved in its place.

    Args:
        owners: the split of each skipped row.
    """
    left = light.column("split").unique().to_pylist()
    for split in splits.SPLITS:
        if split in owners and split not in left:
            first = skipped[owners.index(split)]
            raise UserError(
                f"dataset {name!r}: none of the {owners.count(split)} examples of the owner's"
                f" {splits.NAMES[split]} split can be used; the first: {first.recording}:"
                f" {first.fault}"
            )


def _together(
    names: Sequence[str],
    drawn: Sequence[DrawnCorpus],
    options: DatasetConfig,
    needed: Sequence[str],
) -> DrawnCorpus:
    """A mixture: each corpus keeps its splits. Raises UserError if they share a recording."""
    assert isinstance(options, MixtureConfig)
    offsets = np.cumsum([0, *(len(d.table) for d in drawn)])
    light = pa.concat_tables(mixtures.prefixed(d.light, name) for name, d in zip(names, drawn))
    sides = [side for d in drawn for side in d.sides]
    # speakers and groups of each corpus are under its name, and verified
    splits.verify(light, sides, random=True, needed=needed, may_share=("speaker", "group"))
    definition = "; ".join(f"{name}: {d.summary.definition}" for name, d in zip(names, drawn))
    parts = {
        name: {"definition": d.summary.definition, "counts": d.summary.counts, **d.summary.more}
        for name, d in zip(names, drawn)
    }
    summary = splits.summarise(columns_of(light), splits.numbers(sides), definition)
    return DrawnCorpus(
        table=pa.concat_tables(mixtures.prefixed(d.table, name) for name, d in zip(names, drawn)),
        seconds=np.concatenate([d.seconds for d in drawn]),
        usable=np.concatenate([d.usable + first for d, first in zip(drawn, offsets)]),
        light=light,
        sides=sides,
        summary=replace(summary, more={"parts": parts, "weights": list(options.weights)}),
        skipped=[s._replace(id=f"{n}/{s.id}") for n, d in zip(names, drawn) for s in d.skipped],
        dropped=[r._replace(what=f"{n}/{r.what}") for n, d in zip(names, drawn) for r in d.dropped],
    )


def _tables(
    whole: DrawnCorpus, reading: str, options: DatasetConfig
) -> tuple[dict[str, datasets.Dataset], SplitSummary]:
    """The table of each split, and the summary, which records a balance.

    Raises UserError if rows have no class to balance, or no mismatched pairs can be built.
    """
    table = clips.with_lengths(whole.table, whole.seconds)
    if options.omit_text:
        table = rows.without_texts(table)
    sides, summary = np.array(whole.sides), whole.summary
    tables = {}
    for split in splits.SPLITS:
        chosen = np.flatnonzero(sides == split)
        if split == "train" and options.balance != "none":
            chosen, summary = _balanced(whole, chosen, name_of(reading), options)
        if reading == "pre" and len(chosen):
            sounds = table.column("sound").take(whole.usable[chosen])
            known = [name for name in mismatches.COLUMNS if name != "sound"]
            texts = whole.light.select(["id", *known]).take(chosen)
            mismatches.require(split, texts.append_column("sound", sounds))
        if split == "test" and options.inner_folds:  # settings are chosen: test stays unread
            chosen = chosen[:0]
        tables[split] = clips.dataset(table).select(whole.usable[chosen])
    return tables, summary


def _balanced(
    whole: DrawnCorpus, train: np.ndarray, task: str, options: DatasetConfig
) -> tuple[np.ndarray, SplitSummary]:
    """The rows of train, as many of each class. Raises UserError if rows have no one class."""
    labels = whole.light.column("label").take(train).to_pylist()
    if not all(labels):
        raise UserError(
            f"dataset.balance={options.balance}: rows of task {task!r} have no class to balance"
        )
    chosen = balance.METHODS[options.balance](labels, options.split_seed)
    record: dict[str, Any] = {
        "method": options.balance,
        "before": dict(sorted(Counter(labels).items())),
    }
    if options.balance not in balance.DRAWN:
        record["after"] = dict(sorted(Counter(labels[i] for i in chosen.tolist()).items()))
    more = {**whole.summary.more, "balance": record}
    return train[chosen], replace(whole.summary, more=more)
