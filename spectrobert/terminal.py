"""Where a run talks to its user."""

from __future__ import annotations

from rich.console import Console

LOG_WIDTH = 120  # a file or a cluster log has no width of its own; 80 would fold the tables


def console() -> Console:
    """The terminal at its own width, or a log at a fixed one."""
    found = Console()
    return found if found.is_terminal else Console(width=LOG_WIDTH)
