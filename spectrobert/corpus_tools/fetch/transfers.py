"""Long transfers: room for them, and a bar on a terminal or a line now and then in a log."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from ...errors import UserError
from ...terminal import description, print_line

LOG_SECONDS = 30.0  # between two lines of a log


@contextmanager
def transfer(console: Console, name: str) -> Iterator[Callable[[int, int | None], None]]:
    """Yield report(bytes there, bytes in all if known)."""
    if console.is_terminal:
        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        with Progress(description(), *columns, console=console) as bar:
            task = bar.add_task(name, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    last = time.monotonic()

    def log(done: int, total: int | None) -> None:
        nonlocal last
        if time.monotonic() - last >= LOG_SECONDS:
            last = time.monotonic()
            print_line(
                console, f"{name}: {decimal(done)}{f' of {decimal(total)}' if total else ''}"
            )

    print_line(console, f"fetching {name}")
    yield log


def require_room(folder: Path, size: int, what: str) -> None:
    """Raise UserError if the disk of `folder`, which exists, has no room for `size` bytes."""
    free = shutil.disk_usage(folder).free
    if size > free:
        raise UserError(f"{what} needs {decimal(size)}, but {folder} has {decimal(free)} free")
