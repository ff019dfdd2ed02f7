"""cache: what frozen prefixes are kept, and how they go."""

from __future__ import annotations

from typing import Annotated

import typer


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="remove what is listed")] = False,
    unused_days: Annotated[
        float, typer.Option("--unused_days", min=0, help="only what no run has used for so long")
    ] = 0.0,
) -> None:
    """Frozen prefixes on disk ($SPECTROBERT_CACHE/prefix), the one used last first."""
    import time

    from ..run.prefix_cache import storage

    now = time.time()
    found = [e for e in storage.list_entries() if now - e.used_at >= unused_days * 86_400]
    for listed in found:
        days = (now - listed.used_at) / 86_400
        print(f"{listed.num_bytes / 1e9:9.3f} GB  {days:6.1f} days  {listed.path}  {listed.what}")
        if clear:
            storage.remove(listed.path)
    total = sum(listed.num_bytes for listed in found) / 1e9
    done = f"removed {len(found)}" if clear else f"{len(found)}" if found else "nothing"
    print(f"{done} in {storage.folder()}, {total:.3f} GB")
