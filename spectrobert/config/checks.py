"""Checks of an option's value: one line that names it and what is allowed."""

import os

from ..errors import UserError

NAME_MAX = 255  # bytes of a file name, on all common file systems


def choose(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise UserError unless `value` is allowed for the option `name`."""
    if value not in allowed:
        raise UserError(f"{name}={value!r}: allowed are {', '.join(allowed)}")


def at_least(name: str, value: float, least: float) -> None:
    """Raise UserError if `value` is below `least`."""
    if not value >= least:  # NaN is not
        raise UserError(f"{name}={value}: must be {least} or more")


def share(name: str, value: float) -> None:
    """Raise UserError unless `value` is in [0, 1)."""
    if not 0 <= value < 1:
        raise UserError(f"{name}={value}: must be 0 or more and below 1")


def probability(name: str, value: float) -> None:
    """Raise UserError unless `value` is in [0, 1]."""
    if not 0 <= value <= 1:
        raise UserError(f"{name}={value}: must be from 0 to 1")


def share_above_zero(name: str, value: float) -> None:
    """Raise UserError unless `value` is in (0, 1]."""
    if not 0 < value <= 1:
        raise UserError(f"{name}={value}: must be above 0 and 1 at most")


def folder_inside(name: str, value: str) -> None:
    """Raise UserError unless `value` can name a folder, or folders, inside another one."""
    parts = value.split("/")
    if not value.strip():
        reason = "is empty"
    elif parts[0] == "" or ".." in parts:
        reason = "leads out of runs_dir"
    elif "" in parts or "." in parts:
        reason = "has a part that is no name"
    elif any(len(os.fsencode(part)) > NAME_MAX for part in parts):
        reason = f"is too long: {NAME_MAX} bytes are the most that a folder's name may have"
    elif not value.isprintable():
        reason = "has characters that cannot be printed"
    else:
        return
    shown = value if len(value) <= 60 else f"{value[:60]}..."
    raise UserError(f"{name}={shown!r} {reason}; it names a folder in runs_dir")
