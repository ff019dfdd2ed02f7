"""Pictures of a corpus: lengths, classes, speakers, and some of its spectrograms."""

import io as memory
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator
from PIL import Image

from .. import files
from ..audio import features, io
from ..data import splits
from . import log_mel
from .stats import Statistics

COLOURS = {"train": "#2a6f97", "val": "#e9a23b", "test": "#d1495b"}
MOST_BARS = 40  # of more classes or speakers the largest are drawn
NUM_SPECTROGRAMS = 6
SPECTROGRAM_SECONDS = 10.0
TICKS_HZ = (100, 500, 1000, 2000, 4000, 8000)
DPI = 100
SHADES = 24  # of a spectrogram: its noise is then a third of the bytes
COLOURS_KEPT = 128  # the shades, and the edges of letters


def draw(
    statistics: Statistics, corpus: str, max_seconds: float, folder: Path, seed: int
) -> list[Path]:
    """Write those pictures for which the corpus has something to show; returns their paths.

    Training cuts a clip at `max_seconds`; `seed` draws the clips that are shown.
    """
    classes: dict[str, Counter[str]] = {}
    for split, labels in statistics.split.labels.items():
        for label, number in labels.items():
            classes.setdefault(label, Counter())[split] = number
    speakers, by = statistics.speakers, f"{corpus}: "
    with rc_context({"text.parse_math": False}):  # a $ in a label is a dollar
        figures = {
            "durations": _durations(statistics, corpus, max_seconds),
            "classes": _bars(classes, f"{by}rows by class", "classes", "rows"),
            "speakers": _bars(speakers, f"{by}clips by speaker", "speakers", "clips"),
            "spectrograms": _spectrograms(statistics, corpus, seed),
        }
    paths = []
    for name, figure in figures.items():
        if figure is not None:
            paths.append(folder / f"{name}.png")
            files.write_whole(paths[-1], png(figure))
    return paths


def png(figure: Figure) -> bytes:
    """A picture with a palette of COLOURS_KEPT, which is all that it needs."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    png = memory.BytesIO()
    image.quantize(COLOURS_KEPT, dither=Image.Dither.NONE).save(png, "PNG", optimize=True)
    return png.getvalue()


def _plain(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained", dpi=DPI)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _durations(statistics: Statistics, corpus: str, max_seconds: float) -> Figure | None:
    """Histogram of the clips' lengths, by split; on a log axis if they differ a hundredfold."""
    by_split: dict[str, list[float]] = {split: [] for split in splits.SPLITS}
    for clip in statistics.clips.values():
        by_split[clip.split].append(clip.seconds)
    lengths = [seconds for part in by_split.values() for seconds in part]
    if not lengths:
        return None
    figure, axes = _plain(7, 3.6)
    low, high = min(lengths), max(lengths)
    edges = np.linspace(low, high, 41).tolist()
    if high > 100 * low:
        edges = np.geomspace(low, high, 41).tolist()
        axes.set_xscale("log")
    elif high - low < 0.1:  # all of one length: one bar in the middle
        edges = [low - 0.5, low - 0.05, high + 0.05, high + 0.5]
    shown = [split for split in splits.SPLITS if by_split[split]]
    axes.hist(
        [by_split[split] for split in shown],
        bins=edges,
        stacked=True,
        color=[COLOURS[split] for split in shown],
        label=[f"{split} ({len(by_split[split])})" for split in shown],
    )
    num_cut = sum(seconds > max_seconds for seconds in lengths)
    if num_cut:
        axes.axvline(max_seconds, color="0.3", ls="--", lw=1, label=f"{num_cut} are cut here")
    axes.set_xlabel("length of a clip in seconds")
    axes.set_ylabel("clips")
    hours = sum(lengths) / 3600
    axes.set_title(f"{corpus}: {len(lengths)} clips, {hours:.2f} hours")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _bars(counts: Mapping[str, Counter[str]], title: str, what: str, unit: str) -> Figure | None:
    """A bar for each name, the longest on top, in the colours of the splits."""
    if not counts:
        return None
    ordered = sorted(counts, key=lambda name: (-counts[name].total(), name))
    shown = ordered[:MOST_BARS]
    figure, axes = _plain(7, 1.3 + 0.22 * len(shown))
    places = np.arange(len(shown))
    begin = np.zeros(len(shown))
    for split in splits.SPLITS:
        lengths = np.array([counts[name][split] for name in shown], float)
        if lengths.any():
            axes.barh(places, lengths, left=begin, color=COLOURS[split], label=split)
            begin += lengths
    axes.set_yticks(places, [name if len(name) < 30 else f"{name[:27]}..." for name in shown])
    axes.tick_params(axis="y", labelsize=8)
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    left_out = f", the largest {MOST_BARS} of {len(ordered)} {what}"
    axes.set_title(title + (left_out if len(ordered) > MOST_BARS else ""))
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(1.0, 0.0))
    return figure


