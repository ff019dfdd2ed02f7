"""evaluate --stress: the table of distortions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from ..run.stress.stress import Stress


def show(screen: Console, found: Stress) -> None:
    """Print the conditions, and the worst of them."""
    from ..metrics import METHOD
    from ..run.stress.stress import SEED
    from ..terminal import numbers, print_line, print_table

    title = f"{found.run}: {found.split} split, {found.metric} (n={found.plain.n})"
    title += f", {found.caution}" if found.caution else ""
    rows = [("as it is", str(found.plain.score), "", "")]
    for point in found.points:
        one = point.outcome
        changed = f"{100 * one.changed:.1f} %" if one.changed is not None else ""
        rows.append((one.name, str(one.score), str(one.difference), changed))
    print_table(
        screen, ["distortion", *numbers("score", "difference", "changed")], rows, title=title
    )
    worst = found.worst.outcome
    print_line(screen, f"worst: {worst.name}, difference {worst.difference}")
    print_line(screen, f"intervals: {METHOD} over {found.unit}, paired")
    print_line(screen, f"{SEED}; changed: rows that are answered otherwise")
