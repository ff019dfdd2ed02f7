"""bench: how fast is it, beside what one would write instead?"""

from __future__ import annotations

import json
from typing import Annotated, Optional

import typer

from spectrobert.commands.options import Json


def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="small widths, under a minute: is anything slower?")
    ] = False,
    threads: Annotated[int, typer.Option(min=0, help="torch threads; 0: torch's own choice")] = 0,
    repeats: Annotated[
        Optional[int], typer.Option(min=2, help="of each comparison; 5, or 3 with --quick")
    ] = None,
    only: Annotated[
        Optional[list[str]], typer.Option(help="one measurement; may be given several times")
    ] = None,
    as_json: Json = False,
) -> None:
    """Time this machine: ours against the obvious build from Hugging Face parts."""
    from benchmarks import comparison, machine
    from spectrobert.run.fit import quiet
    from spectrobert.terminal import console

    quiet()
    names, how = comparison.plan(only or (), quick, threads, repeats or (3 if quick else 5))
    peak = machine.matmul_peak()
    rows = list(comparison.run(names, how, console()))
    if as_json:
        found = {"peak_flops_per_second": peak, "rows": [comparison.to_dict(row) for row in rows]}
        print(json.dumps(found, indent=2))
    else:
        comparison.show(console(), rows, how, peak)
