"""Names of the recordings of a row for predictions.csv: the file, and the stretch of it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np

from .. import corpora
from ..config import DatasetConfig
from . import mixtures, rows

COLUMNS = ("audio", "start", "end")


def folders(options: DatasetConfig, data_dir: str) -> list[str]:
    """The folders where the audio files of a run should be."""
    found: list[Path] = []
    for part in mixtures.parts(options, data_dir):
        tables = [part.options[name] for name in corpora.corpus(part.name).files]
        named = [path for t in tables for path in ([t] if isinstance(t, str) else t) if path]
        own = part.options.get("audio_dir", "")
        found += [Path(part.prepared)] if part.prepared else []
        found += [Path(own)] if own else [Path(path).parent for path in named]
        found += [] if tables else [part.root]
    return [os.path.abspath(folder) for folder in found]


def audio_names(split: datasets.Dataset, folders: Sequence[str]) -> list[tuple[str, str, str]]:
    """Recording, start and end in seconds of each row, (n, 3).

    A recording in one of `folders` is named from there on. Start and end are "" if all of the
    recording is heard; scenes of several recordings join theirs by " + ".
    """
    table: Any = split.data.table.select(["audio"])
    flat = rows.stretches(table)
    chosen = np.arange(len(table)) if split._indices is None else _numbers(split)
    first = np.searchsorted(flat.row, chosen)
    last = np.searchsorted(flat.row, chosen, side="right")
    found = []
    for begin, end in zip(first.tolist(), last.tolist()):
        parts = [
            (name_below(flat.recording[i].as_py(), folders), *_stretch(flat.start[i], flat.end[i]))
            for i in range(begin, end)
        ]
        names, starts, ends = zip(*parts)
        found.append((_joined(names), _joined(starts), _joined(ends)))
    return found


def _numbers(split: datasets.Dataset) -> np.ndarray:
    indices: Any = split._indices
    return indices.column(0).to_numpy()


def name_below(recording: str, folders: Sequence[str]) -> str:
    """A recording's path from one of the folders on; of bytes their number."""
    for folder in folders:
        if recording.startswith(folder + os.sep):
            return recording[len(folder) + 1 :]
    return rows.short_name(recording)


def _stretch(start: float, end: float) -> tuple[str, str]:
    is_whole = start == 0 and np.isinf(end)
    return "" if is_whole else f"{start:g}", "" if np.isinf(end) else f"{end:g}"


def _joined(parts: Sequence[str]) -> str:
    return " + ".join(parts) if any(parts) else ""
