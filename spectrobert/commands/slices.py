"""evaluate --slices: the table of slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from ..run.slices.slices import Slices


def show(screen: Console, found: Slices) -> None:
    """Print the slices of each column, and what they say."""
    from ..metrics import METHOD
    from ..run.slices.slices import DEFINITION, RULE
    from ..terminal import numbers, print_line, print_table

    title = f"{found.run}: {found.split} split, {found.metric} (n={found.n}): {found.whole}"
    title += f", {found.caution}" if found.caution else ""
    rows = [
        (card.name, one.value, str(one.n), f"{one.groups} {card.unit}", str(one.score or one.note))
        + ((one.note,) if one.score else ("",))
        for card in found.cards
        for one in card.slices
    ]
    headings = ["column", "slice", *numbers("n"), "of", *numbers("score"), "note"]
    print_table(screen, headings, rows, title=title)
    for line in (line for card in found.cards for line in card.verdict()):
        print_line(screen, line)
    print_line(screen, f"intervals: {METHOD} over what stands under 'of'")
    print_line(screen, f"{RULE}; {DEFINITION}")
