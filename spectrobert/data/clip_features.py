"""openSMILE's features of clips, cached on disk one file per clip.

$SPECTROBERT_CACHE/opensmile/<feature set>-<version>/<hash of recording and stretch>.npy
N rows, D features.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import numpy as np

from ..audio import io, opensmile_features
from ..audio.crop import Crop
from ..audio.segment import Segment
from ..config import DatasetConfig
from ..files import write_whole, writing
from . import clips, stamps
from .checks import Progress, Skipped
from .store import cache_dir

NO_LIMIT = float("inf")  # of crop=whole: nothing but the recording ends a clip


class Clip(NamedTuple):
    """A clip whose features are wanted."""

    segments: Sequence[Segment]
    crop: Crop
    seconds: float
    feature_set: str  # openSMILE's name
    path: Path  # of its features

    @classmethod
    def of(cls, segments: Sequence[Segment], options: DatasetConfig, feature_set: str) -> "Clip":
        """The stretch that a network is scored on (`dataset.crop`)."""
        crop, seconds = clips.crop(options, NO_LIMIT, is_training=False)
        known = [list(map(_identity, segments)), crop, seconds, [s[1:] for s in segments]]
        name = hashlib.sha256(json.dumps(known).encode()).hexdigest()[:32]
        folder = cache_dir() / "opensmile" / f"{feature_set}-{opensmile_features.version()}"
        return cls(segments, crop, seconds, feature_set, folder / name[:2] / f"{name}.npy")


Fault = tuple[str, str]  # recording, fault
Map = Callable[[Callable[[Clip], Fault | None], Iterable[Clip]], Iterator[Fault | None]]


class Features(NamedTuple):
    """Features of the rows of a split that could be read."""

    places: np.ndarray  # (N,) rows of the split
    values: np.ndarray  # (N, D) float32; NaN if openSMILE finds none
    unread: list[Skipped]


def read(
    split: datasets.Dataset, make: Callable[[Any], Clip], mapped: Map, show: Progress
) -> Features:
    """Features of a split, computed unless they are cached.

    Args:
        make: the clip of an `audio` cell.
        mapped: as `map`, perhaps in other processes.
        show: called with clips done and clips that are computed.

    Raises UserError if the cache cannot be written.
    """
    wanted = [make(audio) for audio in split["audio"]]
    found = [_load(clip.path) for clip in wanted]
    missing = list({c.path: c for c, known in zip(wanted, found) if known is None}.values())
    faults = {}
    for number, (clip, fault) in enumerate(zip(missing, mapped(compute, missing)), start=1):
        if fault:
            faults[clip.path] = fault
        show(number, len(missing))
    values, index, unread = [], [], []
    for row, (clip, known) in enumerate(zip(wanted, found)):
        if clip.path in faults:
            unread.append(Skipped(split[row]["id"], *faults[clip.path]))
        else:
            index.append(row)
            values.append(_load(clip.path) if known is None else known)
    return Features(np.array(index, int), np.array(values, np.float32), unread)


def compute(clip: Clip) -> Fault | None:
    """Write the features of a clip. Returns its fault if it cannot be read, else None."""
    try:
        wave = io.read_clip(clip.segments, clip.seconds, clip.crop)
    except io.AudioError as error:
        return error.recording, f"{error.fault}: {error.detail}"
    kept = BytesIO()
    np.save(kept, opensmile_features.functionals(wave, clip.feature_set))
    with writing(clip.path):
        write_whole(clip.path, kept.getvalue())
    return None


def _load(path: Path) -> np.ndarray | None:
    """Cached features (D,); None if there are none, or the file is damaged."""
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None


def _identity(segment: Segment) -> str:
    """The recording of a segment, as it is now."""
    if isinstance(segment.audio, bytes):
        return hashlib.sha256(segment.audio).hexdigest()
    return f"{os.path.abspath(segment.audio)}|{stamps.file_version(segment.audio)}"
