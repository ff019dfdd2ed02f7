"""data download: a corpus from where its owner keeps it."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from .options import Corpora


def download(
    name: Annotated[str, typer.Argument(help="a corpus; `data list` shows them")],
    part: Annotated[
        Optional[list[str]],
        typer.Option("--part", help="of a corpus that comes in parts; may be given several times"),
    ] = None,
    data_dir: Corpora = "data",
    mirror: Annotated[
        str,
        typer.Option(
            "--mirror",
            envvar="SPECTROBERT_MIRROR",
            help="fetch MIRROR/HOST/PATH in place of https://HOST/PATH",
        ),
    ] = "",
) -> None:
    """Fetch a public corpus into <data_dir>/<name>; for the others, print the steps to get it.

    Resumes after a cut. Exit code 0: the corpus lies there; 2: it does not.
    """
    from .. import corpora
    from ..corpus_tools.fetch import acquisition
    from ..corpus_tools.sources import AT_HAND, SOURCES
    from ..errors import UserError, require_extra, unknown
    from ..files import check_writable
    from ..terminal import console, print_line

    name = corpora.ALIASES.get(name, name)
    if name in AT_HAND:
        raise UserError(f"{name} is not downloaded: {AT_HAND[name]}")
    if name not in SOURCES:
        raise unknown("corpus", name, SOURCES)
    source, root, out = SOURCES[name], Path(data_dir) / name, console()
    if source.items:
        require_extra("download", "data download")
        check_writable("--data_dir", root, is_folder=True)
        items = acquisition.choose(name, source, part or [])
    print_line(out, f"{name}: {source.licence}. {source.page}")
    if not source.items:
        steps = (*source.steps, f"expected in {{root}}: {corpora.corpus(name).layout}")
        for number, step in enumerate(steps, 1):
            print_line(out, f"  {number}. {step.replace('{root}', str(root))}")
        why = "needs a licence" if source.needs_licence else "cannot be fetched as a file"
        raise UserError(f"{name} {why}: the steps above are yours to take")
    acquisition.acquire(name, root, items, out, mirror)
    if source.afterwards:
        print_line(out, f"left to do: {source.afterwards}")
