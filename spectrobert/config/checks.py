"""What may be said of an option's value: one line that names it and what is allowed."""

from __future__ import annotations

from ..errors import UserError


def choose(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise UserError unless `value` is allowed for the option `name`."""
    if value not in allowed:
        raise UserError(f"{name}={value!r}: allowed are {', '.join(allowed)}")


def at_least(name: str, value: float, least: float) -> None:
    """Raise UserError where `value` is below `least`."""
    if not value >= least:  # NaN is not
        raise UserError(f"{name}={value}: must be {least} or more")


def share(name: str, value: float) -> None:
    """Raise UserError unless `value` is in [0, 1)."""
    if not 0 <= value < 1:
        raise UserError(f"{name}={value}: must be 0 or more and below 1")
