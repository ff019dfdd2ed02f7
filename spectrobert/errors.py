"""The errors a user meets: one line, exit code 2, no traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from importlib.util import find_spec

# extra of pyproject.toml -> the modules that only its feature imports
EXTRAS = {
    "comet": ("comet_ml",),
    "tune": ("optuna", "matplotlib"),
    "report": ("jinja2", "matplotlib", "PIL"),
    "notebooks": ("jupyterlab", "librosa"),
    "download": ("pooch", "requests", "urllib3", "huggingface_hub"),
    "mosei": ("h5py",),
    "slurm": ("submitit",),
}


class UserError(ValueError):
    """An error that the user can correct, in one line: the value, and what is allowed."""


def unknown(kind: str, name: object, known: Iterable[object]) -> UserError:
    """An error for a name that is not in a registry.

    >>> str(unknown("task", "sre", ["ser", "pre"]))
    "unknown task 'sre' (did you mean 'ser'?); known: pre, ser"
    """
    names = sorted(str(n) for n in known)
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return UserError(f"unknown {kind} {str(name)!r}{hint}; known: {', '.join(names)}")


def require_extra(extra: str, feature: str) -> None:
    """Raise UserError if a package is missing that only this feature needs."""
    missing = [module for module in EXTRAS[extra] if find_spec(module) is None]
    if missing:
        raise UserError(f"{feature} needs {', '.join(missing)}: pip install 'spectrobert[{extra}]'")
