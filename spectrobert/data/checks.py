"""Every recording is looked at before training: a bad file is named, counted and skipped."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..audio import io
from ..errors import UserError
from ..files import write_whole
from .example import Example, Segment

# "auto" decodes whole corpora up to this length, and reads headers of longer ones
MAX_DECODED_SECONDS = 20 * 3600.0
THREADS = 8


class Skipped(NamedTuple):
    """A row that cannot be used, for skipped.csv."""

    id: str
    recording: str
    fault: str


@dataclass(frozen=True)
class Checked:
    """The usable examples, their lengths in seconds, and the others."""

    examples: list[Example]
    seconds: list[float]
    skipped: list[Skipped]


class _Cache:
    """Findings by (path, size, time of change, stretch, decoded or not), kept in one JSON file."""

    def __init__(self, path: Path):
        self.path = path
        self.known = _read(path)
        self.is_changed = False

    def key(self, segment: Segment, decode: bool) -> str:
        if isinstance(segment.audio, bytes):
            what = hashlib.sha256(segment.audio).hexdigest()
        else:
            try:
                status = os.stat(segment.audio)
            except OSError:
                return ""
            what = f"{os.path.abspath(segment.audio)}|{status.st_size}|{status.st_mtime_ns}"
        return f"{what}|{segment.start}|{segment.end}|{int(decode)}"

    def look(self, segment: Segment, decode: bool) -> tuple[str, float]:
        """Fault ("" where there is none) and length in seconds."""
        key = self.key(segment, decode)
        if key not in self.known:
            fault = io.check(segment.audio, segment.start, segment.end, decode)
            length = 0.0 if fault else io.duration([segment]) - segment.onset
            if not key:
                return fault, length
            self.known[key] = [fault, length]
            self.is_changed = True
        fault, length = self.known[key]
        return fault, length

    def write(self) -> None:
        if not self.is_changed:
            return
        write_whole(self.path, json.dumps(self.known))


def _read(path: Path) -> dict[str, list]:
    """Findings of earlier runs. What is damaged is left out: those files are looked at again."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # ValueError: neither JSON nor UTF-8
        return {}
    findings = known.items() if isinstance(known, dict) else ()
    return {
        key: finding
        for key, finding in findings
        if isinstance(finding, list) and [type(part) for part in finding] == [str, float]
    }


def check(
    examples: Sequence[Example],
    mode: str,
    max_skipped: float,
    cache: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Checked:
    """Look at the audio of every example.

    Args:
        mode: "decode" | "header" | "auto" | "none" (lengths only, from the header; faults then
            surface on reading).
        max_skipped: share of examples that may be unusable.
        progress: called with (recordings looked at, recordings).

    Raises:
        UserError: more than `max_skipped` of the examples are unusable.
    """
    findings = _Cache(cache)
    distinct = list({s._replace(onset=0.0): None for e in examples for s in e.audio})
    found = _look_at(distinct, findings, False, progress)
    total = sum(length for _, length in found.values())
    if mode == "decode" or (mode == "auto" and total <= MAX_DECODED_SECONDS):
        sound = [s for s in distinct if not found[s][0]]
        found |= _look_at(sound, findings, True, progress)
    findings.write()

    usable: list[Example] = []
    seconds: list[float] = []
    skipped: list[Skipped] = []
    for example in examples:
        parts = [(s, *found[s._replace(onset=0.0)]) for s in example.audio]
        faults = [(s, fault) for s, fault, _ in parts if fault]
        if faults:
            segment, fault = faults[0]
            skipped.append(Skipped(example.id, recording(segment), fault))
        else:
            usable.append(example)
            seconds.append(max(s.onset + length for s, _, length in parts))
    if len(skipped) > max_skipped * len(examples):
        first = skipped[0]
        raise UserError(
            f"{len(skipped)} of {len(examples)} examples have unusable audio, more than"
            f" dataset.max_skipped={max_skipped:g} allows; the first: {first.recording}:"
            f" {first.fault}"
        )
    return Checked(usable, seconds, skipped)


def _look_at(
    segments: Sequence[Segment],
    findings: _Cache,
    decode: bool,
    progress: Callable[[int, int], None],
) -> dict[Segment, tuple[str, float]]:
    found = {}
    # Threads suffice: libsndfile releases the interpreter while it decodes
    with ThreadPoolExecutor(THREADS) as pool:
        results = pool.map(lambda s: findings.look(s, decode), segments)
        for done, (segment, result) in enumerate(zip(segments, results), start=1):
            found[segment] = result
            progress(done, len(segments))
    return found


def recording(segment: Segment) -> str:
    """A name for a recording in messages and tables."""
    return segment.audio if isinstance(segment.audio, str) else f"<{len(segment.audio)} bytes>"
