"""evaluate --audit: the table of conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from ..run.conditions import Outcome, Value
    from ..run.reliance.audit import Audit


def show(screen: Console, found: Audit) -> None:
    """Print the conditions, and what they say."""
    from ..metrics import METHOD
    from ..run.reliance.audit import SHARE
    from ..terminal import numbers, print_line, print_table

    plain = found.outcomes[0]
    title = f"{found.run}: {found.split} split, {found.metric} (n={plain.n})"
    title += f", {found.caution}" if found.caution else ""
    headings = numbers("score", "difference", "share lost", "changed")
    rows = [_row(one, is_plain=one is plain) for one in found.outcomes]
    print_table(screen, ["condition", *headings], rows, title=title)
    for line in found.verdict():
        print_line(screen, line)
    print_line(screen, f"intervals: {METHOD} over {found.unit}, paired")
    print_line(screen, f"{SHARE}; changed: rows that are answered otherwise")


def _row(one: Outcome, is_plain: bool) -> tuple[str, ...]:
    if is_plain:
        return (one.name, _cell(one.score), "", "", "")
    changed = f"{100 * one.changed:.1f} %" if one.changed is not None else ""
    return (one.name, _cell(one.score), _cell(one.difference), _cell(one.lost), changed)


def _cell(value: Value | None) -> str:
    return "none" if value is None else str(value)
