"""A timeline as a database of audformat: one segmented table."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import require_extra
from .segments import Segment
from .timeline import Timeline


def require() -> None:
    """Raise UserError if the package is missing."""
    require_extra("audformat", "the format audformat")


def write(path: Path, timeline: Timeline, segments: Sequence[Segment]) -> None:
    """Write db.yaml and the table `segments` into a folder, whole or not at all.

    Raises UserError if the package is missing.
    """
    require()
    import audformat

    database = audformat.Database("timeline", source=timeline.run)
    index = audformat.segmented_index(
        [os.path.abspath(timeline.audio)] * len(segments),
        [f"{one.start:.6f}s" for one in segments],
        [f"{one.end:.6f}s" for one in segments],
    )
    table = database["segments"] = audformat.Table(index)
    columns: dict[str, tuple[str, list[Any]]] = {
        "label": ("str", [one.label for one in segments]),
        timeline.measure: ("float", [one.value for one in segments]),
    }
    for name, (kind, values) in columns.items():
        database.schemes[name] = audformat.Scheme(kind)
        table[name] = audformat.Column(scheme_id=name)
        table[name].set(values)
    _replace(path, database)


def _replace(path: Path, database: Any) -> None:
    place = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        database.save(str(place), storage_format="csv")
        place.chmod(0o755)  # mkdtemp's is the owner's alone
        if path.exists():
            shutil.rmtree(path)
        os.replace(place, path)
    finally:
        shutil.rmtree(place, ignore_errors=True)
