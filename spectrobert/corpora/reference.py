"""Rows that a public protocol scores, known without the recordings: id, label, fold, group."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..errors import UserError
from .label_files import read_table, read_text


class Reference(NamedTuple):
    """One row of a protocol."""

    id: str  # as Example.id
    label: str
    fold: str = ""  # the fold that tests it; "": the protocol has one test set
    group: str = ""  # rows of one group are resampled together; "": the row alone
    question: str = ""  # what is asked of the recording `group`, if several rows share it


def table(path: Path) -> Iterator[Reference]:
    """Rows of a user's own table: columns id, label and, if there are any, fold and group."""
    for row in read_table(path, ("id", "label"), delimiter="\t" if path.suffix == ".tsv" else ","):
        yield Reference(row["id"], row["label"], row.get("fold", ""), row.get("group", ""))


def emobox_names(path: Path, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Names of the recordings in a fold's file of EmoBox, one JSON object a line.

    Raises UserError for a recording of another name.
    """
    for number, row in enumerate(json_lines(path), start=1):
        stem = Path(str(row.get("wav", ""))).stem
        name = pattern.fullmatch(stem)
        if name is None:
            raise UserError(f"{path}, row {number}: {stem!r} is no name of a clip of the corpus")
        yield name


def json_lines(path: Path) -> Iterator[dict]:
    """The objects of a JSON Lines file. Raises UserError for a line that holds none."""
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: not JSON: {error}") from error
        if not isinstance(found, dict):
            raise UserError(f"{path}, line {number}: no JSON object")
        yield found
