"""Free space, checked before the bytes arrive and not when it has run out."""

from __future__ import annotations

import shutil
from pathlib import Path

from rich.filesize import decimal

from ...errors import UserError


def require_room(folder: Path, size: int, what: str) -> None:
    """Raise UserError if the disk of `folder`, which exists, has no room for `size` bytes."""
    free = shutil.disk_usage(folder).free
    if size > free:
        raise UserError(f"{what} needs {decimal(size)}, but {folder} has {decimal(free)} free")
