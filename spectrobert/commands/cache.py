"""cache: list and remove the cached activations of frozen layers."""

from typing import Annotated

import typer


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="remove what is listed")] = False,
    unused_days: Annotated[
        float, typer.Option("--unused_days", min=0, help="only what no run has used for so long")
    ] = 0.0,
) -> None:
    """Cached activations of frozen layers ($SPECTROBERT_CACHE/prefix), last used first."""
    import time

    from ..run.prefix_cache import storage
    from ..terminal import console, print_line

    now, screen = time.time(), console()
    listed = [e for e in storage.list_entries() if now - e.used_at >= unused_days * 86_400]
    for entry in listed:
        size, days = entry.num_bytes / 1e9, (now - entry.used_at) / 86_400
        print_line(screen, f"{size:9.3f} GB  {days:6.1f} days  {entry.path}  {entry.what}")
        if clear:
            storage.remove(entry.path)
    total = sum(entry.num_bytes for entry in listed) / 1e9
    done = f"removed {len(listed)}" if clear else f"{len(listed)}" if listed else "nothing"
    print_line(screen, f"{done} in {storage.folder()}, {total:.3f} GB")
