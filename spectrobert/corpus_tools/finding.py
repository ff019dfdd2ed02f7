"""One line of `data check`."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

Verdict = Literal["ok", "note", "warning", "fault"]


class Finding(NamedTuple):
    """A check, and its result.

    `fault`: rows are lost, or a score would be untrue. `warning`: for a person to judge. `note`:
    worth knowing.
    """

    check: str
    found: str
    verdict: Verdict = "ok"
    examples: Sequence[str] = ()  # all there are


def worst(findings: Iterable[Finding]) -> Verdict:
    """The gravest verdict of all."""
    order: tuple[Verdict, ...] = ("ok", "note", "warning", "fault")
    return max((finding.verdict for finding in findings), key=order.index, default="ok")


def of_these(check: str, what: str, examples: Sequence[str], verdict: Verdict) -> Finding:
    """A finding that is fine when there are no examples of it."""
    if not examples:
        return Finding(check, "none")
    return Finding(check, f"{len(examples)} {what}", verdict, examples)
