"""`make demo`: the thesis' Table 5.1 on the built-in corpus, in minutes, without a download."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from .. import cli, metrics, runs, scoring
from ..config import Config
from ..training import fit
from . import report

PRETRAINING = "pretraining"
# row of the table -> its accuracy in the thesis (Clotho-AQA with WavCaps: another corpus and size)
ROWS = {"baseline": 64.9, "bin-frz": 68.8, "bin-frz-nolast": 74.3, "bin-frz-noaudio": 69.6}
SILENCED = "bin-frz-nolast"  # also scored with its audio zeroed: chance, if the model listens
MIN_EPOCHS = 2


@dataclass(frozen=True)
class Row:
    """One line of the table, over all seeds."""

    name: str
    pretraining: str
    accuracies: tuple[float, ...]  # by seed
    interval: tuple[float, float]  # 95 %, resampling scenes, seeds pooled
    auroc: float | None
    epoch: str
    n: int
    thesis: float | None

    @property
    def mean(self) -> float:
        return float(np.mean(self.accuracies))

    @property
    def spread(self) -> float | None:
        """Standard deviation over seeds; None of a single one."""
        return float(np.std(self.accuracies, ddof=1)) if len(self.accuracies) > 1 else None


def configure(
    name: str, task: str, runs_dir: Path, data_dir: str, size: float, seed: int, *more: str
) -> Config:
    """The configuration of one row: conf/experiment/demo_<name>.yaml, scaled by `size`."""
    overrides = [
        f"task={task}",
        "dataset=demo",
        f"experiment=demo_{name}",
        f"dataset.size={size}",
        f"seed={seed}",
        f"runs_dir={cli.quoted(str(runs_dir), is_sweep=False)}",
        f"data_dir={cli.quoted(data_dir, is_sweep=False)}",
        "resume=true",  # a stopped demo goes on where it was; a finished run is not run again
        *more,
    ]
    config = cli.compose(overrides)
    if size < 1:
        config.trainer.epochs = max(MIN_EPOCHS, round(config.trainer.epochs * size))
    return config


def run(runs_dir: Path, data_dir: str, size: float, seeds: Sequence[int], console: Console) -> Path:
    """Pre-train, fine-tune every row, print the table. Returns the path of the report."""
    folders: dict[str, list[Path]] = {name: [] for name in (PRETRAINING, *ROWS)}
    for seed in seeds:
        console.rule(f"pre-training: masked words and sentence-audio pairs, seed {seed}")
        config = configure(PRETRAINING, "pre", runs_dir, data_dir, size, seed)
        fit(config, console)
        pretrained = runs.run_folder(config)
        folders[PRETRAINING].append(pretrained)
        for name in ROWS:
            console.rule(f"question answering: {name}, seed {seed}")
            checkpoint = f"init.checkpoint={cli.quoted(str(pretrained), is_sweep=False)}"
            start = [] if name == "baseline" else [checkpoint]
            # One row is silenced below: a second pass over every test split would add nothing
            more = [*start, "task.question_only=false"]
            config = configure(name, "aqa_binary", runs_dir, data_dir, size, seed, *more)
            fit(config, console)
            folders[name].append(runs.run_folder(config))
    table = [row(name, folders[name], ROWS[name]) for name in ROWS]
    table.append(silenced_row(folders[SILENCED]))
    show(console, table)
    path = report.write(
        runs_dir / "report.html",
        "SpectroBERT demo: Table 5.1 on the built-in corpus",
        folders,
        summary(table),
    )
    console.print(f"report: {path}", highlight=False, soft_wrap=True)
    return path


def row(name: str, folders: Sequence[Path], thesis: float | None) -> Row:
    """A finished row from its run directories."""
    results = [runs.read_results(folder) for folder in folders]
    tables = [read_predictions(folder / "predictions.csv") for folder in folders]
    return Row(
        name=name,
        pretraining="none" if name == "baseline" else "MLM + SAP",
        accuracies=tuple(r["test"]["metrics"]["accuracy"] for r in results),
        interval=pooled_interval(tables),
        auroc=float(np.mean([r["test"]["metrics"]["auroc"] for r in results])),
        epoch="/".join(str(r["monitor"].get("epoch", "-")) for r in results),
        n=results[0]["test"]["n"],
        thesis=thesis,
    )


def silenced_row(folders: Sequence[Path]) -> Row:
    """The same model, scored once more with every waveform zeroed."""
    scores = [scoring.evaluate(folder, silence_audio=True) for folder in folders]
    tables = [[dict(zip(s.header, map(str, r))) for r in s.rows] for s in scores]
    return Row(
        name=f"{SILENCED}, audio silenced",
        pretraining="MLM + SAP",
        accuracies=tuple(s.values["accuracy"] for s in scores),
        interval=pooled_interval(tables),
        auroc=float(np.mean([s.values["auroc"] for s in scores])),
        epoch="",
        n=scores[0].n,
        thesis=None,
    )


def read_predictions(path: Path) -> list[dict[str, str]]:
    """Rows of a predictions.csv."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def pooled_interval(tables: Sequence[Sequence[dict[str, Any]]]) -> tuple[float, float]:
    """95 % interval of the accuracy over all seeds; resamples whole scenes, over all seeds."""
    pooled = [line for table in tables for line in table]
    truth = np.array([line["label"] for line in pooled])
    predicted = np.array([line["prediction"] for line in pooled])
    return metrics.bootstrap_interval(
        metrics.accuracy_of, truth, predicted, [line["group"] for line in pooled]
    )


HEADER = (
    "experiment",
    "pre-training",
    "epoch",
    "accuracy %",
    "95 % interval",
    "AUROC",
    "n",
    "thesis %",
)
NOTE = (
    "Every question is asked of as many scenes where the answer is yes as of scenes where it is"
    " no: chance is 50 %. The thesis' figures are Clotho-AQA's with WavCaps pre-training: the"
    " order of the rows compares, not the numbers."
)


def summary(rows: Sequence[Row]) -> report.Summary:
    """The table in words."""
    lines = []
    for line in rows:
        spread = f" ± {100 * line.spread:.1f}" if line.spread is not None else ""
        lines.append(
            (
                line.name,
                line.pretraining,
                line.epoch,
                f"{100 * line.mean:.1f}{spread}",
                f"{100 * line.interval[0]:.1f} - {100 * line.interval[1]:.1f}",
                f"{line.auroc:.3f}" if line.auroc is not None else "",
                str(line.n),
                f"{line.thesis:.1f}" if line.thesis is not None else "",
            )
        )
    return report.Summary(HEADER, lines, NOTE)


def show(console: Console, rows: Sequence[Row]) -> None:
    """The table on the terminal."""
    seeds = len(rows[0].accuracies)
    table = Table(title=f"AQA binary, test split, {seeds} seed{'s' if seeds > 1 else ''}")
    for heading in HEADER:
        is_text = heading in ("experiment", "pre-training")
        table.add_column(heading, justify="left" if is_text else "right")
    for cells in summary(rows).rows:
        table.add_row(*cells)
    console.print(table)
    console.print(NOTE, highlight=False)
