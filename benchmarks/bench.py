#!/usr/bin/env python
"""Time this machine: ours against the obvious build from Hugging Face parts.

    python benchmarks/bench.py [--quick] [--threads N] [--repeats N] [--only NAME] [--json]

Both sides take turns in one process, on the same clips and threads. docs/speed.md has the table.
"""

import json
import os
import sys
from pathlib import Path

if __name__ == "__main__":  # not this folder: it would hide libraries of the same names
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import script, table


def main() -> None:
    """Measure, and print the table or JSON."""
    parser = script.Parser(__doc__)
    parser.add_argument("--quick", action="store_true", help="small widths, under a minute")
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0: torch's own choice")
    parser.add_argument("--repeats", type=int, help="of each comparison; 5, or 3 with --quick")
    parser.add_argument("--only", action="append", default=[], help="one measurement; repeatable")
    parser.add_argument("--json", action="store_true", help="print JSON in place of a table")
    asked = parser.parse_args()
    repeats = (3 if asked.quick else 5) if asked.repeats is None else asked.repeats
    names, bench = table.plan(asked.only, asked.quick, asked.threads, repeats)

    from benchmarks.machine import matmul_peak
    from spectrobert.run.quiet import quiet
    from spectrobert.terminal import console

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    quiet()
    peak = matmul_peak()
    rows = list(table.run(names, bench, console()))
    if asked.json:
        found = {"peak_flops_per_second": peak, "rows": [table.to_dict(row) for row in rows]}
        print(json.dumps(found, indent=2))
    else:
        table.show(console(), rows, bench, peak)


if __name__ == "__main__":
    script.run(main)
