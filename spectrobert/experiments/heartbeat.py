"""Signs of life of a trial: a file that its worker touches while it lives."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

INTERVAL = 5.0  # seconds between two signs


def _sign(folder: Path, number: int) -> Path:
    return folder / "heartbeats" / f"trial{number}"


class Heartbeat:
    """Touches the file of a trial every few seconds, in a thread, until the block is left."""

    def __init__(self, folder: Path, number: int, interval: float = INTERVAL):
        self.path = _sign(folder, number)
        self.interval = interval
        self.is_over = Event()
        self.thread = Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Heartbeat:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch()
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.is_over.set()
        self.thread.join()

    def _beat(self) -> None:
        while not self.is_over.wait(self.interval):
            self.path.touch()


def last_sign(folder: Path, number: int) -> float | None:
    """Seconds since a trial's last sign of life; None where it has given none.

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
