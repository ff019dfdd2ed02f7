"""Several labels at once, each there or not: CMU-MOSEI's six emotions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .counts import Counts, auroc, count
from .statistic import Statistic, mean, ratio

Figure = Callable[[np.ndarray], float]


def multilabel(
    logits: np.ndarray, targets: np.ndarray, names: Sequence[str]
) -> dict[str, Statistic]:
    """(N, D) logits, present above 0; (N, D) targets of 0 or 1; D names.

    `balanced_accuracy` is what CMU-MOSEI papers call weighted accuracy, (TP N / P + TN) / 2N with
    P present and N absent rows (ACL P17-1142); it has no relation to the WA of one-class
    emotion recognition, which is plain accuracy. `weighted_f1` is the F1 of those papers. A label
    that is always or never there has no balanced accuracy and no AUROC; means are over the others.
    """
    logits = np.asarray(logits, dtype=np.float64)
    truth = np.asarray(targets).astype(int)
    predicted = (logits > 0).astype(int)
    n = len(truth)
    found: dict[str, Statistic] = {}
    for name, (figure, meaning) in FIGURES.items():
        each: list[Figure] = [
            figure(truth[:, i], predicted[:, i], logits[:, i]) for i in range(len(names))
        ]
        found[name] = Statistic(_mean(each), n, f"unweighted mean over the labels of {meaning}")
        for label, of in zip(names, each):
            found[f"{name}_{label}"] = Statistic(of, n, meaning, label=label)
    costs = np.logaddexp(0, logits) - logits * truth
    found["loss"] = mean(costs.mean(axis=1), "mean binary cross entropy over rows and labels")
    return found


def _counted(figure: Callable[[Counts], float]) -> Callable[..., Figure]:
    def of_label(truth: np.ndarray, predicted: np.ndarray, logits: np.ndarray) -> Figure:
        return lambda weights: figure(count(truth, predicted, 2, weights))

    return of_label


def _balanced(counts: Counts) -> float:
    return float(counts.recall().mean()) if counts.true.all() else float("nan")


def _auroc(truth: np.ndarray, predicted: np.ndarray, logits: np.ndarray) -> Figure:
    return auroc(truth == 1, logits)


def _mean(figures: Sequence[Figure]) -> Figure:
    def of(weights: np.ndarray) -> float:
        defined = [value for figure in figures if (value := figure(weights)) == value]
        return ratio(sum(defined), len(defined))

    return of


# name -> (figure of one label, definition)
FIGURES: dict[str, tuple[Callable[..., Figure], str]] = {
    "balanced_accuracy": (
        _counted(_balanced),
        "mean of the recall of present and of absent (CMU-MOSEI's weighted accuracy)",
    ),
    "weighted_f1": (
        _counted(Counts.weighted_f1),
        "F1 of present and of absent, weighed by how often each is true",
    ),
    "f1": (_counted(lambda counts: float(counts.f1()[1])), "F1 of present"),
    "auroc": (_auroc, "area under the ROC curve"),
}
