"""First look at every recording, before training: a bad file is named, counted and skipped."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..audio import io
from ..audio.segment import Segment
from ..errors import UserError
from . import rows

# "auto" decodes whole corpora up to this length, and reads headers of longer ones
MAX_DECODED_SECONDS = 20 * 3600.0
# Of more files than this none is asked for its time of change, which on a network disk costs more
# than it saves, and no finding is kept per file
MAX_STATTED = 20_000
THREADS = 8
HINT = "dataset.root, for csv and kaldi dataset.audio_dir, names the folder that paths start from"
AT_ONCE = 32  # headers that one thread reads: handing over each alone would take longer

Progress = Callable[[int, int], None]  # (recordings looked at, recordings)
Found = tuple[str, float]  # fault of a segment, "" for none, and its length in seconds
Look = Callable[[Segment, bool], Found]  # called with a segment, and True to decode it


def no_progress(done: int, total: int) -> None:
    """For callers that show none."""


class Skipped(NamedTuple):
    """A row that cannot be used, for skipped.csv."""

    id: str
    recording: str
    fault: str


class Findings(NamedTuple):
    """Lengths and faults of n rows."""

    # (n,); 0 if unusable, or if not checked and the corpus states no duration
    seconds: np.ndarray
    faults: dict[int, tuple[str, str]]  # row -> (recording, fault)


def look_at(segment: Segment, decode: bool) -> Found:
    """Open the file of a segment."""
    return io.look(segment.audio, segment.start, segment.end, decode)


def refuse_too_many(skipped: Sequence[Skipped], num_rows: int, max_skipped: float) -> None:
    """Raise UserError if more than `max_skipped` of the rows are unusable."""
    if len(skipped) > max_skipped * num_rows:
        first = skipped[0]
        start = "; " + HINT if first.fault.startswith("missing") else ""
        raise UserError(
            f"{len(skipped)} of {num_rows} examples have unusable audio, more than"
            f" dataset.max_skipped={max_skipped:g} allows; the first: {first.recording}:"
            f" {first.fault}{start}"
        )


def look(
    table: pa.Table, mode: str, look_at: Look = look_at, progress: Progress = no_progress
) -> Findings:
    """Look at every stretch of audio once.

    Args:
        table: of rows.SCHEMA.
        mode: "decode" | "header" | "auto" | "none": no file is opened, lengths are those of the
            stretches, else the owner's, else unknown (0); faults surface on reading.
        look_at: may know the fault and length of a segment from an earlier look.
    """
    flat = rows.stretches(table)
    lengths = flat.end - flat.start
    if mode == "none":
        stated = table.column("stated_seconds").to_numpy()
        lengths = np.where(np.isfinite(lengths), lengths, stated[flat.row])
        return Findings(_clip_seconds(flat, lengths, table.num_rows), {})

    number, first = _distinct(flat)
    found = _look_at_all(table, first, look_at, False, progress)
    total = sum(length for _, length in found.values())
    if mode == "decode" or (mode == "auto" and total <= MAX_DECODED_SECONDS):
        sound = np.array([place for place, (fault, _) in found.items() if not fault], np.int64)
        found |= _look_at_all(table, sound, look_at, True, progress)

    ordered = [found[place] for place in first.tolist()]
    faults = np.array([fault for fault, _ in ordered], dtype=object)[number]
    lengths = np.array([length for _, length in ordered])[number]
    bad: dict[int, tuple[str, str]] = {}
    for place in np.flatnonzero(faults != "").tolist():
        name = rows.short_name(flat.recording[place].as_py())
        bad.setdefault(int(flat.row[place]), (name, faults[place]))
    seconds = _clip_seconds(flat, lengths, table.num_rows)
    seconds[list(bad)] = 0.0
    return Findings(seconds, bad)


def _distinct(flat: rows.Stretches) -> tuple[np.ndarray, np.ndarray]:
    """A number per segment (m,), equal for equal stretches, and the first place of each."""
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


def _look_at_all(
    table: pa.Table, places: np.ndarray, look_at: Look, decode: bool, progress: Progress
) -> dict[int, Found]:
    """Fault and length of the segments at these places of the table's segments."""

    def look_at_some(part: list[tuple[int, Segment]]) -> dict[int, Found]:
        return {place: look_at(segment, decode) for place, segment in part}

    size = 1 if decode else AT_ONCE
    found: dict[int, Found] = {}
    # Threads suffice: libsndfile releases the interpreter while it decodes, a disk while it seeks
    with ThreadPoolExecutor(THREADS) as pool:
        for batch in _segments(table, places):
            parts = [batch[i : i + size] for i in range(0, len(batch), size)]
            for part in pool.map(look_at_some, parts):
                found |= part
                progress(len(found), len(places))
    return found


def _segments(table: pa.Table, places: np.ndarray) -> Iterator[list[tuple[int, Segment]]]:
    """(place, segment) of the places, batch by batch of the table: audio in it is read in turn."""
    ordered = np.sort(places)
    begin = 0
    for chunk in table.column("audio").chunks:
        structs = chunk.flatten()
        first, last = np.searchsorted(ordered, [begin, begin + len(structs)])
        here = ordered[first:last]
        if len(here):
            found = rows.segments(structs.take(pa.array(here - begin)).to_pylist())
            yield list(zip(here.tolist(), (s._replace(onset=0.0) for s in found)))
        begin += len(structs)
