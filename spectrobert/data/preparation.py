"""From a corpus on disk to three Arrow tables, a label set and a record of what was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
    rows,
    split_record,
    splits,
    store,
)
from .split_record import SplitRecord
from .splits import SplitSummary
from .store import cache_dir
from .units import columns_of

__all__ = ("Prepared", "cache_dir", "corpus_root", "label_set", "prepare")


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


class Drawn(NamedTuple):
    """One corpus, looked at and split: all its n rows, and the u of them that can be used."""

    table: pa.Table  # (n,) rows.SCHEMA
    seconds: np.ndarray  # (n,)
    usable: np.ndarray  # (u,)
    light: pa.Table  # (u,) without embedded audio
    names: list[str]  # (u,) splits
    summary: SplitSummary
    skipped: list[checks.Skipped]
    dropped: list[Dropped]


def corpus_root(options: DatasetConfig, data_dir: str) -> Path:
    """The folder of a corpus; see `corpora.folder`."""
    return corpora.folder(options.name, options.root, data_dir)


def prepare(
    task: str,
    options: DatasetConfig,
    data_dir: str,
    progress: Callable[[int, int], None] = checks.no_progress,
    recorded: SplitRecord | None = None,
) -> Prepared:
    """Parse, look at the audio, draw the splits, collect the labels.

    Args:
        recorded: the split of a run, which is then not drawn; rows are in its order.

    Raises UserError if the corpus, its audio, its splits or its labels cannot be used, or differ
    from what is recorded.
    """
    parts = mixtures.parts(options, data_dir)
    drawn = [
        draw(
            part.name,
            task,
            open_part(part, task),
            options,
            progress,
            recorded.part(part.name) if recorded and len(parts) > 1 else recorded,
        )
        for part in parts
    ]
    whole = _together([part.name for part in parts], drawn, options) if len(parts) > 1 else drawn[0]
    summary = whole.summary
    # of all recorded rows: those that are not needed may be missing
    light, sides = whole.light, whole.names
    if recorded and TASKS[task].truth != "targets":
        light, sides = recorded.table, recorded.table.column("split").to_pylist()
    labels = label_names(task, options, light, sides)
    table = clips.with_lengths(whole.table, whole.seconds)
    names = np.array(whole.names)
    tables = {}
    for split in splits.SPLITS:
        chosen = np.flatnonzero(names == split)
        if split == "train" and options.balance != "none":
            chosen, summary = _balanced(whole.light, chosen, task, options, summary)
        if task == "pre" and len(chosen):
            sounds = table.column("sound").take(whole.usable[chosen])
            known = [name for name in mismatches.COLUMNS if name != "sound"]
            texts = whole.light.select(["id", *known]).take(chosen)
            mismatches.require(split, texts.append_column("sound", sounds))
        tables[split] = clips.dataset(table).select(whole.usable[chosen])
    sizes = [d.summary.counts["train"] for d in drawn]
    weights = options.weights if isinstance(options, MixtureConfig) else []
    quotas = mixtures.quotas(sizes, weights)
    pa.default_memory_pool().release_unused()  # workers are forked from here
    unseen = unseen_answers(task, whole.light, labels)
    record = recorded.table if recorded else split_record.record(whole.light, whole.names)
    return Prepared(tables, labels, summary, whole.skipped, whole.dropped, quotas, record, unseen)


def open_part(part: mixtures.Part, task: str) -> store.Parsed:
    """A corpus, from its own files or from prepared ones. Raises UserError."""
    if part.prepared:
        return copies.opened(Path(part.prepared), part.name, task, part.options)
    return store.parsed(part.name, part.root, task, part.options)


def draw(
    name: str,
    task: str,
    parsed: store.Parsed,
    options: DatasetConfig,
    progress: checks.Progress,
    recorded: SplitRecord | None = None,
) -> Drawn:
    """Look at the audio of a corpus and draw its splits, or take those recorded.

    Raises UserError.
    """
    found = store.findings(parsed, name, options.check, progress)
    table = parsed.table
    ids = table.column("id")
    skipped = [checks.Skipped(*row[:3]) for row in parsed.unusable]
    skipped += [checks.Skipped(ids[row].as_py(), *why) for row, why in found.faults.items()]
    checks.refuse_too_many(skipped, len(ids) + len(parsed.unusable), options.max_skipped)
    is_usable = np.ones(len(ids), bool)
    is_usable[list(found.faults)] = False
    usable = np.flatnonzero(is_usable)
    light = rows.light(table)
    if found.faults:
        light = light.take(usable)
    is_random = options.split == "random"
    # equal files are one recording, whatever their names
    same = equal_files.joint_names(store.equal_recordings(parsed, options.check))
    sides = None
    if recorded:
        places, sides = recorded.places(light, is_random)
        usable, light = usable[places], light.take(places)
    elif not is_random:
        owners = [row.split for row in parsed.unusable]
        owners += [table.column("split")[row].as_py() for row in found.faults]
        _refuse_lost_splits(name, skipped, owners, light)
    drawn = drawing.draw(light, name, task, options, same, sides)
    if not (recorded and recorded.is_subset):
        corpus = corpora.corpus(name)
        splits.verify(
            drawn.table if corpus.files else light,
            drawn.sides,
            random=is_random,
            is_tested=task != "pre",
            may_share=corpus.may_share,
        )
    names, summary = drawn.sides, drawn.summary
    return Drawn(table, found.seconds, usable, light, names, summary, skipped, parsed.dropped)


def _together(names: Sequence[str], drawn: Sequence[Drawn], options: DatasetConfig) -> Drawn:
    """A mixture: each corpus keeps its splits. Raises UserError where they share a recording."""
    assert isinstance(options, MixtureConfig)
    offsets = np.cumsum([0, *(len(d.table) for d in drawn)])
    light = pa.concat_tables(mixtures.prefixed(d.light, name) for name, d in zip(names, drawn))
    sides = [side for d in drawn for side in d.names]
    # speakers and groups of each corpus are under its name, and verified
    splits.verify(light, sides, random=True, is_tested=False, may_share=("speaker", "group"))
    definition = "; ".join(f"{name}: {d.summary.definition}" for name, d in zip(names, drawn))
    found = {
        name: {"definition": d.summary.definition, "counts": d.summary.counts}
        for name, d in zip(names, drawn)
    }
    summary = splits.summarise(columns_of(light), splits.numbers(sides), definition)
    return Drawn(
        table=pa.concat_tables(mixtures.prefixed(d.table, name) for name, d in zip(names, drawn)),
        seconds=np.concatenate([d.seconds for d in drawn]),
        usable=np.concatenate([d.usable + first for d, first in zip(drawn, offsets)]),
        light=light,
        names=sides,
        summary=replace(summary, more={"parts": found, "weights": list(options.weights)}),
        skipped=[s._replace(id=f"{n}/{s.id}") for n, d in zip(names, drawn) for s in d.skipped],
        dropped=[r._replace(what=f"{n}/{r.what}") for n, d in zip(names, drawn) for r in d.dropped],
    )


def _balanced(
    light: pa.Table, train: np.ndarray, task: str, options: DatasetConfig, summary: SplitSummary
) -> tuple[np.ndarray, SplitSummary]:
    """The rows of train, as many of each class. Raises UserError where rows have no one class."""
    labels = light.column("label").take(train).to_pylist()
    if not all(labels):
        raise UserError(
            f"dataset.balance={options.balance}: rows of task {task!r} have no class to balance"
        )
    chosen = balance.METHODS[options.balance](labels, options.split_seed)
    record = {
        "method": options.balance,
        "before": dict(sorted(Counter(labels).items())),
        "after": dict(sorted(Counter(labels[i] for i in chosen.tolist()).items())),
    }
    return train[chosen], replace(summary, more={**summary.more, "balance": record})


def label_names(
    task: str, options: DatasetConfig, table: pa.Table, names: Sequence[str]
) -> tuple[str, ...]:
    """What the logits of a task stand for: classes, targets, or nothing."""
    if TASKS[task].truth == "label":
        return label_set(task, options.name, table, names)
    if TASKS[task].truth == "targets":
        # A corpus of the user's own has the names as an option
        own = tuple(getattr(options, "targets", ()))
        targets = own or corpora.corpus(options.name).targets[task]
        assert set(pc.list_value_length(table.column("targets")).to_pylist()) == {len(targets)}
        return targets
    return ()


def _refuse_lost_splits(
    name: str, skipped: Sequence[checks.Skipped], owners: Sequence[str], light: pa.Table
) -> None:
    """Another split must not be carved in place of an owner's whose files are all bad.

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


