"""data list: the corpora, and which are there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from .options import Corpora

if TYPE_CHECKING:
    from ..data.sources import Source

LONGEST_LAYOUT = 80


def list_corpora(data_dir: Corpora = "data") -> None:
    """The corpora: tasks, layout, licence, how to get them, and whether they are there."""
    from rich.table import Table

    from ..data import corpora
    from ..data.acquisition import has_files, work_folder
    from ..data.sources import AT_HAND, SOURCES
    from ..terminal import console

    table = Table(title=f"Corpora, and what is in {data_dir}", expand=True)
    table.add_column("corpus", no_wrap=True)
    for header, share in (("tasks", 3), ("layout", 6), ("licence", 4), ("how to get it", 3)):
        table.add_column(header, overflow="fold", ratio=share)
    table.add_column("there")
    for name in corpora.MODULES:
        corpus, source, root = corpora.corpus(name), SOURCES.get(name), Path(data_dir) / name
        tasks, layout = ", ".join(corpus.tasks), _shortened(corpus.layout)
        if source is None:
            table.add_row(name, tasks, layout, "", AT_HAND[name], "")
            continue
        there = "yes" if has_files(root) else "no"
        there = "unfinished" if work_folder(root).is_dir() else there
        table.add_row(name, tasks, layout, source.licence, _how(source), there)
    out = console()
    out.print(table)
    out.print("data download NAME fetches a corpus, or says where it is to be had")


def _shortened(layout: str) -> str:
    """The beginning of a layout: `data download` and errors give the whole."""
    first = layout.split("; ", maxsplit=1)[0]
    cut = f"{first[:LONGEST_LAYOUT]} …" if len(first) > LONGEST_LAYOUT else first
    return escape(cut)  # [Labels/] is no markup


def _how(source: Source) -> str:
    if source.items:
        return f"download, {source.size}"
    return "sign for it" if source.needs_licence else "by hand"
