"""data list: the corpora, and those that are there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .options import Corpora

if TYPE_CHECKING:
    from ..corpus_tools.sources import Source

LONGEST_LAYOUT = 80


def list_corpora(data_dir: Corpora = "data") -> None:
    """The corpora: tasks, layout, licence, how to get them, and if they are there."""
    from rich.table import Column

    from .. import corpora
    from ..corpus_tools.fetch.acquisition import has_files, work_folder
    from ..corpus_tools.sources import AT_HAND, SOURCES
    from ..terminal import console, print_line, print_table

    rows = []
    for name in corpora.MODULES:
        corpus, source, root = corpora.corpus(name), SOURCES.get(name), Path(data_dir) / name
        there = "yes" if has_files(root) else "no"
        there = "unfinished" if work_folder(root).is_dir() else there
        of = (source.licence, _how(source), there) if source else ("", AT_HAND[name], "")
        rows.append((name, ", ".join(corpus.tasks), _shortened(corpus.layout), *of))
    shares = {"tasks": 3, "layout": 6, "licence": 4, "how to get it": 3}
    folded = (Column(heading, overflow="fold", ratio=share) for heading, share in shares.items())
    out = console()
    columns = [Column("corpus", no_wrap=True), *folded, Column("there")]
    print_table(out, columns, rows, title=f"Corpora, and those in {data_dir}", expand=True)
    print_line(out, "data download NAME fetches a corpus, or lists the steps to get it")


def _shortened(layout: str) -> str:
    """The beginning of a layout: `data download` and errors give the whole."""
    first = layout.split("; ", maxsplit=1)[0]
    return f"{first[:LONGEST_LAYOUT]} …" if len(first) > LONGEST_LAYOUT else first


def _how(source: Source) -> str:
    if source.items:
        return f"download, {source.size}"
    return "sign for it" if source.needs_licence else "by hand"
