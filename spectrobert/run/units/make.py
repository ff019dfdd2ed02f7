"""A folder of units: clusters are fitted on training rows, and every row of a corpus gets its own.

What is done is kept next to the folder, <folder>.part/: centres.npy, and units of ROWS rows each.
The same call continues there, and another one is refused.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa

from ...audio import io
from ...data import checks, unit_file
from ...data.clips import columns, segments
from ...errors import UserError
from ...files import aside, read_json, write_whole
from . import clusters
from .features import Features

ROWS = 1000  # of a part, which is done again if the call is interrupted
SCHEMA = pa.schema([("id", pa.string()), ("units", pa.list_(pa.uint16()))])


@dataclass(frozen=True)
class Wanted:
    """The options of a call.

    Args:
        clusters: K, up to 65,535.
        frames: of training rows, on which clusters are fitted.
    """

    dataset: str
    clusters: int
    frames: int
    seed: int = 0


@dataclass(frozen=True)
class Made:
    """A finished folder."""

    facts: dict[str, Any]
    num_rows: int
    skipped: list[checks.Skipped]


def make(
    folder: Path,
    splits: Mapping[str, datasets.Dataset],
    features: Features,
    wanted: Wanted,
    progress: checks.Progress = checks.no_progress,
) -> Made:
    """Write the folder; `progress` is called with (rows done, rows).

    Raises UserError if it was begun with other options, has too few frames, or no row can be read.
    """
    part = folder.with_name(f"{folder.name}.part")
    facts = _facts(splits, features, wanted)
    _begin(part, facts)
    skipped: list[checks.Skipped] = []
    centres = _centres(part, splits["train"], features, wanted)
    done, total = 0, sum(map(len, splits.values()))
    for split, rows in splits.items():
        for first in range(0, len(rows), ROWS):
            path = part / f"{split}-{first:09d}.arrow"
            last = min(first + ROWS, len(rows))
            if not path.exists():
                _assign(path, rows.select(range(first, last)), features, centres, skipped)
            done += last - first
            progress(done, total)
    return _finish(part, folder, facts, skipped)


def _facts(
    splits: Mapping[str, datasets.Dataset], features: Features, wanted: Wanted
) -> dict[str, Any]:
    """All that decides the units, and a fingerprint of it."""
    digest = hashlib.sha256()
    for split, rows in splits.items():
        table = columns(rows, "id", "seconds")
        digest.update(f"{split} {table['id'].to_pylist()}".encode())
        digest.update(table["seconds"].to_numpy().tobytes())
    facts: dict[str, Any] = {
        "dataset": wanted.dataset,
        "rows": digest.hexdigest(),
        "num_units": wanted.clusters,
        "first": features.grid.first,
        "step": features.grid.step,
        "frames": wanted.frames,
        "seed": wanted.seed,
        **features.facts(),
    }
    whole = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    return facts | {"fingerprint": whole.hexdigest()[:16]}


def _begin(part: Path, facts: dict[str, Any]) -> None:
    """Write the facts of an unfinished folder, or compare them."""
    path = part / unit_file.FACTS
    if not path.exists():
        write_whole(path, json.dumps(facts, indent=2))
        return
    begun = read_json(path)
    if differing := [name for name in facts if begun.get(name) != facts[name]]:
        raise UserError(
            f"{part} was begun with other {', '.join(differing[:3])}: remove it, or name another"
            " folder by --out"
        )


def _centres(part: Path, train: datasets.Dataset, features: Features, wanted: Wanted) -> np.ndarray:
    """The centres (K, D), as they were kept or fitted now."""
    path = part / unit_file.CENTRES
    if path.exists():
        return np.load(path)
    centres = clusters.fit(_sample(train, features, wanted), wanted.clusters, wanted.seed)
    with aside(path) as place:
        with place.open("wb") as file:
            np.save(file, centres)
        os.replace(place, path)
    return centres


def _sample(train: datasets.Dataset, features: Features, wanted: Wanted) -> np.ndarray:
    """Frames (F, D) of training rows in an order that the seed draws."""
    order = np.random.default_rng(wanted.seed).permutation(len(train))
    chosen: list[np.ndarray] = []
    for row in order.tolist():
        try:
            frames = features.of(_wave(train[row]))
        except io.AudioError:
            continue
        chosen.append(frames[: wanted.frames - sum(map(len, chosen))])
        if sum(map(len, chosen)) >= wanted.frames:
            break
    if not chosen:
        raise UserError(f"{wanted.dataset}: none of its training rows can be read")
    return np.concatenate(chosen)


def _wave(row: Mapping[str, Any]) -> np.ndarray:
    return io.read_clip(segments(row["audio"]))


def _assign(
    path: Path,
    rows: datasets.Dataset,
    features: Features,
    centres: np.ndarray,
    skipped: list[checks.Skipped],
) -> None:
    """Write the units of some rows."""
    ids, units = [], []
    for row in rows:
        assert isinstance(row, dict)
        try:
            wave = _wave(row)
        except io.AudioError as error:
            skipped.append(checks.Skipped(row["id"], error.recording, error.fault))
            continue
        ids.append(row["id"])
        units.append(clusters.nearest(features.of(wave), centres))
    _write(path, iter([pa.table({"id": ids, "units": units}, schema=SCHEMA)]))


def _write(path: Path, tables: Iterator[pa.Table]) -> int:
    """Write tables into one file, there when it is whole. Returns the rows."""
    written = 0
    with aside(path) as place:
        with pa.OSFile(str(place), "wb") as file, pa.ipc.new_file(file, SCHEMA) as writer:
            for table in tables:
                writer.write_table(table)
                written += len(table)
        os.replace(place, path)
    return written


def _finish(part: Path, folder: Path, facts: dict[str, Any], skipped: list[checks.Skipped]) -> Made:
    """Put the parts together, and give the folder its name."""
    parts = sorted(part.glob("*-*.arrow"))
    tables = (pa.ipc.open_file(pa.memory_map(str(path))).read_all() for path in parts)
    num_rows = _write(part / unit_file.TABLE, tables)
    for path in parts:
        path.unlink()
    if folder.exists():
        shutil.rmtree(folder)  # the caller has asked if it may be replaced
    os.replace(part, folder)
    return Made(facts, num_rows, skipped)
