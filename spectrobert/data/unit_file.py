"""Units of a corpus: a number for each frame of each recording, which pre-training predicts.

A folder that `python -m spectrobert units` writes:

    units.json      how they were made, and their fingerprint
    centres.npy     (K, D) float32 of the clusters
    units.arrow     id of the row, units (list<uint16>)

U units of a recording; the middles of its units lie at `first`, `first + step`, ... seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa

from ..errors import UserError
from ..files import read_json
from .clips import columns

FACTS, CENTRES, TABLE = "units.json", "centres.npy", "units.arrow"
NEEDED = ("num_units", "first", "step", "dataset", "features", "fingerprint")
TOLERANCE = 0.1  # seconds that a recording may be longer or shorter than its units


def require(folder: str) -> dict[str, Any]:
    """The facts of a folder of units. Raises UserError if it is none."""
    path = Path(folder)
    if not (path / FACTS).is_file() or not (path / TABLE).is_file():
        raise UserError(
            f"task.units={folder} is no folder of units; `python -m spectrobert units --dataset"
            " <corpus>` writes one"
        )
    facts = read_json(path / FACTS)
    if lacking := [name for name in NEEDED if name not in facts]:
        raise UserError(f"{path / FACTS} is damaged: it lacks {', '.join(lacking)}")
    return facts


class UnitFile:
    """The units of a corpus, by the ids of its rows.

    Raises UserError if the folder holds none.
    """

    def __init__(self, folder: str):
        self.folder = folder
        self.facts = require(folder)
        self.first, self.step = float(self.facts["first"]), float(self.facts["step"])
        try:
            table = pa.ipc.open_file(pa.memory_map(str(Path(folder) / TABLE))).read_all()
        except (pa.ArrowInvalid, OSError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{Path(folder) / TABLE} is damaged: {reason}") from error
        self.ids = table["id"]
        self.units = table["units"].combine_chunks()

    @cached_property
    def places(self) -> dict[str, int]:
        """Id of a row -> its place in the table."""
        return {name: place for place, name in enumerate(self.ids.to_pylist())}

    def of(self, row_id: str, start: float = 0.0, end: float = math.inf) -> np.ndarray:
        """Units (U,) of the stretch from `start` to `end` seconds of a row's clip."""
        first, last = (self.units.offsets[self.places[row_id] + i].as_py() for i in (0, 1))
        values = self.units.values[first:last].to_numpy()
        begin = round(start / self.step)
        stop = math.ceil(round(min(end / self.step, len(values)), 3))
        return values[begin : max(begin, stop)].astype(np.int64)

    def require_rows(self, splits: Mapping[str, datasets.Dataset]) -> None:
        """Raise UserError unless the folder has units for every row, as many as its length asks.

        Lengths that a corpus does not state are not compared.
        """
        lengths = np.diff(self.units.offsets.to_numpy())
        for rows in splits.values():
            table = columns(rows, "id", "seconds")
            ids, seconds = table["id"].to_pylist(), table["seconds"].to_numpy()
            self._require_ids(ids)
            units = lengths[[self.places[name] for name in ids]] if ids else np.zeros(0)
            lasts = self.first + units * self.step
            is_off = (np.abs(lasts - seconds) > TOLERANCE + 2 * self.step) & (seconds > 0)
            if is_off.any():
                worst = int(np.argmax(is_off))
                raise UserError(
                    f"task.units={self.folder} are of other recordings: {ids[worst]} has"
                    f" {units[worst]} units, {lasts[worst]:.2f} s, and lasts {seconds[worst]:.2f} s"
                )

    def _require_ids(self, ids: list[str]) -> None:
        if lacking := [name for name in ids if name not in self.places]:
            raise UserError(
                f"task.units={self.folder} are of {self.facts['dataset']}: {len(lacking)} of"
                f" {len(ids)} rows have none, the first: {lacking[0]}"
            )
