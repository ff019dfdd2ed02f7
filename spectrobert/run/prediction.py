"""Answers for a sound file of the user's, or the reason that there is none."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Prediction:
    """Answers for one file: labels with probabilities, targets with values, or texts with their log
    probabilities; the highest first.
    """

    audio: str
    seconds: float  # of the file
    used: tuple[float, float]  # first and last second of the stretch that the model heard
    every: tuple[tuple[str, float], ...]
    ranked: tuple[tuple[str, float], ...]  # the first of them
    measure: str = "probability"  # or "value", or "log_probability"
    note: str = ""  # on all predictions of a call
    question: str = ""
    text: str = ""
    detected: tuple[tuple[str, bool], ...] = ()  # labels that have a stored threshold
    is_held_back: bool = False  # of a calibrated run: the answer is not sure enough
    plausible: tuple[str, ...] = ()  # of a calibrated run: a set that holds the truth as promised

    @property
    def answer(self) -> str:
        """The first label, target or text."""
        return self.ranked[0][0]


class Failed(NamedTuple):
    """A file that has no answer, and why, in one line that names it."""

    audio: str
    reason: str
