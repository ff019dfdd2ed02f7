"""Several labels at once, each there or not: CMU-MOSEI's six emotions."""

from collections.abc import Callable, Sequence

import numpy as np

from .counts import Counts, auroc, count
from .statistic import Statistic, by_class, mean, ratio

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
    for name, (figure, meaning, sides) in FIGURES.items():
        each = {}
        for i, label in enumerate(names):
            of = figure(truth[:, i], predicted[:, i], logits[:, i])
            parts = by_class(truth[:, i], {side: f"{SIDES[side]}{label}" for side in sides})
            each[f"{name}_{label}"] = Statistic(of, n, meaning, label=label, parts=parts)
        average = f"unweighted mean over the labels of {meaning}"
        all_parts = {side: at for one in each.values() for side, at in one.parts.items()}
        found[name] = Statistic(
            _mean([one.of for one in each.values()]), n, average, parts=all_parts
        )
        found |= each
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


SIDES = {1: "", 0: "no "}  # in words, before the label
# name -> (figure of one label, definition, the sides that it needs)
FIGURES: dict[str, tuple[Callable[..., Figure], str, tuple[int, ...]]] = {
    "balanced_accuracy": (
        _counted(_balanced),
        "mean of the recall of present and of absent (CMU-MOSEI's weighted accuracy)",
        (1, 0),
    ),
    "weighted_f1": (
        _counted(Counts.weighted_f1),
        "F1 of present and of absent, weighed by how often each is true",
        (),
    ),
    "f1": (_counted(lambda counts: float(counts.f1()[1])), "F1 of present", (1,)),
    "auroc": (_auroc, "area under the ROC curve", (1, 0)),
}
