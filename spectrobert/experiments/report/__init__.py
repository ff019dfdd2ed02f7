"""One self-contained HTML page over runs that belong together: it needs no network."""

from .page import write

__all__ = ["write"]
