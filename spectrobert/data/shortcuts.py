"""Sentence-audio prediction without listening: a baseline and a ceiling for its accuracy.

n pairs of a split, as they are scored.
"""

import re
from dataclasses import asdict, dataclass

import numpy as np

from .clips import ClipDataset, RowKey, columns
from .mismatches import COLUMNS, LIKENESS

FITTED = 20_000  # pairs of train, at most, that the baseline is fitted on


@dataclass(frozen=True)
class PairSummary:
    """The pairs of a split."""

    drawn: str  # "any" | "like": see task.negatives
    mismatched: int
    # Mismatched pairs whose text seems to hold for the sound: its words all occur in the sound's
    # own text, or the two rows have one label. None do if the corpus states claims and content
    seems_true: int
    ceiling: float  # accuracy if all other pairs are right
    shortcut_accuracy: float | None  # of a baseline of source and lengths; None: nothing to fit

    def to_dict(self) -> dict[str, object]:
        return asdict(self)

    def __str__(self) -> str:
        first = f"{self.mismatched} mismatched pairs, drawn from {self.drawn} rows"
        if self.drawn == "like":
            first = f"{self.mismatched} mismatched pairs, of one source and of like length"
        baseline = "no baseline"
        if self.shortcut_accuracy is not None:
            baseline = f"source and lengths alone: accuracy {self.shortcut_accuracy:.4f}"
        return (
            f"{first}; {baseline}; {self.seems_true} of them seem true: ceiling {self.ceiling:.4f}"
        )


def summarise(train: ClipDataset, scored: ClipDataset, index: np.ndarray) -> PairSummary:
    """Baseline and ceiling of the pairs that were scored.

    The baseline is a logistic regression fitted on pairs of train: whether text and sound are of
    one source; the logarithms of the characters and of the seconds, their squares and product.

    Args:
        index: (n,) the rows of `scored`.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    chosen = np.linspace(0, len(train) - 1, min(len(train), FITTED)).astype(int)
    known, is_match = _features(train, chosen)
    features, truth = _features(scored, index)
    accuracy = None
    if len(np.unique(is_match)) == 2:
        baseline = make_pipeline(StandardScaler(), LogisticRegression(C=1e4, max_iter=1000))
        accuracy = float((baseline.fit(known, is_match).predict(features) == truth).mean())
    num_true = _count_true(scored, index[~truth])
    return PairSummary(
        drawn="like" if scored.mismatches.is_like else "any",
        mismatched=int((~truth).sum()),
        seems_true=num_true,
        ceiling=1 - num_true / len(truth),
        shortcut_accuracy=accuracy,
    )


def _features(clips: ClipDataset, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, 6) features of each pair without listening, and (n,) True if it matches."""
    heard = np.array([clips.heard(RowKey(0, row)) for row in index.tolist()])
    known = columns(clips.rows, "text", *LIKENESS)
    source = np.array(known["source"].to_pylist())
    text = np.log1p([len(text) for text in known["text"].to_pylist()])[index]
    seconds = known["seconds"].to_numpy()
    if clips.read_options.dataset.crop != "whole":
        seconds = np.minimum(seconds, clips.read_options.dataset.max_seconds)
    sound = np.log1p(seconds)[heard]
    is_same = source[index] == source[heard]
    features = np.stack([is_same, text, sound, text**2, sound**2, text * sound], axis=1)
    return features, heard == index


def _count_true(clips: ClipDataset, index: np.ndarray) -> int:
    """Mismatched pairs that seem to match."""
    names = [name for name in COLUMNS if name != "sound"]
    known = columns(clips.rows, *names).to_pydict()
    count = 0
    for row in index.tolist():
        heard = clips.heard(RowKey(0, row))
        if known["claims"][row] and known["content"][heard]:
            continue  # known to be untrue
        label = known["label"][row]
        is_alike = bool(label) and label == known["label"][heard]
        count += is_alike or _words(known["text"][row]) <= _words(known["text"][heard])
    return count


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))
