"""Folders of sounds: one per class, at any depth of folders in it.

    dog/rex/1.wav  cat/2.wav            classes alone, splits are carved
    train/dog/1.wav  test/dog/2.wav     classes in splits: train, val (valid, dev), test (eval)

Speakers are not known, and splits may share them, unless `speaker_pattern` finds their names in the
paths.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

from ..audio.segment import Segment
from ..errors import UserError
from . import Corpus
from .example import Dropped, Example
from .label_files import AUDIO_SUFFIXES
from .own_columns import UNNAMED
from .split_names import split_folders

NO_AUDIO_ENDING = f"file name ends in none of {', '.join(AUDIO_SUFFIXES)}"


def load(root: Path, task: str, *, speaker_pattern: str = "") -> Iterator[Example | Dropped]:
    """A row per audio file in the order of the paths; its id is its path below `root`.

    `speaker_pattern` is a regular expression, searched in this path, whose one group is the
    speaker. Hidden files are no recordings: a Mac's `._1.wav` has the name of one. Raises UserError
    for a pattern that cannot be used, and for folders of splits next to others.
    """
    pattern = _compiled(speaker_pattern) if speaker_pattern else None
    paths = sorted(path for path in _files(root) if not _is_hidden(path) or _is_audio(path))
    splits = _splits(root, paths)
    for path in paths:
        yield _row(root, path, splits, pattern)


def _compiled(speaker_pattern: str) -> re.Pattern[str]:
    where = f"dataset.speaker_pattern={speaker_pattern}"
    try:
        pattern = re.compile(speaker_pattern)
    except re.error as error:
        raise UserError(f"{where}: no regular expression: {error}") from None
    if pattern.groups != 1:
        raise UserError(f"{where}: {pattern.groups} groups; the speaker is the one group, (...)")
    return pattern


def _files(root: Path) -> Iterator[PurePath]:
    for parent, _, names in os.walk(root, followlinks=True):
        below = PurePath(parent).relative_to(root)
        yield from (below / name for name in names)


def _is_hidden(path: PurePath) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _is_audio(path: PurePath) -> bool:
    return path.name.lower().endswith(AUDIO_SUFFIXES)


def _splits(root: Path, paths: list[PurePath]) -> dict[str, str]:
    """Folder -> split; empty if the folders are classes, of which one may be the sound of a train.

    Raises UserError if some folders are splits and others are not.
    """
    audio = [path for path in paths if _is_audio(path) and not _is_hidden(path)]
    tops = {path.parts[0] for path in audio if len(path.parts) > 1}
    splits = split_folders(root, tops)
    others = sorted(tops - splits.keys())
    if others and len(splits) > 1:
        raise UserError(
            f"{root}: {', '.join(sorted(splits))} are folders of splits, and {others[0]!r} is none;"
            " move it elsewhere, or all classes into splits"
        )
    return {} if others else splits


def _row(
    root: Path, path: PurePath, splits: Mapping[str, str], pattern: re.Pattern[str] | None
) -> Example | Dropped:
    id, folders = path.as_posix(), path.parts[:-1]
    classes = folders[1:] if splits else folders
    found = pattern.search(id) if pattern else None
    speaker = (found[1] or "") if found else ""
    if not _is_audio(path):
        return Dropped(NO_AUDIO_ENDING, id)
    if _is_hidden(path):
        return Dropped("hidden file", id)
    if not classes:
        return Dropped("not in the folder of a class", id)
    if pattern and not speaker:
        return Dropped("dataset.speaker_pattern finds no speaker in the path", id)
    audio = (Segment(str(root / path)),)
    split = splits.get(folders[0], "")
    return Example(id, audio, label=classes[0], split=split, speaker=speaker)


CORPUS = Corpus(
    load=load,
    tasks=("classification", "ser", "sentiment"),
    layout="CLASS/*.wav, one folder per class, or train/CLASS/*.wav and [val/ and test/ alike]; "
    "dataset.root= names the folder of these folders",
    source="the user's own",
    unnamed_caveat=UNNAMED,
)
