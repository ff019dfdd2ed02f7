"""Corpora whose labels are in the names of their audio files."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ..audio.segment import Segment
from .example import Dropped, Example
from .label_files import audio_files

Maker = Callable[[re.Match[str], str], Example | Dropped]  # called with the match and the path


def speech(texts: Mapping[str, str], labels: Mapping[str, str]) -> Maker:
    """Rows from names whose three groups are the speaker, the sentence and the emotion."""

    def example(name: re.Match[str], path: str) -> Example:
        speaker, sentence, emotion = name.groups()
        audio = (Segment(path),)
        return Example(name[0], audio, texts[sentence], label=labels[emotion], speaker=speaker)

    return example


def read_names(
    root: Path,
    pattern: re.Pattern[str],
    form: str,
    example: Maker,
    *,
    clip: Callable[[Path], str] = lambda path: path.stem,
    by_folder: bool = False,
) -> Iterator[Example | Dropped]:
    """A row per audio file anywhere under a folder; the first of several with one id.

    Args:
        pattern: of a clip's name; the others are dropped.
        form: the pattern in words.
        clip: the name of a clip, by default that of its file without the ending.
        by_folder: in the order of the paths; else of the file names.
    """
    paths = sorted(map(Path, audio_files(root)), key=lambda p: ("" if by_folder else p.stem, p))
    seen: set[str] = set()
    for path in paths:
        name = pattern.fullmatch(clip(path))
        row = example(name, str(path)) if name else Dropped(f"file name is not {form}", "")
        if isinstance(row, Example) and row.id in seen:
            row = Dropped("second file of the same clip", "")
        if isinstance(row, Example):
            seen.add(row.id)
            yield row
        else:
            yield row._replace(what=str(path.relative_to(root)))
