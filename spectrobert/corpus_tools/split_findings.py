"""Findings about a corpus' splits: how they are drawn, and what they share."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..config import TASKS, DatasetConfig
from ..corpora.example import Example
from ..data import class_counts, drawing, splits
from ..errors import UserError
from .finding import Finding, Verdict, of_these
from .recordings import Name

Counts = Mapping[str, Mapping[str, int]]  # split -> class -> rows


class Drawn(NamedTuple):
    """The split of each example as training would draw it, or the owner's if it cannot."""

    sides: list[str]
    labels: Counts
    finding: Finding


def draw(examples: Sequence[Example], task: str, options: DatasetConfig) -> Drawn:
    """Draw the splits, and judge how that went."""
    try:
        drawn = drawing.draw(examples, options.name, task, options)
    except UserError as error:
        owners = [example.split or "train" for example in examples]
        labels: dict[str, Counter[str]] = {split: Counter() for split in splits.SPLITS}
        for example, side in zip(examples, owners):
            labels[side][example.label] += bool(example.label)
        return Drawn(owners, labels, Finding("splits", str(error), "fault"))
    summary = drawn.summary
    sizes = ", ".join(f"{split} {summary.counts[split]}" for split in splits.SPLITS)
    is_pre_training = options.carved_shares(task, len(examples)).test is None
    needed = ("train", "val") if is_pre_training else splits.SPLITS
    empty = [f"no examples in {split}" for split in needed if not summary.counts[split]]
    is_limited = bool(splits.caution(summary.definition))
    verdict: Verdict = "fault" if empty else "warning" if is_limited else "ok"
    finding = Finding("splits", f"{sizes}; {summary.definition}", verdict, empty)
    return Drawn(drawn.sides, summary.labels, finding)


def classes(labels: Counts, task: str, definition: str) -> list[Finding]:
    """Classes that training never sees, and classes of which a carved split has too few."""
    seen = {label for label, number in labels["train"].items() if number}
    others = Counter(labels["val"]) + Counter(labels["test"])
    if not seen and not others:
        return []
    unseen = [f"{label} ({n} rows)" for label, n in others.items() if label not in seen]
    what = f"of validation and test, next to {len(seen)} that are"
    # of an open set rows are lost, no score is untrue
    verdict: Verdict = "warning" if TASKS[task].is_open else "fault"
    findings = [of_these("classes not in train", what, unseen, verdict)]
    for split, rare in class_counts.few(labels, definition).items():
        of = f"{len(rare)} of {len(seen)} in {split}; {class_counts.advice(split)}"
        findings.append(Finding("few of a class", of, "warning", rare))
    return findings


def shared(
    examples: Sequence[Example], sides: Sequence[str], name: Name, allowed: Sequence[str]
) -> list[Finding]:
    """Members of several splits, per kind; a fault unless the kind is `allowed`."""
    findings = []
    for kind, leaks in splits.leaks(examples, sides).items():
        check = f"shared {kind}s"
        both = [
            f"{name(key) if kind == 'recording' else key} ({', '.join(of)})"
            for key, of in leaks.shared.items()
        ]
        if not leaks.num_names:
            findings.append(Finding(check, f"the corpus names no {kind}s", "note"))
        elif not both and not leaks.is_complete:
            findings.append(Finding(check, f"none; not all rows name a {kind}", "note"))
        else:
            what = f"of {leaks.num_names} are in several splits"
            findings.append(of_these(check, what, both, "warning" if kind in allowed else "fault"))
    return findings + shared_texts(examples, sides)


def shared_texts(examples: Sequence[Example], sides: Sequence[str]) -> list[Finding]:
    """Texts of validation and test that training reads too, in whatever case.

    A corpus of a few sentences cannot do without; if texts differ, knowing one is an advantage.
    """
    texts: dict[str, Counter[str]] = {split: Counter() for split in splits.SPLITS}
    for example, side in zip(examples, sides):
        if example.reads:
            texts[side][example.reads.casefold()] += 1
    known, counts = Counter[str](), []
    for split in ("val", "test"):
        both = {text: n for text, n in texts[split].items() if text in texts["train"]}
        known.update(both)
        if texts[split]:
            counts.append(f"{len(both)} of the {len(texts[split])} texts of {split}")
    if not counts:
        return []
    shown = [f"{text} ({number} rows)" for text, number in known.most_common()]
    text = f"{' and '.join(counts)} are in train too"
    return [Finding("shared texts", text, "warning" if known else "ok", shown)]
