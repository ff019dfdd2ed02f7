"""A look at recordings for people: faults, lengths, clipping, and a fingerprint of the samples."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from ..audio import io
from ..audio.segment import Segment
from ..corpora.example import Example
from ..data import audio_names, checks, rows
from ..data.threads import in_threads

FULL_SCALE = 0.999  # from here on a sample counts as clipped
CLIPPED_SHARE = 0.001  # a recording is clipped if at least this share of its samples is
CHUNK = 1024  # recordings that wait for a thread at a time, of however many there are

Name = Callable[[io.Audio], str]


class Sound(NamedTuple):
    """The result of a look at one stretch of a recording."""

    fault: str = ""  # "fault: detail", as io.look puts it; "" if the stretch can be used
    seconds: float = 0.0  # 0 if it cannot
    header: io.Header | None = None  # None if not even that could be read
    clipped: float = 0.0  # share of samples at full scale, in whichever channel
    content: bytes = b""  # the same for the same samples, in WAV or FLAC; b"" if not decoded


class _Samples:
    """Samples counted and digested block by block: an hour is never in memory."""

    def __init__(self) -> None:
        self.num_clipped, self.total = 0, 0
        self.digest = hashlib.blake2b(digest_size=16)

    def add(self, block: np.ndarray) -> None:
        self.num_clipped += int((np.abs(block).max(axis=1) >= FULL_SCALE).sum())
        self.total += len(block)
        mono = np.ascontiguousarray(io.mono(block))
        self.digest.update((mono + np.float32(0)).tobytes())  # + 0 makes -0 and 0 the same bytes


def listen(segment: Segment, is_quick: bool) -> Sound:
    """Look at one stretch; `is_quick` reads the header alone, which shows no silence."""
    samples, header = _Samples(), None
    fault, seconds = io.look(*segment[:3], decode=not is_quick, observe=samples.add)
    with suppress(io.AudioError):
        header = io.header(segment.audio)
    if fault or is_quick:
        return Sound(fault, seconds, header)
    clipped = samples.num_clipped / samples.total
    return Sound("", seconds, header, clipped, samples.digest.digest())


def distinct(examples: Iterable[Example]) -> list[Segment]:
    """Every stretch that the examples name, once, in their order."""
    return list({s._replace(onset=0.0): None for e in examples for s in e.audio})


def listen_to_all(
    segments: list[Segment], is_quick: bool, progress: checks.Progress = checks.no_progress
) -> dict[Segment, Sound]:
    """`listen` to each, in threads."""
    sounds = {}
    results = in_threads(lambda segment: listen(segment, is_quick), segments, CHUNK)
    for segment, sound in zip(segments, results):
        sounds[segment] = sound
        progress(len(sounds), len(segments))
    return sounds


def names(examples: Sequence[Example], folders: Sequence[str]) -> Name:
    """Names for tables, by path, bytes or rows.digest: the path below one of the folders, or the
    row that holds the bytes."""
    embedded: dict[object, str] = {}
    for example in examples:
        for audio, *_ in example.audio:
            if isinstance(audio, bytes):
                embedded[audio] = embedded[rows.digest(audio)] = f"audio of {example.id}"
    return lambda audio: embedded.get(audio) or audio_names.name_below(str(audio), folders)
