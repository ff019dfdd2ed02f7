"""data stats: a corpus in numbers and pictures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from .dataset_options import Name, Overrides, Task, configure
from .options import Corpora, Json

if TYPE_CHECKING:
    from rich.console import Console

SHOWN_CLASSES = 30


def stats(
    name: Name,
    overrides: Overrides = None,
    task: Task = "",
    data_dir: Corpora = "data",
    out: Annotated[str, typer.Option(help="folder of plots; default: data/stats/<name>")] = "",
    max_clips: Annotated[
        Optional[int],
        typer.Option(
            "--max_clips", min=1, help="measure the spectrogram of so many clips, drawn by seed="
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Count hours, classes, speakers and words, draw them, and measure the log-mel spectrogram.

    With `augment=strong` or another, also draws a clip as training hears it, and writes its sounds.
    """
    from ..errors import require_extra

    require_extra("report", "data stats")
    from .. import files
    from ..corpus_tools import augmented, plots, stats
    from ..terminal import console, counting

    config = configure(name, task, data_dir, overrides)
    dataset = config.dataset
    folder = Path(out or f"data/stats/{dataset.name}")
    files.check_writable("--out", folder, is_folder=True)
    with counting(f"{dataset.name}: measuring spectrograms") as progress:
        what = config.task.name, dataset, config.data_dir, config.model.num_mel_bins
        statistics = stats.measure(*what, max_clips, config.seed, progress)
    longest = float("inf") if dataset.crop == "whole" else dataset.max_seconds
    with files.writing(folder):
        paths = plots.draw(statistics, dataset.name, longest, folder, config.seed)
        if config.augment.is_on:
            paths += augmented.draw(statistics, config.augment, folder, config.seed)
    numbers = stats.summary(statistics)
    if as_json:
        print(json.dumps(numbers | {"plots": list(map(str, paths))}, indent=2, ensure_ascii=False))
    else:
        _show(console(), f"{dataset.name}, task {config.task.name}", numbers, paths)


def _show(console: Console, title: str, numbers: dict[str, Any], plots: Sequence[Path]) -> None:
    from rich.table import Column

    from ..terminal import print_line, print_table

    columns = Column(style="bold", no_wrap=True), Column(overflow="fold")
    look: dict[str, Any] = {"title_justify": "left", "show_header": False}
    print_table(console, columns, _lines(numbers), title=title, **look)
    _show_classes(console, numbers["labels_by_split"])
    train = numbers["log_mel"]["train"]
    if train:
        options = f"model.audio_mean={train['mean']:.4f} model.audio_std={train['std']:.4f}"
        purpose = "to normalise spectrograms by this corpus' training clips"
        print_line(console, f"{purpose}: {options}")
    print_line(console, " ".join(["plots:", *(str(p) for p in plots if p.suffix == ".png")]))
    if sounds := [path for path in plots if path.suffix != ".png"]:
        print_line(console, f"sounds: {len(sounds)} in {sounds[0].parent}")


def _lines(numbers: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The table line by line, without those of which the corpus knows nothing."""
    rows = ", ".join(f"{split} {number}" for split, number in numbers["rows_by_split"].items())
    yield "rows", f"{rows}; {numbers['rows_left_out']} left out"
    yield "split", numbers["split"]
    hours = ", ".join(f"{split} {value:.2f}" for split, value in numbers["hours_by_split"].items())
    yield "clips", f"{numbers['clips']}, {numbers['hours']:.2f} hours ({hours})"
    seconds = numbers["seconds_percentiles"]
    if seconds:
        names = {"0": "min", "50": "median", "100": "max"}
        shown = [f"{names.get(at, f'{at} %')} {value:.2f}" for at, value in seconds.items()]
        yield "seconds", ", ".join(shown)
        yield "sample rates", _counted(numbers["sample_rates"], "Hz")
        yield "channels", _counted(numbers["channels"], "channel(s)")
    if numbers["unusable"]:
        yield "unusable audio", f"{len(numbers['unusable'])}, the first: {numbers['unusable'][0]}"
    if numbers["speakers"]:
        clips = _range(numbers["clips_by_speaker"])
        yield "speakers", f"{numbers['speakers']}; clips each: {clips}"
    if numbers["texts"]:
        words = _range(numbers["words_by_text"])
        yield "texts", f"{numbers['texts']} different ones; words each: {words}"
        yield "vocabulary", f"{numbers['vocabulary']} words, in lower case"
    mel = numbers["log_mel"]
    for part in ("all", "train"):
        if mel[part]:
            of = mel["of"] if part == "all" else "the training clips of these"
            level = f"mean {mel[part]['mean']:.4f}, std {mel[part]['std']:.4f}"
            frames = f"{mel[part]['frames']} frames of {mel['bins']} bins"
            yield f"log-mel, {part}", f"{level}, over {frames}: {of}"


def _counted(values: dict[int, int], unit: str) -> str:
    return ", ".join(f"{value} {unit}: {number}" for value, number in sorted(values.items()))


def _range(spread: dict[str, float]) -> str:
    return f"{spread['min']:g} to {spread['max']:g}, median {spread['median']:g}"


def _show_classes(console: Console, labels: dict[str, dict[str, int]]) -> None:
    from ..terminal import numbers, print_table

    totals = sum(map(Counter, labels.values()), Counter[str]())
    if not totals:
        return
    rows: list[Sequence[str]] = []
    for label, total in totals.most_common(SHOWN_CLASSES):
        row = [str(labels[split].get(label, 0)) for split in labels]
        rows.append((label, *row, str(total), f"{100 * total / totals.total():.1f} %"))
    if others := totals.most_common()[SHOWN_CLASSES:]:
        rest = str(sum(number for _, number in others))
        rows.append((f"... and {len(others)} more", *[""] * len(labels), rest))
    columns = ["class", *numbers(*labels, "all", "share")]
    print_table(console, columns, rows, title=f"{len(totals)} classes", title_justify="left")
