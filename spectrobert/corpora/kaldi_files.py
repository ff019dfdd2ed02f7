"""Files of a folder in Kaldi's data layout: text, a key and its value per line."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..errors import UserError
from .label_files import number, read_text

LINE = re.compile(r"[ \t\r]*([^ \t\r]+)[ \t]*(.*?)[ \t\r]*")
ARCHIVE = re.compile(r".*\.ark:\d+(\[.*\])?")
SHOWN = 60  # characters of a command in a message
WHOLE = -1  # Kaldi's end of a segment that lasts as long as its recording


class Stretch(NamedTuple):
    """A part of a recording, in seconds; end None: to its end."""

    recording: str
    start: float = 0.0
    end: float | None = None


def read_map(path: Path, *, may_be_empty: bool = False) -> dict[str, str]:
    """Key -> the rest of its line, in the order of the lines.

    Raises UserError if the file is missing or no UTF-8 text, for a key that is there twice, and for
    one without a value unless it `may_be_empty`.
    """
    found: dict[str, str] = {}
    for where, key, value in _lines(path):
        if key in found:
            raise UserError(f"{where}: {key!r} is there twice")
        if not (value or may_be_empty):
            raise UserError(f"{where}: nothing follows {key!r}")
        found[key] = value
    return found


def _lines(path: Path) -> Iterator[tuple[str, str, str]]:
    """FILE line NUMBER, key and value of the lines that are not blank."""
    for line_number, line in enumerate(read_text(path).split("\n"), start=1):
        where = f"{path} line {line_number}"
        if "\0" in line:
            raise UserError(f"{where}: a NUL character; save the file as UTF-8 text")
        if parts := LINE.fullmatch(line):
            yield where, parts[1], parts[2]


def read_recordings(path: Path, audio_dir: str = "") -> dict[str, str]:
    """Recording -> path of its file, of `wav.scp`.

    Relative paths start from `audio_dir`, if there is one; else from the folder of `wav.scp`, or
    from its parent if they are not found there. Raises UserError as `read_map`, and for the output
    of a command and a place in an archive, which are no files.
    """
    entries = read_map(path)
    for recording, entry in entries.items():
        if entry.endswith("|") or ARCHIVE.fullmatch(entry):
            kind = "a command" if entry.endswith("|") else "a place in an archive"
            shown = entry if len(entry) <= SHOWN else f"{entry[:SHOWN]}..."
            raise UserError(
                f"{path}: {recording} is {kind} ({shown}); only files are read:"
                " write its sound to one, as wav-copy does"
            )
    listings: dict[str, frozenset[str]] = {}
    folder = path.absolute().parent

    def place(entry: str) -> str:
        if audio_dir or os.path.isabs(entry):
            return os.path.join(audio_dir, entry)
        here = os.path.normpath(folder / entry)
        return here if _is_there(here, listings) else os.path.normpath(folder.parent / entry)

    return {recording: place(entry) for recording, entry in entries.items()}


def _is_there(path: str, listings: dict[str, frozenset[str]]) -> bool:
    """True for a file of that name; folders are listed once, which a network disk does faster."""
    folder, name = os.path.split(path)
    if folder not in listings:
        try:
            listings[folder] = frozenset(os.listdir(folder))
        except OSError:
            listings[folder] = frozenset()
    return name in listings[folder]


def read_segments(path: Path) -> dict[str, Stretch]:
    """Utterance -> its stretch, of `segments`: recording, start and end, -1 for the whole rest.

    Raises UserError as `read_map`, and for what is no stretch of a recording.
    """
    return {key: _stretch(f"{path}: {key}", value) for key, value in read_map(path).items()}


def _stretch(where: str, value: str) -> Stretch:
    parts = value.split()
    if len(parts) != 3:
        raise UserError(f"{where}: {value!r} is not a recording, a start and an end in seconds")
    start, end = map(number, parts[1:])
    if start is None or end is None or start < 0 or (end <= start and end != WHOLE):
        raise UserError(
            f"{where}: {' '.join(parts[1:])} is no start of 0 s or more and an end after it"
        )
    return Stretch(parts[0], start, None if end == WHOLE else end)
