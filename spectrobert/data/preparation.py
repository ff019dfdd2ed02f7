"""From a corpus on disk to three Arrow tables, a label set and a record of what was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import datasets
import numpy as np
import pyarrow as pa

from ..config import DatasetConfig
from ..errors import UserError
from . import checks, clips, corpora, mismatches, rows, splits, store
from .example import Dropped
from .splits import SplitSummary
from .store import cache_dir

__all__ = ("Prepared", "cache_dir", "corpus_root", "label_set", "prepare")


@dataclass(frozen=True)
class Prepared:
    """A corpus, ready for one task."""

    splits: dict[str, datasets.Dataset]  # by name of splits.SPLITS
    labels: tuple[str, ...]  # empty for pre-training
    summary: SplitSummary
    skipped: list[checks.Skipped]  # unusable audio
    dropped: list[Dropped]  # rows the corpus' parser leaves out


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
    """`dataset.root`, or the folder of `data_dir` that bears the corpus' name."""
    return Path(options.root) if options.root else Path(data_dir) / options.name


def prepare(
    task: str,
    options: DatasetConfig,
    data_dir: str,
    progress: Callable[[int, int], None] = checks.no_progress,
) -> Prepared:
    """Parse, look at the audio, draw the splits, collect the labels.

    Raises UserError where the corpus, its audio, its splits or its labels cannot be used.
    """
    common = {f.name for f in fields(DatasetConfig)}
    own = {f.name: getattr(options, f.name) for f in fields(options) if f.name not in common}
    root = corpus_root(options, data_dir)
    parsed = store.parsed(options.name, root, task, own)
    drawn = draw(options.name, parsed, options, progress)
    labels = () if task == "pre" else label_set(task, options.name, drawn.light, drawn.names)
    table = clips.with_lengths(drawn.table, drawn.seconds)
    tables = {}
    for split in splits.SPLITS:
        chosen = np.array([i for i, name in enumerate(drawn.names) if name == split])
        if task == "pre":
            sounds = table.column("sound").take(drawn.usable[chosen])
            texts = drawn.light.select(["id", "text", "label"]).take(chosen)
            mismatches.require(split, texts.append_column("sound", sounds))
        tables[split] = clips.dataset(table).select(drawn.usable[chosen])
    return Prepared(tables, labels, drawn.summary, drawn.skipped, drawn.dropped)


def draw(
    name: str, parsed: store.Parsed, options: DatasetConfig, progress: checks.Progress
) -> Drawn:
    """Look at the audio of a corpus and draw its splits. Raises UserError."""
    found = store.findings(parsed, name, options.check, progress)
    table = parsed.table
    ids = table.column("id")
    skipped = [checks.Skipped(ids[row].as_py(), *why) for row, why in found.faults.items()]
    checks.refuse_too_many(skipped, len(ids), options.max_skipped)
    usable = np.setdiff1d(np.arange(len(ids)), list(found.faults))
    light = rows.light(table)
    if skipped:
        light = light.take(usable)
    is_random = options.split == "random"
    if not is_random:
        _refuse_lost_splits(name, table, light, skipped)
    names, summary = splits.assign(
        light,
        val_share=options.val_share,
        test_share=options.test_share,
        seed=options.split_seed,
        random=is_random,
    )
    splits.verify(light, names, random=is_random)
    return Drawn(table, found.seconds, usable, light, names, summary, skipped, parsed.dropped)


def _refuse_lost_splits(
    name: str, table: pa.Table, light: pa.Table, skipped: Sequence[checks.Skipped]
) -> None:
    """Another split must not be carved in place of an owner's whose files are all bad."""
    owned = Counter(table.column("split").to_pylist())
    left = Counter(light.column("split").to_pylist())
    for split in splits.SPLITS:
        if owned[split] and not left[split]:
            ids = zip(table.column("id").to_pylist(), table.column("split").to_pylist())
            of_split = {id for id, name in ids if name == split}
            first = next(row for row in skipped if row.id in of_split)
            raise UserError(
                f"dataset {name!r}: none of the {owned[split]} examples of the owner's"
                f" {splits.NAMES[split]} split can be used; the first: {first.recording}:"
                f" {first.fault}"
            )


def label_set(task: str, corpus: str, table: pa.Table, names: Sequence[str]) -> tuple[str, ...]:
    """The classes: the corpus' own closed set, or what occurs in train.

    Raises UserError for a label outside the set, with the rows' ids.
    """
    closed = corpora.corpus(corpus).labels.get(task)
    labels = table.column("label").to_pylist()
    seen = {label for label, name in zip(labels, names) if name == "train"}
    known = tuple(closed) if closed else tuple(sorted(seen))
    strange = Counter(label for label in labels if label not in known)
    if strange:
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
