"""data check: faults of a corpus on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .dataset_options import Name, Overrides, Task, configure
from .options import Corpora, Json

if TYPE_CHECKING:
    from rich.console import Console

    from ..corpus_tools.check import Inspection

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
    from ..corpus_tools.check import inspect
    from ..corpus_tools.finding import worst
    from ..terminal import console, counting

    if csv:
        files.check_writable("--csv", Path(csv))
    config = configure(name, task, data_dir, overrides)
    with counting(f"{config.dataset.name}: looking at the audio") as progress:
        inspection = inspect(config.task.name, config.dataset, config.data_dir, quick, progress)
    findings = inspection.findings
    if csv:
        rows = [(f.check, f.verdict, f.found, e) for f in findings for e in f.examples or [""]]
        with files.writing(Path(csv)):
            files.write_table(Path(csv), ("check", "verdict", "found", "example"), rows)
    verdict = worst(findings)
    if as_json:
        head = {"corpus": inspection.corpus, "task": inspection.task, "root": str(inspection.root)}
        summary = {**head, "verdict": verdict, "findings": [f._asdict() for f in findings]}
        print(json.dumps(summary, indent=2, ensure_ascii=False))
    else:
        _show(console(), inspection)
    raise typer.Exit(int(verdict == "fault"))


def _show(console: Console, inspection: Inspection) -> None:
    from rich.table import Column
    from rich.text import Text

    from ..terminal import print_table

    root = inspection.root  # a table of one's own may have none
    where = f": {root}" if root.is_dir() else ""
    columns = [Column(h, overflow="fold") for h in ("checked", "found", "verdict", "examples")]
    rows = []
    for f in inspection.findings:
        rest = len(f.examples) - SHOWN
        shown = [*f.examples[:SHOWN], *([f"and {rest} more"] if rest > 0 else [])]
        rows.append((f.check, f.found, Text(f.verdict, COLOURS[f.verdict]), "\n".join(shown)))
    title = f"{inspection.corpus}, task {inspection.task}{where}"
    print_table(console, columns, rows, title=title, title_justify="left")
