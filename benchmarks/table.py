"""All measurements, and the table of them."""

import dataclasses
import statistics
from collections.abc import Callable, Iterable, Iterator

import torch
from rich.console import Console
from rich.table import Column
from rich.text import Text

from benchmarks import (
    arithmetic,
    builds,
    encoders,
    exported,
    frozen,
    machine,
    prediction,
    reading,
    startup,
)
from benchmarks.timing import Bench, Row
from spectrobert.errors import UserError
from spectrobert.terminal import print_line, print_table

# In the order of the table
MEASUREMENTS: dict[str, Callable[[Bench], Row]] = {
    "step-memory": arithmetic.step_memory,  # while this process itself holds little
    "log-mel": arithmetic.log_mel,
    "conv-encoder": arithmetic.conv_encoder,
    "full-step": arithmetic.full_step,
    "first-epoch": frozen.first_epoch,
    "frozen-last": frozen.last_layer,
    "frozen-head": frozen.head,
    "whisper": encoders.whisper,
    "probe": encoders.probe,
    "mixed-lengths": encoders.mixed_lengths,
    "wait-for-data": reading.wait_share,
    "augmented": reading.augmented_wait_share,
    "reading": reading.clips_read,
    "predict": prediction.files_at_once,
    "first-answer": prediction.first_answer,
    "onnx": exported.one_clip,
    "onnx-answer": exported.first_answer,
    "first-step": startup.first_step,
    "help": startup.help_text,
    "wrong-flag": startup.wrong_flag,
}
SLOW = ("predict", "first-answer", "onnx", "onnx-answer", "first-step")  # not in `--quick`


def plan(only: Iterable[str], quick: bool, threads: int, repeats: int) -> tuple[list[str], Bench]:
    """Names and settings of the measurements. Raises UserError for an unknown name or value."""
    names = list(only) or [name for name in MEASUREMENTS if not (quick and name in SLOW)]
    for name in names:
        if name not in MEASUREMENTS:
            raise UserError(f"--only {name}: there are {', '.join(MEASUREMENTS)}")
    if threads < 0:
        raise UserError(f"--threads {threads}: at least 0")
    if repeats < 2:
        raise UserError(f"--repeats {repeats}: at least 2")
    if threads:
        torch.set_num_threads(threads)
    sizes = builds.QUICK if quick else builds.Sizes()
    return names, Bench(sizes, torch.get_num_threads(), repeats, quick)


def run(names: Iterable[str], bench: Bench, console: Console) -> Iterator[Row]:
    """Measure, and show which one is being measured."""
    for name in names:
        with console.status(f"measuring {name}"):
            yield MEASUREMENTS[name](bench)


def show(console: Console, rows: list[Row], bench: Bench, peak: float) -> None:
    """The table, and what it was measured on."""
    headings = ("what", "ours", "rival", "ratio (spread)", "bar", "tokens/s", "of peak")
    columns = [Column(h, justify="left" if h == "what" else "right") for h in headings]
    title = "quick sizes" if bench.is_quick else "BERT base, 512 conv channels"
    print_table(console, columns, [cells(row, peak) for row in rows], title=title)
    print_line(
        console,
        f"{machine.processor()}, {bench.threads} threads, torch {torch.__version__};"
        f" measured matmul peak {peak / 1e9:.0f} GFLOP/s; ours and rival in turn,"
        f" {bench.repeats} times",
    )
    if bench.is_quick:
        print_line(console, f"quick: {dataclasses.asdict(bench.sizes)}")


def cells(row: Row, peak: float) -> list[str | Text]:
    """One row of the table as text."""
    ratio = bar = ""
    if row.ratios:
        low, high = min(row.ratios), max(row.ratios)
        spread = f" ({low:.2f}-{high:.2f})" if len(row.ratios) > 1 else ""
        ratio, bar = f"{statistics.median(row.ratios):.2f}x{spread}", f">= {row.bar:g}x"
    else:
        bar = f"<= {row.bar:g} {row.unit}"
    return [
        Text.assemble(row.what, (f" {row.note}" if row.note else "", "dim")),
        f"{row.ours:.3g} {row.unit}",
        "" if row.rival is None else f"{row.rival:.3g} {row.unit}",
        ratio,
        Text.assemble(bar, " met" if row.is_met else (" missed", "bold")),
        "" if row.tokens_per_second is None else f"{row.tokens_per_second:.0f}",
        "" if row.flops_per_second is None else f"{row.flops_per_second / peak:.0%}",
    ]


def to_dict(row: Row) -> dict:
    """For --json."""
    return dataclasses.asdict(row) | {"is_met": row.is_met}
