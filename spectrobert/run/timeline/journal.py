"""Answers so far, line by line on disk: a call that was killed is continued."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import UserError
from ...files import writing
from .spans import Span

NAME = "progress.jsonl"
DIGITS = 6  # of probabilities

Answer = tuple[list[int], list[float]]  # labels by number, the best first, and what they have


class _Kept(NamedTuple):
    """The whole lines of a journal, and how many bytes they are."""

    lines: list[dict[str, Any]]
    size: int


class Journal:
    """The spans of a recording and the answers so far: one line each, of several spans together.

    Args:
        folder: of the timeline.
        identity: all that decides the answers.
        force: give up a journal of another identity, or a damaged one.

    Raises UserError if a journal of another identity is there, or if it is damaged or cannot be
    written.
    """

    def __init__(self, folder: Path, identity: dict[str, Any], force: bool = False):
        self.path = folder / NAME
        self.spans: list[Span] | None = None  # None: not known yet
        self.answers: list[Answer] = []  # of the first of them
        kept = _Kept([], 0)
        with writing(self.path):
            folder.mkdir(parents=True, exist_ok=True)
            if self.path.exists():
                kept = self._kept(identity, force)
            self._file = self.path.open("ab")
            self._file.truncate(kept.size)  # a line that was cut short is written again
        for line in kept.lines[1:]:
            self._take(line)
        if not kept.lines:
            self._write({"identity": identity})

    @property
    def is_whole(self) -> bool:
        """True if each span has its answer."""
        return self.spans is not None and len(self.answers) == len(self.spans)

    def plan(self, spans: Sequence[Span]) -> None:
        """Keep the spans."""
        self._write({"spans": spans})
        self.spans = list(spans)

    def add(self, answers: Sequence[Answer]) -> None:
        """Keep the answers of the next spans."""
        self._write({"answers": answers})
        self.answers += answers

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _kept(self, identity: dict[str, Any], force: bool) -> _Kept:
        if force and _identity(self.path) != identity:
            return _Kept([], 0)
        kept = _read(self.path)
        found = kept.lines[0].get("identity") if kept.lines else identity
        if found == identity:
            return kept
        changed = [name for name in identity if (found or {}).get(name) != identity[name]]
        raise UserError(
            f"{self.path.parent} holds a timeline with another {' and another '.join(changed)}:"
            " name another folder, or replace it with --force"
        )

    def _take(self, line: dict[str, Any]) -> None:
        try:
            if "spans" in line:
                self.spans = [Span(first, stop) for first, stop in line["spans"]]
            else:
                self.answers += [(labels, values) for labels, values in line["answers"]]
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(self.path) from error

    def _write(self, line: dict[str, Any]) -> None:
        with writing(self.path):
            self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())


def _read(path: Path) -> _Kept:
    """Raises UserError for a whole line that is no JSON object."""
    lines, size = [], 0
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        try:
            lines.append(json.loads(line))
        except ValueError as error:
            raise _damaged(path) from error
        size += len(line)
    if not all(isinstance(line, dict) for line in lines):
        raise _damaged(path)
    return _Kept(lines, size)


def _identity(path: Path) -> Any:
    """The identity in a journal, None if it is damaged anywhere."""
    try:
        lines = _read(path).lines
    except UserError:
        return None
    return lines[0].get("identity") if lines else None


def _damaged(path: Path) -> UserError:
    return UserError(f"{path} is damaged: begin again with --force")
