"""The errors a user meets: one line, exit code 2, no traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Something the user can mend. Its message is one line: the value, and what is allowed."""


def unknown(kind: str, name: object, known: Iterable[object]) -> UserError:
    """An error for a name that is not in a registry.

    >>> str(unknown("task", "sre", ["ser", "pre"]))
    "unknown task 'sre' (did you mean 'ser'?); known: pre, ser"
    """
    names = sorted(str(n) for n in known)
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return UserError(f"unknown {kind} {str(name)!r}{hint}; known: {', '.join(names)}")
