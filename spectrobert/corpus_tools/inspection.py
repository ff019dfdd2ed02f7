"""What is right and wrong with a corpus on disk: `python -m spectrobert data check`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import corpora
from ..audio.segment import Segment
from ..config import TASKS, DatasetConfig
from ..corpora.example import Dropped, Example
from ..data import audio_names, class_counts, preparation, splits
from ..settings.schemas import own_options
from . import published_counts, recordings, sound_findings, split_findings
from .finding import Finding, Verdict, of_these

NO_AUDIO = "no audio file"  # what parsers say of a row whose recording is not there
SHOWN_COUNTS = 12


@dataclass(frozen=True)
class Inspection:
    """All findings about one corpus, read for one task."""

    corpus: str
    task: str
    root: Path
    findings: tuple[Finding, ...]


def parse(
    task: str, options: DatasetConfig, data_dir: str
) -> tuple[Path, list[Example], list[Dropped]]:
    """The folder of a corpus' recordings, its examples and the rows left out. Raises UserError."""
    root = preparation.corpus_root(options, data_dir)
    examples, dropped = corpora.load(options.name, root, task, **own_options(options))
    if corpora.corpus(options.name).files:
        root = Path(audio_names.folders(options, data_dir)[0])
    return root, examples, dropped


def inspect(
    task: str,
    options: DatasetConfig,
    data_dir: str,
    is_quick: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Inspection:
    """Parse the corpus, look at every recording, and judge.

    `is_quick` reads headers only: no silence, clipping or content. `progress` is called with
    (stretches looked at, stretches). Raises UserError where the corpus cannot be parsed.
    """
    root, examples, dropped = parse(task, options, data_dir)
    is_random = options.split == "random"
    known = published(root, task, options)
    findings = [
        published_finding(known, published_counts.count(examples, dropped)),
        *left_out(dropped),
        repeated_ids(examples),
        *labels(task, options.name, examples),
        *class_names(examples),
    ]
    if is_random:
        examples = [replace(example, split="") for example in examples]
    names, drawn = split_findings.draw(examples, task, options)
    findings += [drawn, *split_findings.unseen(examples, names, TASKS[task].is_open)]
    findings += split_findings.few_of_a_class(examples, names, drawn.found)
    allowed = ["speaker"] if is_random else corpora.corpus(options.name).may_share
    findings += split_findings.shared(examples, names, root, allowed)
    segments = recordings.distinct(examples)
    sounds = recordings.listen_to_all(segments, is_quick, progress)
    findings += contradictions(task, examples, root, sounds)
    without_audio = [row.what for row in dropped if row.reason == NO_AUDIO]
    findings += sound_findings.judge(examples, names, sounds, without_audio, root, is_quick)
    return Inspection(options.name, task, root, tuple(findings))


def published(root: Path, task: str, options: DatasetConfig) -> dict[str, int]:
    """What is published of the corpus' size, for these options; empty where nothing is known."""
    counts = corpora.corpus(options.name).published_counts
    return dict(counts(root, task, **own_options(options)) if callable(counts) else counts)


def published_finding(known: dict[str, int], found: Counter[str]) -> Finding:
    """The corpus' counts against the published ones."""
    if not known:
        total = f"{found['examples']} examples; none is known to compare with"
        return Finding("published counts", total, "note")
    wrong = [
        f"{name}: {found[name]}, published {number}"
        for name, number in known.items()
        if found[name] != number
    ]
    if wrong:
        return Finding("published counts", f"{len(wrong)} of {len(known)} differ", "fault", wrong)
    shown = ", ".join(f"{name} {number}" for name, number in list(known.items())[:SHOWN_COUNTS])
    more = f", and {len(known) - SHOWN_COUNTS} more" if len(known) > SHOWN_COUNTS else ""
    return Finding("published counts", f"as published: {shown}{more}")


def left_out(dropped: Sequence[Dropped]) -> list[Finding]:
    """The rows a parser does not use, by reason; those without audio are told with the audio."""
    by_reason = defaultdict(list)
    for row in dropped:
        if row.reason != NO_AUDIO:
            by_reason[row.reason].append(row.what)
    return [
        Finding("rows left out", f"{len(rows)}: {reason}", "note", rows)
        for reason, rows in by_reason.items()
    ]


def repeated_ids(examples: Sequence[Example]) -> Finding:
    """Two rows of one id are one row in predictions.csv."""
    ids = Counter(example.id for example in examples)
    repeated = [f"{id} ({number} times)" for id, number in ids.items() if number > 1]
    return of_these("repeated ids", "ids of several rows", repeated, "fault")


def labels(task: str, corpus: str, examples: Sequence[Example]) -> list[Finding]:
    """What the rows' classes and the corpus' closed set do not share."""
    found = Counter(example.label for example in examples if example.label)
    closed = corpora.corpus(corpus).labels.get(task)
    if not found or not closed:
        return []
    strange = [f"{label} ({number} rows)" for label, number in found.items() if label not in closed]
    absent = [label for label in closed if label not in found]
    return [
        of_these("unknown classes", f"not among the corpus' {len(closed)}", strange, "fault"),
        of_these("classes without rows", f"of the corpus' {len(closed)}", absent, "warning"),
    ]


def class_names(examples: Sequence[Example]) -> list[Finding]:
    """Names of several classes that look like one."""
    found = {example.label for example in examples if example.label}
    if not found:
        return []
    alike = class_counts.similar(found)
    return [of_these("class names", "spelt in several ways", alike, "warning")]


def contradictions(
    task: str,
    examples: Sequence[Example],
    root: Path,
    sounds: Mapping[Segment, recordings.Sound],
) -> list[Finding]:
    """Rows of the same sound and text with different labels, and what they cost.

    The sound is the same if its samples are, under whatever name; of files that were not decoded,
    if the path is. People who answer a question need not agree: in question answering it is a note.
    """
    name = recordings.names(examples, root)
    answers: dict[tuple[object, str, str], Counter[str]] = defaultdict(Counter)
    called: dict[tuple[object, str, str], dict[str, None]] = defaultdict(dict)
    for example in examples:
        if example.label:
            parts = [(s, sounds.get(s._replace(onset=0.0))) for s in example.audio]
            heard = tuple(((x.content if x else b"") or s, s.onset) for s, x in parts)
            key = (heard, example.reads, example.split)
            answers[key][example.label] += 1
            called[key] |= dict.fromkeys(name(s.audio) for s, _ in parts)
    if not answers:
        return []
    torn = {key: given for key, given in answers.items() if len(given) > 1}
    if not torn:
        return [Finding("contradicting labels", "none")]
    rows: Counter[str] = Counter()
    best: Counter[str] = Counter()
    for (_, _, split), given in answers.items():
        rows[split] += given.total()
        best[split] += max(given.values())
    ceilings = ", ".join(
        f"{split or 'all'} {100 * best[split] / rows[split]:.1f} %"
        for split in (*splits.SPLITS, "")
        if rows[split]
    )
    unit = "questions" if task.startswith("aqa") else "recordings"
    found = f"{len(torn)} of {len(answers)} {unit}; no system can pass, row by row: {ceilings}"
    shown = [
        f"{' = '.join(called[key])}{f' ({key[1]})' if key[1] else ''}: "
        + ", ".join(f"{label} {number}" for label, number in given.most_common())
        for key, given in torn.items()
    ]
    verdict: Verdict = "note" if task.startswith("aqa") else "warning"
    return [Finding("contradicting labels", found, verdict, shown)]
