"""Figures of a run that need no model: curves, confusion, ROC, calibration."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from ... import metrics
from ...run import curves
from ...run.confidence import is_right, roc_curves
from ...run.folder import RunFolder
from .images import BLUE, GREY, ORANGE, in_legend, pyplot, svg

RATE = 0.1  # of the running mean that is drawn over the noisy training curve
MAX_ROC = 10  # classes with a ROC curve each
MAX_NUMBERS = 12  # classes up to which a confusion matrix shows its counts


def learning_curves(folder: Path, result: dict[str, Any]) -> str:
    """Metrics of training and validation against the optimiser step.

    As the thesis' Figures 5.1, 5.3, 5.5, 5.7 and 5.9; the dotted line is the tested checkpoint.
    """
    monitor = result["monitor"]["name"].partition("/")[2]
    names = _pretraining_curves(folder) if result["task"] == "pre" else ["loss", "accuracy"]
    names += [monitor] if monitor not in names else []
    path = RunFolder(folder).metrics
    lines = {n: [curves.curve(path, f"{split}/{n}") for split in ("train", "val")] for n in names}
    shown = [name for name in names if any(lines[name])]
    if not shown:
        return ""
    with pyplot(3.7 * len(shown), 2.7, len(shown)) as (figure, axes):
        for axis, name in zip(axes, shown):
            train, validation = lines[name]
            if train:
                steps, values = zip(*train)
                point = "o" if len(steps) == 1 else ""  # a line through one point is not seen
                axis.plot(steps, values, color=BLUE, alpha=0.25, lw=1)
                smooth = list(accumulate(values, lambda last, value: last + RATE * (value - last)))
                axis.plot(steps, smooth, color=BLUE, lw=1.5, marker=point, ms=3, label="training")
            if validation:
                axis.plot(
                    *zip(*validation), color=ORANGE, lw=2, marker="o", ms=3, label="validation"
                )
            if result["monitor"].get("step"):
                axis.axvline(result["monitor"]["step"], color="0.6", ls=":", lw=1)
            axis.set_xlabel("optimiser step")
            axis.set_title(name.replace("_", " "))
            axis.grid(alpha=0.2)
            axis.legend(frameon=False)
        return f'<div class="wide">{svg(figure)}</div>'  # on a phone it scrolls


def _pretraining_curves(folder: Path) -> list[str]:
    """The loss of each objective, and accuracies but that of words, which is low for long."""
    names = list(RunFolder(folder).read_config().task.objectives)
    losses = [f"{name}_loss" for name in names]
    return losses + [f"{name}_accuracy" for name in names if name != "mlm"]


def gap(folder: Path, result: dict[str, Any]) -> str:
    """Gap between training and validation loss in the tested epoch, in a sentence.

    The training loss is the mean of what was logged in that epoch.
    """
    epoch = (result["monitor"].get("epoch") or 0) - 1
    path = RunFolder(folder).metrics
    train, validation = (curves.epoch_means(path, f"{split}/loss") for split in ("train", "val"))
    if epoch not in train or epoch not in validation:
        return ""
    before, after = train[epoch], validation[epoch]
    last = list(validation.values())[-1]
    is_overfit = last > min(validation.values()) * 1.05
    rise = f"; by the last epoch it had risen to {last:.3f}: the run overfits."
    return (
        f"Over the tested epoch the mean training loss is {before:.3f}, the validation loss after"
        f" it {after:.3f} (gap {after - before:+.3f})" + (rise if is_overfit else ".")
    )


def confusion(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> str:
    """Rows are true classes, shaded by the share of the row; columns are predictions."""
    counts = np.asarray(matrix)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    size = min(7.0, 1.9 + 0.42 * len(labels))
    with pyplot(size + 0.8, size) as (figure, (axis,)):
        image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axis.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
        axis.set_yticks(range(len(labels)), labels)
        axis.set(xlabel="predicted", ylabel="true")
        if len(labels) <= MAX_NUMBERS:
            for (row, column), count in np.ndenumerate(counts):
                colour = "white" if shares[row, column] > 0.5 else "#1d2730"
                axis.text(column, row, str(count), ha="center", va="center", color=colour)
        figure.colorbar(image, ax=axis, label="share of the true class", shrink=0.8)
        return svg(figure)


@contextmanager
def _unit_square(width: float, xlabel: str, ylabel: str) -> Iterator[tuple[Any, Any]]:
    """Figure and axis with a grid and the diagonal."""
    with pyplot(width, 3.4) as (figure, (axis,)):
        axis.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":")
        axis.set(xlabel=xlabel, ylabel=ylabel)
        axis.grid(alpha=0.2)
        yield figure, axis


def roc(predictions: Sequence[dict[str, str]], labels: Sequence[str]) -> str:
    """One class against all others; of two classes the second alone, the other mirrors it."""
    shown = roc_curves(predictions, labels[1:] if len(labels) == 2 else labels)
    if not shown or len(shown) > MAX_ROC:
        return ""
    with _unit_square(4.4, "false positives", "true positives") as (figure, axis):
        for name, (false_positives, true_positives, area) in shown.items():
            label = in_legend(f"{name} ({area:.2f})")
            axis.plot(false_positives, true_positives, lw=1.5, label=label)
        axis.set(title="ROC (area)")
        axis.legend(frameon=False, fontsize=8)
        return svg(figure)


def calibration(predictions: Sequence[dict[str, str]]) -> str:
    """Share of right answers against the probability of the prediction."""
    sure = np.array([float(p["p_prediction"]) for p in predictions])
    right = np.array([is_right(p) for p in predictions], dtype=float)
    centres, shares, error = metrics.reliability(sure, right)
    labels = ("probability of the prediction", "share that is right")
    with _unit_square(4.0, *labels) as (figure, axis):
        axis.plot(centres, shares, color=BLUE, marker="o", ms=4)
        axis.set(xlim=(0, 1), ylim=(0, 1), title=f"calibration (expected error {error:.3f})")
        return svg(figure)
