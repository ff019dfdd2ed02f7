"""Metrics of one right class among several."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .counts import Counts, auroc, count
from .statistic import Statistic, by_class, mean, ratio

# Above this many classes, per-class and macro metrics are skipped, but for AUROC, which then has no
# interval: of 828 answers most are so rare that a resample loses many of them, and the interval of
# a mean over classes misses its value
MANY_CLASSES = 50


def ranks(logits: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Place of the right class, (N, C), (N,) -> (N,), 0 being the first.

    Of equal logits the lower class number comes first, as in `argmax`, and NaN comes last: a
    model that has collapsed to equal logits, or to none, is not right about everything. A class
    without a logit (C or above) comes after all others.
    """
    classes = logits.shape[1]
    own = np.take_along_axis(logits, np.minimum(truth, classes - 1)[:, None], axis=1)
    is_before = np.arange(classes) < truth[:, None]
    rank = (~(logits <= own) | ((logits == own) & is_before)).sum(axis=1)
    return np.where(truth < classes, rank, classes)


def cross_entropy(logits: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(N, C), (N,) -> (N,), natural logarithm."""
    top = logits.max(axis=1)
    total = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    return total - np.take_along_axis(logits, truth[:, None], axis=1)[:, 0]


def classification(
    logits: np.ndarray, truth: np.ndarray, labels: Sequence[str], top_k: Sequence[int] = ()
) -> dict[str, Statistic]:
    """All metrics of a classifier: (N, C) logits, (N,) class numbers.

    `accuracy` is the share of rows that are right (the "weighted accuracy" WA of speech emotion);
    `unweighted_accuracy` (UA) the mean recall over the classes that occur in the set. The macro
    figures are scikit-learn's: means over the classes that are true or predicted in the set, where
    0 / 0 is 0. Above MANY_CLASSES, of all figures by class only AUROC is left, without an interval.
    Class numbers from C on are answers that training has not seen: always wrong, without a loss.
    """
    logits = np.asarray(logits, dtype=np.float64)
    wanted = [k for k in top_k if k < len(labels)]
    found = ranked(ranks(logits, truth), logits.argmax(axis=1), truth, labels, wanted)
    found["auroc"] = _macro_auroc(logits, truth, labels)
    seen = np.flatnonzero(truth < len(labels))
    losses = cross_entropy(logits[seen], truth[seen])
    found["loss"] = mean(losses, "mean cross entropy, classes unweighted", seen)
    return found


def ranked(
    rank: np.ndarray,
    predicted: np.ndarray,
    truth: np.ndarray,
    labels: Sequence[str],
    top_k: Sequence[int] = (),
) -> dict[str, Statistic]:
    """The figures that need no logits: (N,) each, `rank` of the right class as `ranks` has it."""
    found = {"accuracy": mean(rank == 0, "share of rows that are right (WA)")}
    for k in top_k:
        found[f"top{k}_accuracy"] = mean(
            rank < k, f"share of rows whose right class is among the first {k}"
        )
    if len(labels) <= MANY_CLASSES:
        found |= _averages(truth, predicted, labels)
        found |= {f"recall_{name}": _recall(truth, rank, i, name) for i, name in enumerate(labels)}
    return found


def _averages(
    truth: np.ndarray, predicted: np.ndarray, labels: Sequence[str]
) -> dict[str, Statistic]:
    """Figures that are means over classes, the same classes in every resample."""
    classes = max(len(labels), int(truth.max()) + 1)  # with those that training has not seen
    once = count(truth, predicted, classes, np.ones(len(truth)))
    occurs = once.true > 0
    seen = occurs | (once.predicted > 0)
    over = "over the classes that are true or predicted in the set"
    ua = "mean recall over the classes that occur in the set (UA)"
    figures = {
        "unweighted_accuracy": (Counts.recall, occurs, ua),
        "macro_precision": (Counts.precision, seen, f"unweighted mean of precision {over}"),
        "macro_recall": (Counts.recall, seen, f"unweighted mean of recall {over}"),
        "macro_f1": (Counts.f1, seen, f"unweighted mean of F1 {over}"),
    }
    parts = by_class(truth, dict(enumerate(labels)))

    def statistic(figure: Callable[[Counts], float], meaning: str, **more: Any) -> Statistic:
        def of(weights: np.ndarray) -> float:
            return figure(count(truth, predicted, classes, weights))

        return Statistic(of, len(truth), meaning, **more)

    def mean_over(
        figure: Callable[[Counts], np.ndarray], chosen: np.ndarray, what: str
    ) -> Statistic:
        return statistic(lambda counts: float(figure(counts)[chosen].mean()), what, parts=parts)

    found = {name: mean_over(*figure) for name, figure in figures.items()}
    found["weighted_f1"] = statistic(
        Counts.weighted_f1, "mean of F1 over the classes, weighed by how often each is true"
    )
    return found


def _recall(truth: np.ndarray, rank: np.ndarray, number: int, label: str) -> Statistic:
    at = np.flatnonzero(truth == number)
    of_class = mean(rank[at] == 0, "share of the rows of a class that are right", at)
    return replace(of_class, unit=f"rows of {label}", label=label, parts={label: at})


def _macro_auroc(logits: np.ndarray, truth: np.ndarray, labels: Sequence[str]) -> Statistic:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    parts = by_class(truth, dict(enumerate(labels)))
    present = [c for c, name in enumerate(labels) if name in parts and len(parts) > 1]

    def area_of(number: int) -> Callable[[np.ndarray], float]:
        return auroc(truth == number, probabilities[:, number])

    # kept for the resamples; of many classes it is taken once, and the areas would fill memory
    is_resampled = len(labels) <= MANY_CLASSES
    kept = [area_of(c) for c in present] if is_resampled else []

    def of(weights: np.ndarray) -> float:
        each = kept if is_resampled else map(area_of, present)
        return ratio(sum(area(weights) for area in each), len(present))

    meaning = "area under the ROC curve, each class that occurs against the rest, unweighted mean"
    return Statistic(of, len(truth), meaning, has_interval=is_resampled, parts=parts)


def one_against_rest(
    logits: np.ndarray, truth: np.ndarray, labels: Sequence[str]
) -> dict[str, Statistic]:
    """Binary accuracy of each emotion, as IEMOCAP tables with a column per emotion give it."""
    predicted = np.asarray(logits).argmax(axis=1)
    found = {}
    for number, label in enumerate(labels):
        is_right = (truth == number) == (predicted == number)
        binary = mean(is_right, "share of rows where a class against all others is right")
        found[f"binary_accuracy_{label}"] = replace(binary, label=label)
    return found


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """(C, C) counts: rows are true classes, columns predicted ones."""
    pairs = np.bincount(truth * classes + predicted, minlength=classes**2)
    return pairs.reshape(classes, classes)
