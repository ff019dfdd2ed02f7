"""The checkpoints of a run: the last one, the one before it, and which of them can be read.

A checkpoint holds tensors and plain types alone. torch unpickles it with `weights_only=True`: only
the types that torch lists as safe are built (`torch.serialization`), and no global is added to
them here. A file that names any other, as one of an earlier version or a hostile one does, is
refused.
"""

import os
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

from ..errors import UserError

BEST = "best.ckpt"
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
    """True if a run has left anything to resume from."""
    return any((folder / name).exists() for name in BY_AGE)


def unsafe_globals(path: Path) -> list[str]:
    """Names in a checkpoint that torch would not build with `weights_only=True`, sorted.

    The pickle is disassembled, not run. Raises ValueError or RuntimeError if it is no checkpoint.
    """
    from torch.serialization import get_unsafe_globals_in_checkpoint

    return sorted(get_unsafe_globals_in_checkpoint(path))


def fault(path: Path) -> str:
    """Reason why a checkpoint cannot be read; "" if it can. Reads all of it, to check its sums."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, OSError) as error:
        return str(error)
    return f"{damaged} in it is damaged" if damaged else _more_than_data(path)


def _more_than_data(path: Path) -> str:
    try:
        unsafe = unsafe_globals(path)
    except (ValueError, RuntimeError, OSError, pickle.UnpicklingError) as error:
        return str(error).splitlines()[0]
    if not unsafe:
        return ""
    return (
        f"it asks for {unsafe[0]}, and checkpoints hold tensors and plain types alone: it is of an"
        " earlier version, or made to run code"
    )


def read(path: Path) -> dict[str, Any]:
    """A checkpoint, its tensors on the CPU. Raises UserError if it cannot be read."""
    import torch

    reason = _more_than_data(path)
    if not reason:
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, ValueError, OSError, EOFError) as error:
            reason = str(error).splitlines()[0]
    raise UserError(f"{path} cannot be read ({reason})")


def newest(folder: Path) -> tuple[Path | None, list[str]]:
    """The newest checkpoint that can be read, None if there is none, and what was passed over.

    Raises UserError if there are checkpoints and none can be read, or the best one, which is scored
    after training, cannot.
    """
    faults: list[str] = []
    remedy = f"to start over, move {folder.parent} away"
    best = folder / BEST
    if best.exists() and (reason := fault(best)):
        raise UserError(f"--resume: {best} cannot be read ({reason}); {remedy}")
    for path in (folder / name for name in BY_AGE):
        if not path.exists():
            continue
        reason = fault(path)
        if not reason:
            return path, faults
        faults.append(f"{path} cannot be read ({reason})")
    if faults:
        raise UserError(f"--resume: {'; '.join(faults)}; {remedy}")
    return None, []


def clear_leftovers(folder: Path) -> None:
    """Remove what runs that were killed while they wrote have left among the checkpoints."""
    for path in folder.glob(".*.ckpt.*"):
        path.unlink(missing_ok=True)