def label_set(task: str, corpus: str, table: pa.Table, names: Sequence[str]) -> tuple[str, ...]:
    """The classes: the corpus' own closed set, or what occurs in train.

    Raises UserError for a label outside the set, with the rows' ids; not for an open answer.
    """
    closed = corpora.corpus(corpus).labels.get(task)
    labels = table.column("label").to_pylist()
    seen = {label for label, name in zip(labels, names) if name == "train"}
    known = tuple(closed) if closed else tuple(sorted(seen))
    strange = Counter(label for label in labels if label not in known)
    if strange and (closed or not TASKS[task].is_open):
        label, count = strange.most_common(1)[0]
        where = table.column("id")[labels.index(label)].as_py()
        allowed = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
        origin = "the corpus' classes" if closed else "the classes of train"
        raise UserError(
            f"label {label!r} of {count} examples (the first: {where}) is not among {origin}:"
            f" {allowed}"
        )
    if len(known) < 2:
        raise UserError(f"only one class ({known[0]!r}) for task {task!r}: nothing to tell apart")
    return known


def unseen_answers(task: str, table: pa.Table, labels: Sequence[str]) -> tuple[str, ...]:
    """Answers of validation and test that train lacks, sorted."""
    if not TASKS[task].is_open:
        return ()
    return tuple(sorted(set(table.column("label").to_pylist()) - set(labels)))
