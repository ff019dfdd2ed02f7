"""One self-contained HTML page over runs that belong together: it needs no network."""

from .page import Summary, write
from .tables import write_table

__all__ = ["Summary", "write", "write_table"]
