"""The files of a timeline, by the names of their formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from ...errors import UserError
from ...files import write_whole, writing
from . import audformat_folder, formats, page
from .segments import Segment
from .settings import Rules
from .timeline import Timeline

# format -> its files in the folder of a timeline
FILES = {
    "csv": ("windows.csv", "segments.csv"),
    "json": ("timeline.json",),
    "textgrid": ("timeline.TextGrid",),
    "audacity": ("labels.txt",),
    "audformat": ("audformat",),
    "html": ("timeline.html",),
}
RENDER: dict[str, formats.Render] = {
    "windows.csv": formats.windows_csv,
    "segments.csv": formats.segments_csv,
    "timeline.json": formats.as_json,
    "timeline.TextGrid": formats.textgrid,
    "labels.txt": formats.audacity,
}


def parse(names: str) -> tuple[str, ...]:
    """Formats of a list with commas; of "" all, audformat only if its package is there.

    Raises UserError for an unknown one, and for audformat if its package is missing.
    """
    if not names:
        return tuple(name for name in FILES if name != "audformat" or find_spec("audformat"))
    wanted = tuple(dict.fromkeys(name.strip() for name in names.split(",")))
    if unknown := [name for name in wanted if name not in FILES]:
        raise UserError(f"--format {unknown[0]}: allowed are {', '.join(FILES)}")
    if "audformat" in wanted:
        audformat_folder.require()
    return wanted


def write(
    folder: Path,
    timeline: Timeline,
    segments: Sequence[Segment],
    rules: Rules,
    wanted: Iterable[str],
) -> Iterator[Path]:
    """Write the files, each whole or not at all; yields the path of each when it is there."""
    for path in (folder / name for form in wanted for name in FILES[form]):
        with writing(path):
            if path.name == "timeline.html":
                page.write(path, timeline, segments, rules)
            elif path.name == "audformat":
                audformat_folder.write(path, timeline, segments)
            else:
                write_whole(path, RENDER[path.name](timeline, segments, rules))
        yield path
