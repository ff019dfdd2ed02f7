"""One self-contained HTML page over runs that belong together: it needs no network."""
