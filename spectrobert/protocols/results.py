"""JSON files of `score`, read back for one table: two protocols in it are refused."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import read_json

SAME = ("protocol", "version", "folds", "n")  # what figures in one table must share
KEYS = {*SAME, "files", "unit"}


def read(paths: Sequence[str]) -> dict[str, dict[str, Any]]:
    """File -> its content. Raises UserError for another file, and for a second protocol."""
    found: dict[str, dict[str, Any]] = {}
    for path in paths:
        content = read_json(Path(path))
        if not content.keys() >= KEYS:
            raise UserError(f"{path} was not written by score --json")
        found[path] = content
        for key in SAME:
            first = found[paths[0]][key]
            if content[key] != first:
                raise UserError(
                    f"{paths[0]} has {key} {first}, {path} has {content[key]}: two protocols are"
                    " not put into one table"
                )
    return found
