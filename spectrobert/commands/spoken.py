"""evaluate --spoken: answers to a synthetic voice by the polarity of its words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from ..run.spoken.probe import Followed, Probe


def show(screen: Console, found: Probe) -> None:
    """Print a table for the sound alone, and one with the text."""
    from ..run.spoken.probe import MEANING
    from ..terminal import print_line

    _table(screen, f"{found.run}: sound alone, {found.measure}", found.of_sound)
    if found.of_both:
        _table(screen, f"{found.run}: sound and text, {found.measure}", found.of_both)
    print_line(screen, f"{found.sentences} sentences in three forms, {found.voices} voices")
    print_line(screen, MEANING)


def _table(screen: Console, title: str, rows: list[Followed]) -> None:
    from ..run.spoken.sentences import POLARITIES
    from ..terminal import numbers, print_table

    lines = [
        (one.label, *(f"{value:.3f}" for value in one.means), str(one.difference)) for one in rows
    ]
    heads = numbers(*(f"{name} words" for name in POLARITIES), "difference")
    print_table(screen, ["answer", *heads], lines, title=title)
