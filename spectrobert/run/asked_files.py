"""The sound files that a user names: files, folders, patterns, a table, or lines of text."""

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..corpora.label_files import AUDIO_SUFFIXES, audio_files
from ..errors import UserError
from ..files import read_table
from .asked_words import Asked


def named(
    paths: Iterable[str], question: str = "", text: str = "", words: str = "", video: str = ""
) -> list[Asked]:
    """Files as they are named, those of folders and patterns in order of their names.

    Args:
        video: of the one file.

    Raises UserError for an empty name, a folder without audio, a pattern that fits nothing, and a
    video with several files.
    """
    asked = [
        Asked(path, question, text, words, video) for name in paths for path in _expanded(name)
    ]
    if video and len(asked) != 1:
        raise UserError(
            f"--video {video} belongs to one file, and {len(asked)} are asked for; --list takes a"
            " table with a column video"
        )
    return asked


def listed(table: str | Path, question: str = "", text: str = "", words: str = "") -> list[Asked]:
    """The rows of a CSV: column `audio`; `question`, `text`, `words` and `video` if there are such.

    Relative paths start from the table's folder.

    Raises UserError for a table without rows or without the column `audio`, and for a row that
    names no file.
    """
    path = Path(table)
    rows = read_table(path)
    if not rows:
        raise UserError(f"{path}: no rows in it")
    if "audio" not in rows[0]:
        columns = ", ".join(rows[0])
        raise UserError(f"{path}: a column audio is needed; there are {columns}")
    if nameless := next((n for n, row in enumerate(rows, 2) if not row.get("audio")), 0):
        raise UserError(f"{path}: row {nameless} names no audio")
    return [
        Asked(
            os.path.join(path.parent, row["audio"]),
            row.get("question") or question,
            row.get("text") or text,
            row.get("words") or words,
            os.path.join(path.parent, row["video"]) if row.get("video") else "",
        )
        for row in rows
    ]


def _expanded(name: str) -> Sequence[str]:
    if not name:
        raise UserError("--audio needs a file, and was given an empty name")
    if os.path.isdir(name):
        if found := sorted(audio_files(Path(name))):
            return found
        raise UserError(f"{name}: no audio in this folder ({', '.join(AUDIO_SUFFIXES)})")
    if os.path.exists(name) or not glob.has_magic(name):
        return [name]
    if found := sorted(path for path in glob.glob(name, recursive=True) if os.path.isfile(path)):
        return found
    raise UserError(f"{name}: no file has such a name")
