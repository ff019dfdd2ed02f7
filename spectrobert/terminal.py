"""Where a run talks to its user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

LOG_WIDTH = 120  # a file or a cluster log has no width of its own; 80 would fold the tables


def console() -> Console:
    """The terminal at its own width, or a log at a fixed one."""
    found = Console()
    return found if found.is_terminal else Console(width=LOG_WIDTH)


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, on standard error; elsewhere nothing. Yields progress(done, total)."""
    screen = Console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as bars:
        bar = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)
