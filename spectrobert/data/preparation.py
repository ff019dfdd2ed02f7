"""From a corpus on disk to three Arrow tables, a label set and a record of what was done."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import datasets

from ..config import TASKS, DatasetConfig, own_options
from ..errors import UserError
from . import checks, clips, corpora, splits
from .example import Dropped, Example
from .splits import SplitSummary


@dataclass(frozen=True)
class Prepared:
    """A corpus, ready for one task."""

    splits: dict[str, datasets.Dataset]  # by name of splits.SPLITS
    labels: tuple[str, ...]  # classes, or names of targets; empty for pre-training
    summary: SplitSummary
    skipped: list[checks.Skipped]  # unusable audio
    dropped: list[Dropped]  # rows the corpus' parser leaves out


def cache_dir() -> Path:
    """Where findings about audio files are kept: $SPECTROBERT_CACHE, or the user's cache folder."""
    base = os.environ.get("SPECTROBERT_CACHE")
    return Path(base) if base else Path.home() / ".cache" / "spectrobert"


def corpus_root(options: DatasetConfig, data_dir: str) -> Path:
    """`dataset.root`, or the folder of `data_dir` that bears the corpus' name."""
    return Path(options.root) if options.root else Path(data_dir) / options.name


def load(task: str, options: DatasetConfig, data_dir: str) -> tuple[list[Example], list[Dropped]]:
    """Examples and dropped rows of a corpus, its own options taken from the configuration."""
    own = own_options(options)
    return corpora.load(options.name, corpus_root(options, data_dir), task, **own)


def prepare(
    task: str,
    options: DatasetConfig,
    data_dir: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Prepared:
    """Parse, look at the audio, draw the splits, collect the labels.

    Raises UserError where the corpus, its audio, its splits or its labels cannot be used.
    """
    examples, dropped = load(task, options, data_dir)
    cache = cache_dir() / f"{options.name}.json"
    checked = checks.check(examples, options.check, options.max_skipped, cache, progress)
    is_random = options.split == "random"
    usable = checked.examples
    if is_random:  # the owner's lines too are given up
        usable = [replace(example, split="") for example in usable]
    names, summary = splits.assign(
        usable,
        val_share=options.val_share,
        test_share=options.test_share,
        seed=options.split_seed,
        random=is_random,
    )
    splits.verify(usable, names, random=is_random)
    labels = label_names(task, options, usable, names)
    tables = {}
    for split in splits.SPLITS:
        chosen = [i for i, name in enumerate(names) if name == split]
        tables[split] = clips.to_arrow(
            [usable[i] for i in chosen], [checked.seconds[i] for i in chosen]
        )
        if task == "pre":
            _check_mismatch(split, [usable[i] for i in chosen])
    return Prepared(tables, labels, summary, checked.skipped, dropped)


def label_names(
    task: str, options: DatasetConfig, examples: Sequence[Example], names: Sequence[str]
) -> tuple[str, ...]:
    """What the logits of a task stand for: classes, targets, or nothing."""
    if TASKS[task].truth == "label":
        return label_set(task, options.name, examples, names)
    if TASKS[task].truth == "targets":
        # A corpus of the user's own has the names as an option
        own = tuple(getattr(options, "targets", ()))
        targets = own or corpora.corpus(options.name).targets[task]
        assert {len(e.targets) for e in examples} == {len(targets)}
        return targets
    return ()


def label_set(
    task: str, corpus: str, examples: Sequence[Example], names: Sequence[str]
) -> tuple[str, ...]:
    """The classes: the corpus' own closed set, or what occurs in train.

    Raises UserError for a label outside the set, with the rows' ids.
    """
    closed = corpora.corpus(corpus).labels.get(task)
    seen = {e.label for e, name in zip(examples, names) if name == "train"}
    known = tuple(closed) if closed else tuple(sorted(seen))
    strange = Counter(e.label for e in examples if e.label not in known)
    if strange:
        label, count = strange.most_common(1)[0]
        where = next(e.id for e in examples if e.label == label)
        allowed = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
        origin = "the corpus' classes" if closed else "the classes of train"
        raise UserError(
            f"label {label!r} of {count} examples (the first: {where}) is not among {origin}:"
            f" {allowed}"
        )
    if len(known) < 2:
        raise UserError(f"only one class ({known[0]!r}) for task {task!r}: nothing to tell apart")
    return known


def _check_mismatch(split: str, examples: Sequence[Example]) -> None:
    """Every example needs one of another text and another recording, or drawing it never ends."""
    texts = Counter(e.reads for e in examples)
    if len(texts) < 2:
        raise UserError(
            f"pre-training needs two different texts in split {split!r} to build mismatched pairs;"
            f" it has {len(examples)} examples with one text"
        )
    audio = Counter(e.audio for e in examples)
    pairs = Counter((e.reads, e.audio) for e in examples)
    for e in examples:
        if texts[e.reads] + audio[e.audio] - pairs[e.reads, e.audio] == len(examples):
            raise UserError(
                f"pre-training needs mismatched pairs, but in split {split!r} every other example"
                f" has the text or the recording of {e.id}"
            )
