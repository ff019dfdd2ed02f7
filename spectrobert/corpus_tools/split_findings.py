"""Whether a corpus' splits are apart: its speakers, groups, recordings and texts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..config import DatasetConfig
from ..corpora.example import Example
from ..data import class_counts, drawing, splits
from ..errors import UserError
from .finding import Finding, Verdict, of_these
from .recordings import names


def draw(
    examples: Sequence[Example], task: str, options: DatasetConfig
) -> tuple[list[str], Finding]:
    """The split of each example as training would draw it, and how that went."""
    try:
        drawn = drawing.draw(examples, options.name, task, options)
    except UserError as error:
        owners = [example.split or "train" for example in examples]
        return owners, Finding("splits", str(error), "fault")
    summary = drawn.summary
    sizes = ", ".join(f"{split} {summary.counts[split]}" for split in splits.SPLITS)
    found = f"{sizes}; {summary.definition}"
    is_pre_training = options.carved_shares(task, len(examples)).test is None
    needed = ("train", "val") if is_pre_training else splits.SPLITS
    empty = [split for split in needed if not summary.counts[split]]
    is_limited = bool(splits.caution(summary.definition))
    verdict: Verdict = "fault" if empty else "warning" if is_limited else "ok"
    shown = [f"no examples in {split}" for split in empty]
    return drawn.sides, Finding("splits", found, verdict, shown)


def unseen(
    examples: Sequence[Example], drawn: Sequence[str], is_open: bool = False
) -> list[Finding]:
    """Classes of validation and test that training never sees; of an open set, rows are lost."""
    seen = {e.label for e, split in zip(examples, drawn) if split == "train"}
    others = Counter(e.label for e in examples if e.label not in seen)
    if not any(example.label for example in examples):
        return []
    shown = [f"{label} ({number} rows)" for label, number in others.items()]
    verdict: Verdict = "warning" if is_open else "fault"
    return [of_these("classes not in train", f"next to {len(seen)} that are", shown, verdict)]


def few_of_a_class(
    examples: Sequence[Example], drawn: Sequence[str], definition: str
) -> list[Finding]:
    """Classes of which a carved split has too few examples for a figure."""
    labels: dict[str, Counter[str]] = {split: Counter() for split in splits.SPLITS}
    for example, split in zip(examples, drawn):
        if example.label:
            labels[split][example.label] += 1
    return [
        Finding(
            "few of a class",
            f"{len(rare)} of {len(labels['train'])} in {split}; {class_counts.advice(split)}",
            "warning",
            rare,
        )
        for split, rare in class_counts.few(labels, definition).items()
    ]


def shared(
    examples: Sequence[Example], drawn: Sequence[str], root: Path, allowed: Sequence[str]
) -> list[Finding]:
    """Members of several splits, per kind; a fault unless the kind is `allowed`."""
    name = names(examples, root)
    sides: dict[str, dict[str | bytes, set[str]]] = defaultdict(lambda: defaultdict(set))
    for example, split in zip(examples, drawn):
        sides["speaker"][example.speaker].add(split)
        sides["group"][example.group].add(split)
        for segment in example.audio:
            sides["recording"][segment.audio].add(split)
    findings = []
    for kind, on in sides.items():
        is_unknown = on.pop("", None) is not None
        both = [
            f"{name(key) if kind == 'recording' else str(key)} ({_order(of)})"
            for key, of in on.items()
            if len(of) > 1
        ]
        verdict: Verdict = "warning" if kind in allowed else "fault"
        if not on:
            findings.append(Finding(f"shared {kind}s", f"the corpus names no {kind}s", "note"))
            continue
        finding = of_these(f"shared {kind}s", f"of {len(on)} in several splits", both, verdict)
        if is_unknown and not both:
            finding = Finding(f"shared {kind}s", f"none; not all rows name a {kind}", "note")
        findings.append(finding)
    return findings + shared_texts(examples, drawn)


def _order(sides: Iterable[str]) -> str:
    return ", ".join(sorted(sides, key=splits.SPLITS.index))


def shared_texts(examples: Sequence[Example], drawn: Sequence[str]) -> list[Finding]:
    """Texts of validation and test that training reads too, whatever their case.

    A corpus of a few sentences cannot do without; where texts differ, knowing one is an advantage.
    """
    texts: dict[str, Counter[str]] = {split: Counter() for split in splits.SPLITS}
    for example, split in zip(examples, drawn):
        if example.reads:
            texts[split][example.reads.casefold()] += 1
    if not texts["val"] and not texts["test"]:
        return []
    told, known = [], Counter[str]()
    for split in ("val", "test"):
        both = texts[split].keys() & texts["train"].keys()
        if texts[split]:
            told.append(f"{len(both)} of the {len(texts[split])} texts of {split}")
        known.update({text: texts[split][text] for text in both})
    found = " and ".join(told) + " are in train too"
    shown = [f"{text} ({number} rows)" for text, number in known.most_common()]
    return [Finding("shared texts", found, "warning" if known else "ok", shown)]
