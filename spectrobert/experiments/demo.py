"""`make demo`: the thesis' Table 5.1 on the built-in corpus, in minutes, without a download."""

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from ..terminal import print_line
from . import campaign, formats, table_spec
from .jobs import Settings

MIN_EPOCHS = 2


def run(runs_dir: Path, data_dir: str, size: float, seeds: int, console: Console) -> int:
    """Run conf/table/demo.yaml, print it, write report.html. Returns how many runs failed.

    Args:
        size: share of the corpus and of the epochs.
    """
    chosen = table_spec.load("demo")
    asked = campaign.prepare(chosen, settings(runs_dir, data_dir, size, seeds))
    failed = campaign.run(asked, console)
    lines = campaign.lines(asked, failed)
    formats.show(console, chosen, lines)
    title = "SpectroBERT demo: Table 5.1 on the built-in corpus"
    path = campaign.write_report(runs_dir / "report.html", title, asked, lines)
    print_line(console, f"report: {path}")
    return len(failed)


def settings(runs_dir: Path, data_dir: str, size: float, seeds: int) -> Settings:
    """Settings of a demo of that size: its rows all train for the same number of epochs."""
    whole = Settings(seeds=seeds, data_dir=data_dir, runs_dir=str(runs_dir))
    if size == 1:
        return whole
    epochs = campaign.prepare(table_spec.load("demo"), whole).jobs[0].config.trainer.epochs
    assert epochs is not None
    fewer = max(MIN_EPOCHS, round(epochs * min(size, 1)))
    return replace(whole, overrides=(f"dataset.size={size}", f"trainer.epochs={fewer}"))
