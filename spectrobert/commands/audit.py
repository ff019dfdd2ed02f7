"""evaluate --audit: the table of conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from ..run.conditions import Outcome, Value
    from ..run.reliance.audit import Audit


def show(screen: Console, found: Audit) -> None:
    """Print the conditions, and what they say."""
    from ..run.reliance.audit import SHARE
    from ..terminal import numbers, print_line, print_table

    plain = found.outcomes[0]
    title = f"{found.run}: {found.split} split, {found.metric} (n={plain.n})"
    title += f", {found.caution}" if found.caution else ""
    headings = numbers(
        "score", "95 %", "difference", "95 %", "share lost", "95 %", "answers changed"
    )
    rows = [_row(one, is_plain=one is plain) for one in found.outcomes]
    print_table(screen, ["condition", *headings], rows, title=title)
    for line in found.verdict():
        print_line(screen, line)
    print_line(screen, f"intervals: 95 % percentile bootstrap over {found.unit}, paired")
    print_line(screen, SHARE)


def _row(one: Outcome, is_plain: bool) -> tuple[str, ...]:
    if is_plain:
        return (one.name, *_cells(one.score), "", "", "", "", "")
    changed = f"{100 * one.changed:.1f} %" if one.changed is not None else ""
    return (one.name, *_cells(one.score), *_cells(one.difference), *_cells(one.lost), changed)


def _cells(value: Value | None) -> tuple[str, str]:
    if value is None:
        return "none", ""
    low_high = "{:.3f} to {:.3f}".format(*value.interval) if value.interval else value.no_interval
    return f"{value.value:.3f}", low_high
