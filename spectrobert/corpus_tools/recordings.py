"""What a corpus' recordings sound like: faults, lengths, clipping, and a fingerprint."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from ..audio import io
from ..audio.segment import Segment
from ..corpora.example import Example

FULL_SCALE = 0.999  # from here on a sample counts as clipped
CLIPPED_SHARE = 0.001  # a recording is clipped if at least this share of its samples is
THREADS = 8
CHUNK = 1024  # recordings that wait for a thread at a time, of however many there are

Item = TypeVar("Item")
Result = TypeVar("Result")


class Sound(NamedTuple):
    """What was found out about one stretch of a recording."""

    fault: str = ""  # "fault: detail", as io.check puts it; "" where the stretch can be used
    seconds: float = 0.0
    header: io.Header | None = None  # None where not even that could be read
    clipped: float = 0.0  # share of samples at full scale, in whichever channel
    content: bytes = b""  # the same for the same samples, in WAV or FLAC; b"" if not decoded


def listen(segment: Segment, is_quick: bool) -> Sound:
    """Look at one stretch; `is_quick` reads the header alone, which tells no silence."""
    audio, start, end, _ = segment
    header = None
    try:
        header = io.header(audio)
        seconds = io.duration([segment._replace(onset=0.0)])
        if is_quick:
            return Sound(io.check(audio, start, end, decode=False), seconds, header)
        return _decoded(audio, start, end)._replace(seconds=seconds, header=header)
    except io.AudioError as error:
        return Sound(f"{error.fault}: {error.detail}", header=header)


def _decoded(audio: io.Audio, start: float, end: float | None) -> Sound:
    """Fault, clipping and content, block by block: an hour is never in memory."""
    lowest, highest, num_clipped, num_samples = np.inf, -np.inf, 0, 0
    content = hashlib.blake2b(digest_size=16)
    for block in io.as_recorded(audio, start, end):
        mono = np.ascontiguousarray(io.mono(block))
        lowest, highest = min(lowest, mono.min()), max(highest, mono.max())
        num_clipped += int((np.abs(block).max(axis=1) >= FULL_SCALE).sum())
        num_samples += len(block)
        content.update((mono + np.float32(0)).tobytes())  # + 0 makes -0 and 0 the same bytes
    is_silent = (highest - lowest) / 2 < io.SILENT
    fault = f"silent: no sample is {io.SILENT:g} away from rest" if is_silent else ""
    return Sound(fault, clipped=num_clipped / num_samples, content=content.digest())


def distinct(examples: Iterable[Example]) -> list[Segment]:
    """Every stretch that the examples name, once, in their order."""
    return list({s._replace(onset=0.0): None for e in examples for s in e.audio})


def listen_to_all(
    segments: list[Segment], is_quick: bool, progress: Callable[[int, int], None]
) -> dict[Segment, Sound]:
    """`listen` to each, in threads. `progress` is called with (stretches done, stretches)."""
    found = {}
    results = in_threads(lambda segment: listen(segment, is_quick), segments)
    for segment, sound in zip(segments, results):
        found[segment] = sound
        progress(len(found), len(segments))
    return found


def in_threads(
    work: Callable[[Item], Result], items: Iterable[Item], chunk: int = CHUNK
) -> Iterator[Result]:
    """The results in order, `chunk` of them ahead at most.

    Threads suffice: libsndfile and soxr release the interpreter while they work.
    """
    waiting = iter(items)
    with ThreadPoolExecutor(THREADS) as pool:
        while some := list(itertools.islice(waiting, chunk)):
            yield from pool.map(work, some)


def names(examples: Sequence[Example], root: Path) -> Callable[[io.Audio], str]:
    """How tables call a recording: its path below `root`, or the row that holds its bytes."""
    rows = {s.audio: e.id for e in examples for s in e.audio if isinstance(s.audio, bytes)}

    def name(audio: io.Audio) -> str:
        if isinstance(audio, bytes):
            return f"audio of {rows[audio]}"
        return os.path.relpath(audio, root) if Path(audio).is_relative_to(root) else audio

    return name
