"""Support vector machines on standardised features, whose cost validation chooses.

N training rows, M asked rows, D features, C classes.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ...errors import UserError

MAX_ROWS = 20_000  # training rows: the kernel of all pairs takes 8 bytes each, 3 GB


class Rows(NamedTuple):
    """Rows that an SVM reads."""

    features: np.ndarray  # (N, D)
    labels: np.ndarray  # (N,) numbers of the classes
    speakers: list[str]

    @classmethod
    def joined(cls, parts: Sequence["Rows"]) -> "Rows":
        """The rows of several splits."""
        return cls(
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.labels for part in parts]),
            [name for part in parts for name in part.speakers],
        )


def by_speaker(parts: Sequence[Rows]) -> list[Rows]:
    """Features with mean 0 and deviation 1 over all rows of their speaker, whatever the split.

    No label is read; all rows have a speaker.
    """
    whole = Rows.joined(parts)
    names = np.array(whole.speakers)
    made = np.empty(whole.features.shape)
    for name in np.unique(names):
        own = whole.features[names == name]
        made[names == name] = standardise(own, own)
    ends = np.cumsum([len(part.labels) for part in parts])[:-1]
    return [part._replace(features=own) for part, own in zip(parts, np.split(made, ends))]


def standardise(features: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Features (M, D) by mean and deviation of the training rows: float64 (M, D).

    0 for features that are constant in training, and in place of those that are not finite.
    """
    train = train.astype(np.float64)
    is_known = np.isfinite(train)
    count = np.maximum(is_known.sum(axis=0), 1)
    mean = np.where(is_known, train, 0.0).sum(axis=0) / count
    deviation = np.sqrt((np.where(is_known, train - mean, 0.0) ** 2).sum(axis=0) / count)
    is_constant = deviation <= 1e-9 * np.maximum(1.0, abs(mean))
    made = (features - mean) / np.where(is_constant, 1.0, deviation)
    return np.where(is_constant | ~np.isfinite(made), 0.0, made)


class Machine:
    """SVMs of one set of training rows: the kernel is computed once, for all costs.

    Args:
        classifier: "linear_svm" | "rbf_svm", exp(-|x - y|^2 / (D variance)).
        num_classes: width of the margins; a class may have no row.

    Raises UserError for more than MAX_ROWS rows, or rows of one class alone.
    """

    def __init__(self, classifier: str, train: Rows, num_classes: int):
        if len(train.labels) > MAX_ROWS:
            raise UserError(
                f"{len(train.labels)} training rows: a kernel SVM takes {MAX_ROWS} at most;"
                " dataset.train_share= leaves some out"
            )
        if len(set(train.labels.tolist())) < 2:
            raise UserError("the training rows are of one class alone: an SVM needs two")
        self.classifier, self.train, self.num_classes = classifier, train, num_classes
        self.features = standardise(train.features, train.features)
        self.own = self._kernel(self.features)

    def _kernel(self, rows: np.ndarray) -> np.ndarray:
        """Kernel of rows (M, D) and the training rows: (M, N)."""
        from sklearn.metrics import pairwise

        if self.classifier == "linear_svm":
            return pairwise.linear_kernel(rows, self.features)
        gamma = 1 / (rows.shape[1] * max(self.features.var(), 1e-12))
        return pairwise.rbf_kernel(rows, self.features, gamma=gamma)

    def margins(self, asked: np.ndarray) -> Callable[[float], np.ndarray]:
        """Cost -> margins (M, C) of rows (M, D), the largest being of the predicted class."""
        kernel = self._kernel(standardise(asked, self.train.features))

        def of(cost: float) -> np.ndarray:
            from sklearn.svm import SVC

            machine = SVC(kernel="precomputed", C=cost, class_weight="balanced")
            machine.fit(self.own, self.train.labels)
            decided = machine.decision_function(kernel)
            if decided.ndim == 1:  # of two classes one margin, that of the second
                decided = np.stack([-decided, decided], axis=1)
            made = np.full((len(kernel), self.num_classes), decided.min() - 1.0)
            made[:, machine.classes_] = decided
            return made

        return of
