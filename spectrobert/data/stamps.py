"""Stamps of a corpus, of its folders and label files alone, which differ once it has changed.

Adding, removing or renaming an audio file changes its folder's time of change, so audio files need
not be asked for theirs: a corpus may have 400,000 of them, on a network disk.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..corpora.label_files import AUDIO_SUFFIXES
from .checks import MAX_STATTED

Stamp = dict[str, dict[str, Any]]


def take(root: Path, files: Iterable[str] = ()) -> Stamp:
    """Times of change of `files`, all folders under `root`, and all files in them but audio."""
    seen: dict[str, Any] = {str(root): _folder(str(root))}
    labels = {name: file_version(name) for name in files}
    for parent, names, others in os.walk(root, followlinks=True):
        seen |= {path: _folder(path) for path in (os.path.join(parent, n) for n in names)}
        for name in others:
            if not name.lower().endswith(AUDIO_SUFFIXES):
                path = os.path.join(parent, name)
                labels[path] = file_version(path)
    return {"folders": seen, "files": labels}


def holds(stamp: Stamp) -> bool:
    """True if nothing has changed since the stamp was taken."""
    return all(_folder(path) == seen for path, seen in stamp["folders"].items()) and all(
        file_version(path) == seen for path, seen in stamp["files"].items()
    )


def of_audio(recordings: pa.Array) -> str:
    """Changes when recordings (distinct paths) do: file by file if few, else folder by folder."""
    if len(recordings) <= MAX_STATTED:
        seen: dict[str, Any] = {path: file_version(path) for path in recordings.to_pylist()}
    else:
        folders = pc.unique(pc.replace_substring_regex(recordings, "[^/]*$", ""))
        seen = {path: _folder(path) for path in folders.to_pylist()}
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def _folder(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


def file_version(path: str) -> list[int] | None:
    """Size and time of change of a file; None if it is missing."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]
