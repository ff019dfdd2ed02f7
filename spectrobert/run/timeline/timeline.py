"""Answers along a recording.

Shapes: n stretches in order of time, K labels that are kept of each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

KEPT = 20  # labels of a stretch, the most probable


@dataclass(frozen=True)
class Timeline:
    """A recording, the stretches that a run heard of it, and its answers."""

    run: str
    audio: str
    seconds: float  # of the recording
    question: str
    text: str
    note: str
    activity: str  # as of settings.Heard
    labels: tuple[str, ...]
    measure: str  # "probability" or "value"
    is_exclusive: bool  # one label is the answer; False: each label is there or not
    heard: np.ndarray  # (n, 2) seconds from and to
    own: np.ndarray  # (n, 2) seconds that the answer stands for; they do not overlap
    best: np.ndarray  # (n, K) int32 numbers of labels, the best first; -1 where nothing sounds
    values: np.ndarray  # (n, K) float32 of them; nan where nothing sounds

    @property
    def is_answered(self) -> np.ndarray:
        """(n,) bool: False for a stretch without any sound."""
        return self.best[:, 0] >= 0

    def curve(self, label: int) -> np.ndarray:
        """(n,) float32 of a label; nan without sound; 0 where it is not among the KEPT best."""
        found = np.where(self.best == label, self.values, 0.0).sum(axis=1)
        return np.where(self.is_answered, found, np.nan).astype(np.float32)

    def curves(self, labels: Sequence[int]) -> np.ndarray:
        """(n, labels) float32."""
        return np.stack([self.curve(label) for label in labels], axis=1)

    def prominent(self, most: int) -> list[int]:
        """Labels with the highest peaks, `most` at most, in the run's order."""
        peaks = np.full(len(self.labels), -np.inf)
        is_kept = self.best >= 0
        np.maximum.at(peaks, self.best[is_kept], self.values[is_kept])
        return sorted(np.argsort(-peaks, kind="stable")[:most].tolist())
