"""data check: what is right and wrong with a corpus on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .dataset_options import Name, Overrides, Task, configure
from .options import Corpora, Json

if TYPE_CHECKING:
    from rich.console import Console

    from ..corpus_tools.inspection import Inspection

SHOWN = 3  # examples in the table; --csv and --json hold all
COLOURS = {"ok": "green", "note": "cyan", "warning": "yellow", "fault": "red"}


def check(
    name: Name,
    overrides: Overrides = None,
    task: Task = "",
    data_dir: Corpora = "data",
    quick: Annotated[
        bool, typer.Option("--quick", help="headers only: no silence, clipping or duplicates")
    ] = False,
    csv: Annotated[str, typer.Option(help="also write all findings to this file")] = "",
    as_json: Json = False,
) -> None:
    """Compare a corpus with what is published of it, and look at every recording.

    Exit code 0: no faults. 1: faults. 2: not usable at all, such as a folder that is not there.
    """
    from .. import files
    from ..corpus_tools import finding, inspection
    from ..terminal import console, counting

    if csv:
        files.check_writable("--csv", Path(csv))
    config = configure(name, task, data_dir, overrides)
    with counting(f"{config.dataset.name}: looking at the audio") as progress:
        found = inspection.inspect(
            config.task.name, config.dataset, config.data_dir, quick, progress
        )
    if csv:
        rows = [
            (f.check, f.verdict, f.found, e) for f in found.findings for e in f.examples or [""]
        ]
        with files.writing(Path(csv)):
            files.write_table(Path(csv), ("check", "verdict", "found", "example"), rows)
    verdict = finding.worst(found.findings)
    if as_json:
        findings = [f._asdict() for f in found.findings]
        head = {"corpus": found.corpus, "task": found.task, "root": str(found.root)}
        print(
            json.dumps(
                head | {"verdict": verdict, "findings": findings}, indent=2, ensure_ascii=False
            )
        )
    else:
        _show(console(), found)
    raise typer.Exit(int(verdict == "fault"))


def _show(console: Console, found: Inspection) -> None:
    from rich.table import Column
    from rich.text import Text

    from ..terminal import print_table

    where = f": {found.root}" if found.root.is_dir() else ""  # a table of one's own may have none
    headings = ("checked", "found", "verdict", "examples")
    rows = []
    for f in found.findings:
        shown = "\n".join(f.examples[:SHOWN])
        more = f"\nand {len(f.examples) - SHOWN} more" if len(f.examples) > SHOWN else ""
        rows.append((f.check, f.found, Text(f.verdict, COLOURS[f.verdict]), shown + more))
    print_table(
        console,
        [Column(heading, overflow="fold") for heading in headings],
        rows,
        title=f"{found.corpus}, task {found.task}{where}",
        title_justify="left",
    )
