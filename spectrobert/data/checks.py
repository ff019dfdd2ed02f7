"""Every recording is looked at before training: a bad file is named, counted and skipped."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..audio import io
from ..audio.segment import Segment
from ..corpora.example import Example
from ..errors import UserError
from ..files import write_whole
from . import rows

# "auto" decodes whole corpora up to this length, and reads headers of longer ones
MAX_DECODED_SECONDS = 20 * 3600.0
# Of more files than this none is asked for its time of change, which on a network disk costs more
# than it saves, and no finding is kept by file
MAX_STATTED = 20_000
THREADS = 8
HINT = "dataset.root, for csv dataset.audio_dir, names the folder that paths start from"
AT_ONCE = 32  # headers that one thread reads: handing over each alone would take longer

Progress = Callable[[int, int], None]  # (recordings looked at, recordings)


def no_progress(done: int, total: int) -> None:
    """For callers that show none."""


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


class Findings(NamedTuple):
    """Of n rows."""

    # (n,); 0 if unusable, or if not checked and the corpus states no duration
    seconds: np.ndarray
    faults: dict[int, tuple[str, str]]  # row -> (recording, what is wrong with it)


class _Cache:
    """Findings by (path, size, time of change, stretch, decoded or not), kept in one JSON file."""

    def __init__(self, path: Path | None):
        self.path = path
        self.known = _read(path) if path else {}
        self.is_changed = False

    def key(self, segment: Segment, decode: bool) -> str:
        if not self.path:
            return ""
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
            found = io.look(segment.audio, segment.start, segment.end, decode)
            if not key:
                return found
            self.known[key] = list(found)
            self.is_changed = True
        fault, length = self.known[key]
        return fault, length

    def write(self) -> None:
        if self.path and self.is_changed:
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
    progress: Progress = no_progress,
) -> Checked:
    """Look at the audio of every example; see `look`.

    Raises UserError where more than `max_skipped` of the examples are unusable.
    """
    found = look(rows.to_table(examples), mode, cache, progress)
    skipped = [Skipped(examples[row].id, *why) for row, why in found.faults.items()]
    refuse_too_many(skipped, len(examples), max_skipped)
    usable = [row for row in range(len(examples)) if row not in found.faults]
    seconds = found.seconds[usable].tolist()
    return Checked([examples[row] for row in usable], seconds, skipped)


def refuse_too_many(skipped: Sequence[Skipped], num_rows: int, max_skipped: float) -> None:
    """Raise UserError where more than `max_skipped` of the rows are unusable."""
    if len(skipped) > max_skipped * num_rows:
        first = skipped[0]
        start = "; " + HINT if first.fault.startswith("missing") else ""
        raise UserError(
            f"{len(skipped)} of {num_rows} examples have unusable audio, more than"
            f" dataset.max_skipped={max_skipped:g} allows; the first: {first.recording}:"
            f" {first.fault}{start}"
        )


def look(table: pa.Table, mode: str, cache: Path, progress: Progress = no_progress) -> Findings:
    """Look at every stretch of audio once.

    Args:
        table: of rows.SCHEMA.
        mode: "decode" | "header" | "auto" | "none": no file is opened, lengths are those of the
            stretches, else the owner's, else unknown (0); faults surface on reading.
        cache: the file in which findings are kept, of corpora up to MAX_STATTED recordings.
    """
    flat = rows.stretches(table)
    lengths = flat.end - flat.start
    faults = np.full(len(lengths), "", dtype=object)
    if mode == "none":
        stated = table.column("stated_seconds").to_numpy()
        lengths = np.where(np.isfinite(lengths), lengths, stated[flat.row])
        return Findings(_clip_seconds(flat, lengths, table.num_rows), {})

    number, first = _distinct(flat)
    findings = _Cache(cache if len(first) <= MAX_STATTED else None)
    found = _look_at(table, flat, first, findings, False, progress)
    total = sum(length for _, length in found.values())
    if mode == "decode" or (mode == "auto" and total <= MAX_DECODED_SECONDS):
        sound = np.array([place for place, (fault, _) in found.items() if not fault], np.int64)
        found |= _look_at(table, flat, sound, findings, True, progress)
    findings.write()

    ordered = [found[place] for place in first.tolist()]
    faults = np.array([fault for fault, _ in ordered], dtype=object)[number]
    lengths = np.array([length for _, length in ordered])[number]
    bad: dict[int, tuple[str, str]] = {}
    for place in np.flatnonzero(faults != "").tolist():
        name = short_name(flat.recording[place].as_py())
        bad.setdefault(int(flat.row[place]), (name, faults[place]))
    seconds = _clip_seconds(flat, lengths, table.num_rows)
    seconds[list(bad)] = 0.0
    return Findings(seconds, bad)


def _distinct(flat: rows.Stretches) -> tuple[np.ndarray, np.ndarray]:
    """A number for each segment, equal for equal stretches (m,), and where each number is first."""
    recording, _ = rows.codes(flat.recording)
    keys = np.stack([recording, flat.start, flat.end], axis=1)
    _, first, number = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)  # files are opened in the order of the corpus
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[number.reshape(-1)], first[order]


def _clip_seconds(flat: rows.Stretches, lengths: np.ndarray, num_rows: int) -> np.ndarray:
    """(n,) seconds of the clips that the segments make; 0 if the length of one is not known."""
    seconds = np.zeros(num_rows)
    np.maximum.at(seconds, flat.row, flat.onset + lengths)
    seconds[flat.row[lengths == 0]] = 0.0
    return seconds


def _look_at(
    table: pa.Table,
    flat: rows.Stretches,
    places: np.ndarray,
    findings: _Cache,
    decode: bool,
    progress: Progress,
) -> dict[int, tuple[str, float]]:
    """Fault and length of the segments at these places of `flat`."""

    def look_at(part: list[tuple[int, Segment]]) -> dict[int, tuple[str, float]]:
        return {place: findings.look(segment, decode) for place, segment in part}

    size = 1 if decode else AT_ONCE
    found: dict[int, tuple[str, float]] = {}
    # Threads suffice: libsndfile releases the interpreter while it decodes, a disk while it seeks
    with ThreadPoolExecutor(THREADS) as pool:
        for batch in _segments(table, flat, places):
            parts = [batch[i : i + size] for i in range(0, len(batch), size)]
            for part in pool.map(look_at, parts):
                found |= part
                progress(len(found), len(places))
    return found


def _segments(
    table: pa.Table, flat: rows.Stretches, places: np.ndarray
) -> Iterator[list[tuple[int, Segment]]]:
    """(place, segment) of the places, batch by batch of the table: audio in it is read in turn."""
    wanted = np.zeros(len(flat.row), bool)
    wanted[places] = True
    begin = 0
    for chunk in table.column("audio").chunks:
        structs = chunk.flatten()
        here = np.flatnonzero(wanted[begin : begin + len(structs)])
        if len(here):
            found = rows.segments(structs.take(pa.array(here)).to_pylist())
            yield list(zip((begin + here).tolist(), (s._replace(onset=0.0) for s in found)))
        begin += len(structs)


def short_name(recording: str) -> str:
    """A name for messages and tables: of bytes their number."""
    if not recording.startswith(rows.BYTES):
        return recording
    return f"<{recording.removeprefix(rows.BYTES).partition('>')[0]} bytes>"
