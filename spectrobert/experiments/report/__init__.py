"""One self-contained HTML page over runs that belong together: it needs no network."""

from .page import Summary, write

__all__ = ["Summary", "write"]
