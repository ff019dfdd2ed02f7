"""Signs of life of a trial: a file that its worker touches while it lives."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

INTERVAL = 5.0  # seconds between two signs


def _sign(folder: Path, number: int) -> Path:
    return folder / "heartbeats" / f"trial{number}"


@contextmanager
def beating(folder: Path, number: int, interval: float = INTERVAL) -> Iterator[None]:
    """Touch the file of a trial every few seconds, in a thread, until the block is left."""
    sign, is_over = _sign(folder, number), Event()
    sign.parent.mkdir(parents=True, exist_ok=True)
    sign.touch()

    def beat() -> None:
        while not is_over.wait(interval):
            sign.touch()

    thread = Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def last_sign(folder: Path, number: int) -> float | None:
    """Seconds since a trial's last sign of life; None if it has given none.

    Both times are the file system's: the clocks of two nodes need not agree.
    """
    try:
        last = _sign(folder, number).stat().st_mtime
    except FileNotFoundError:
        return None
    probe = folder / "heartbeats" / f".now.{os.getpid()}"
    probe.touch()
    now = probe.stat().st_mtime
    probe.unlink()
    return now - last