def _spectrograms(statistics: Statistics, corpus: str, seed: int) -> Figure | None:
    """Some clips, of as many classes as there is room for; one colour scale for all."""
    num_bins = statistics.log_mel.num_bins
    drawn: list[tuple[str, np.ndarray]] = []  # title, (F, M)
    for clip in in_turns(statistics, seed):
        if len(drawn) == NUM_SPECTROGRAMS:
            break
        example = statistics.clips[clip].example
        with suppress(io.AudioError):  # it stands with the numbers
            wave = io.read_clip(clip, SPECTROGRAM_SECONDS)
            title = f"{example.label + ': ' if example.label else ''}{example.id}"
            drawn.append((title, log_mel.spectrogram(wave, num_bins)))
    if not drawn:
        return None
    rows = -(-len(drawn) // 2)
    figure = Figure(figsize=(9, 0.7 + 2.1 * rows), layout="constrained", dpi=DPI)
    grid = figure.subplots(rows, 2, squeeze=False)
    low, high = np.percentile(np.concatenate([mels.ravel() for _, mels in drawn]), [1, 99.9])
    for axes, (title, mels) in zip(grid.flat, drawn):
        image = show_mels(axes, mels, low, high)
        axes.set_title(title, fontsize=8)
    for axes in grid.flat[len(drawn) :]:
        axes.axis("off")
    figure.supxlabel("seconds", fontsize=9)
    figure.supylabel("Hz", fontsize=9)
    figure.suptitle(f"{corpus}: log-mel spectrograms, {num_bins} bins", fontsize=11)
    figure.colorbar(image, ax=grid, label="log power", shrink=0.8)
    return figure


def show_mels(axes: Axes, mels: np.ndarray, low: float, high: float) -> AxesImage:
    """Draw a spectrogram (F, M), from `low` to `high` log power."""
    seconds = len(mels) * features.HOP / features.SAMPLE_RATE
    image = axes.imshow(
        mels.T,
        origin="lower",
        aspect="auto",
        cmap=colormaps["magma"].resampled(SHADES),
        interpolation="nearest",
        vmin=low,
        vmax=high,
        extent=(0, seconds, 0, mels.shape[1]),
    )
    axes.set_yticks([_bin(hertz, mels.shape[1]) for hertz in TICKS_HZ], map(str, TICKS_HZ))
    axes.tick_params(labelsize=7)
    return image


def in_turns(statistics: Statistics, seed: int) -> list[log_mel.Clip]:
    """The clips in an order drawn by `seed`: the first of each class, then the second, ..."""
    clips = list(statistics.clips)
    seen: Counter[str] = Counter()
    turns: list[tuple[int, log_mel.Clip]] = []
    for i in np.random.default_rng(seed).permutation(len(clips)):
        label = statistics.clips[clips[i]].example.label
        turns.append((seen[label], clips[i]))
        seen[label] += 1
    return [clip for _, clip in sorted(turns, key=lambda turn: turn[0])]


def _bin(hertz: float, num_bins: int) -> float:
    """The place of a frequency on an axis of mel bins."""
    low, at, high = (np.log1p(f / 700.0) for f in (features.LOW_HZ, hertz, features.HIGH_HZ))
    return float((at - low) / (high - low) * num_bins)
