"""Findings made after a run, sent to the experiment that the run has in Comet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...files import read_json
from ...terminal import console, print_line
from ..folder import RunFolder
from .logger import IDENTITY, opened

NAMES = ("name", "value", "label")  # of the entries of a list, the first that is a word


def send(run: RunFolder, path: Path) -> None:
    """Send the figures of a JSON file of the run, the file and the card; nothing of other runs.

    Without a key they go into an archive. Raises nothing: what goes wrong is one line on standard
    error, as the findings are kept in the run.
    """
    if not (run.comet / IDENTITY).is_file():
        return
    name, screen = str(path.relative_to(run.path)), console(stderr=True)
    try:
        line = _sent(run, path, name)
    except Exception as error:  # of Comet, its files or the network: none may cost the findings
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        line = f"Comet: {name} is not sent: {reason}"
    if line:
        print_line(screen, line)


def _sent(run: RunFolder, path: Path, name: str) -> str:
    """Send, and a line on where it went if that was no server."""
    experiment = opened(run.read_config(), run.comet, console(stderr=True))
    experiment.log_metrics(figures(read_json(path), name.removesuffix(path.suffix)))
    for file in filter(Path.is_file, (path, run.card)):
        experiment.log_asset(str(file), file_name=str(file.relative_to(run.path)), overwrite=True)
    experiment.end()
    is_archived = hasattr(experiment, "offline_directory")
    return f"Comet: {name} is in an archive in {run.comet} (comet upload sends it)" * is_archived


def figures(found: Any, name: str) -> dict[str, float]:
    """All numbers by their path, "audit/test/conditions/audio silenced/score".

    Entries of a list go by their names, and those without are left out: curves. A figure with its
    interval, [value, interval, reason], is the value; the interval stays in the file.
    """
    if isinstance(found, int | float) and not isinstance(found, bool):
        return {name: float(found)} if math.isfinite(found) else {}
    if isinstance(found, list):
        if len(found) == 3 and isinstance(found[2], str):
            return figures(found[0], name)
        found = {_name(one): one for one in found if isinstance(one, Mapping)}
    if not isinstance(found, Mapping):
        return {}
    each = (figures(value, f"{name}/{key}") for key, value in found.items() if key)
    return {key: value for some in each for key, value in some.items()}


def _name(entry: Mapping[str, Any]) -> str:
    return next((entry[key] for key in NAMES if isinstance(entry.get(key), str)), "")
