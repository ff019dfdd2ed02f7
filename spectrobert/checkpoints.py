"""The checkpoints of a run: the last one, the one before it, and which of them can be read."""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path

from .errors import UserError

LAST = "last.ckpt"
PREVIOUS = "previous.ckpt"
NEXT = "next.ckpt"  # there only while it takes the place of LAST
BY_AGE = (LAST, NEXT, PREVIOUS)


def rotate(folder: Path) -> None:
    """next.ckpt becomes last.ckpt, which becomes previous.ckpt; killed in between, none is lost."""
    last = folder / LAST
    if last.exists():
        os.replace(last, folder / PREVIOUS)
    os.replace(folder / NEXT, last)


def exist(folder: Path) -> bool:
    """Whether a run has left anything to resume from."""
    return any((folder / name).exists() for name in BY_AGE)


def fault(path: Path) -> str:
    """Why a checkpoint cannot be read; "" where it can. Reads it once, to check its sums."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, OSError) as error:
        return str(error)
    return f"{damaged} in it is damaged" if damaged else ""


def newest(folder: Path) -> tuple[Path | None, list[str]]:
    """The newest checkpoint that can be read, None where there is none, and what was passed over.

    Raises UserError where there are checkpoints and none can be read.
    """
    faults: list[str] = []
    for path in (folder / name for name in BY_AGE):
        if not path.exists():
            continue
        found = fault(path)
        if not found:
            return path, faults
        faults.append(f"{path} cannot be read ({found})")
    if faults:
        raise UserError(f"--resume: {'; '.join(faults)}; to begin anew, move {folder.parent} away")
    return None, []


def clear_leftovers(folder: Path) -> None:
    """Remove what runs that were killed while they wrote have left beside the checkpoints."""
    for path in folder.glob(".*.ckpt.*"):
        path.unlink(missing_ok=True)
