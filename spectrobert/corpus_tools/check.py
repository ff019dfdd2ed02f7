"""Faults of a corpus on disk: `python -m spectrobert data check`."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import corpora
from ..audio.segment import Segment
from ..config import DatasetConfig
from ..corpora.example import SPLITS, Dropped, Example
from ..data import audio_names, checks, class_counts
from ..settings.schemas import own_options
from . import published_counts, recordings, sound_findings, split_findings
from .finding import Finding, Verdict, of_these

NO_AUDIO = "no audio file"  # the reason that parsers give for a row whose recording is not there
SHOWN_COUNTS = 12

Heard = tuple[object, str, str]  # sound, text, split


@dataclass(frozen=True)
class Inspection:
    """All findings about one corpus, read for one task."""

    corpus: str
    task: str
    root: Path
    findings: tuple[Finding, ...]


def parse(
    task: str, options: DatasetConfig, data_dir: str
) -> tuple[list[str], list[Example], list[Dropped]]:
    """The folders of a corpus' recordings, its examples and the rows left out. Raises UserError."""
    root = corpora.root_folder(options.name, options.root, data_dir).absolute()
    examples, dropped = corpora.load(options.name, root, task, **own_options(options))
    return audio_names.folders(options, data_dir), examples, dropped


def inspect(
    task: str,
    options: DatasetConfig,
    data_dir: str,
    is_quick: bool = False,
    progress: checks.Progress = checks.no_progress,
) -> Inspection:
    """Parse the corpus, look at every recording, and judge.

    `is_quick` reads headers only: no silence, clipping or content. Raises UserError if the corpus
    cannot be parsed.
    """
    folders, examples, dropped = parse(task, options, data_dir)
    name, root = recordings.names(examples, folders), Path(folders[0])
    is_random = options.split == "random"
    published = published_by_owner(root, task, options)
    findings = [
        compare(published, published_counts.count_rows(examples, dropped)),
        *left_out(dropped),
        repeated_ids(examples),
        *labels(task, options.name, examples),
    ]
    if is_random:
        examples = [replace(example, split="") for example in examples]
    drawn = split_findings.draw(examples, task, options)
    allowed = ["speaker"] if is_random else corpora.corpus(options.name).may_share
    findings += [drawn.finding, *split_findings.classes(drawn.labels, task, drawn.finding.found)]
    findings += split_findings.shared(examples, drawn.sides, name, allowed)
    sounds = recordings.listen_to_all(recordings.distinct(examples), is_quick, progress)
    findings += contradictions(task, examples, name, sounds)
    lost = [row.what for row in dropped if row.reason == NO_AUDIO]
    findings += sound_findings.judge(examples, drawn.sides, sounds, lost, name, is_quick)
    return Inspection(options.name, task, root, tuple(findings))


def published_by_owner(root: Path, task: str, options: DatasetConfig) -> dict[str, int]:
    """The published size of the corpus with these options; empty if nothing is known."""
    counts = corpora.corpus(options.name).published_counts
    return dict(counts(root, task, **own_options(options)) if callable(counts) else counts)


def compare(published: Mapping[str, int], counts: Counter[str]) -> Finding:
    """The corpus' counts against the published ones."""
    check = "published counts"
    if not published:
        return Finding(
            check, f"{counts['examples']} examples; none is published to compare with", "note"
        )
    wrong = [
        f"{name}: {counts[name]}, published {number}"
        for name, number in published.items()
        if counts[name] != number
    ]
    if wrong:
        return Finding(check, f"{len(wrong)} of {len(published)} differ", "fault", wrong)
    shown = ", ".join(f"{name} {n}" for name, n in list(published.items())[:SHOWN_COUNTS])
    rest = len(published) - SHOWN_COUNTS
    return Finding(check, f"as published: {shown}{f', and {rest} more' if rest > 0 else ''}")


def left_out(dropped: Sequence[Dropped]) -> list[Finding]:
    """The rows a parser does not use, by reason; those without audio are found with the audio."""
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
    return of_these("repeated ids", "ids occur in several rows", repeated, "fault")


def labels(task: str, corpus: str, examples: Sequence[Example]) -> list[Finding]:
    """Classes that look alike, and differences from the corpus' closed set."""
    counts = Counter(example.label for example in examples if example.label)
    closed = corpora.corpus(corpus).labels.get(task)
    if not counts:
        return []
    alike = class_counts.similar(counts)
    findings = [of_these("class names", "are spelt in several ways", alike, "warning")]
    if closed:
        strange = [f"{label} ({n} rows)" for label, n in counts.items() if label not in closed]
        absent = [label for label in closed if label not in counts]
        of = f"the corpus' {len(closed)}"
        findings += [
            of_these("unknown classes", f"are not among {of}", strange, "fault"),
            of_these("classes without rows", f"of {of} have no rows", absent, "warning"),
        ]
    return findings


def contradictions(
    task: str,
    examples: Sequence[Example],
    name: recordings.Name,
    sounds: Mapping[Segment, recordings.Sound],
) -> list[Finding]:
    """Rows of the same sound and text with different labels, and the accuracy that they cost.

    The sound is the same if its samples are, under whatever name; of files that were not decoded,
    if the path is. People who answer a question need not agree: in question answering it is a note.
    """
    answers: dict[Heard, Counter[str]] = defaultdict(Counter)
    called: dict[Heard, dict[str, None]] = defaultdict(dict)
    for example in examples:
        if example.label:
            parts = [s._replace(onset=0.0) for s in example.audio]
            content = [sounds[s].content if s in sounds else b"" for s in parts]
            sound = tuple((c or s, s.onset) for c, s in zip(content, example.audio))
            key: Heard = (sound, example.reads, example.split)
            answers[key][example.label] += 1
            called[key] |= dict.fromkeys(name(s.audio) for s in parts)
    if not answers:
        return []
    torn = {key: given for key, given in answers.items() if len(given) > 1}
    if not torn:
        return [Finding("contradicting labels", "none")]
    rows, best = Counter[str](), Counter[str]()
    for (_, _, split), given in answers.items():
        rows[split] += given.total()
        best[split] += max(given.values())
    ceilings = ", ".join(
        f"{split or 'all'} {100 * best[split] / rows[split]:.1f} %"
        for split in (*SPLITS, "")
        if rows[split]
    )
    is_answer = task.startswith("aqa")
    verdict: Verdict = "note" if is_answer else "warning"
    unit = "questions" if is_answer else "recordings"
    text = f"{len(torn)} of {len(answers)} {unit}; no system can pass, row by row: {ceilings}"
    shown = []
    for heard, given in torn.items():
        asked = f" ({heard[1]})" if heard[1] else ""
        labels = ", ".join(f"{label} {number}" for label, number in given.most_common())
        shown.append(f"{' = '.join(called[heard])}{asked}: {labels}")
    return [Finding("contradicting labels", text, verdict, shown)]
