"""Options of a timeline: what the model hears at once, and how its answers become segments."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ...audio.io import MIN_SECONDS
from ...errors import UserError

Activity = Literal["all", "speech"]
WINDOW = 4.0  # seconds, if the model hears as much


@dataclass(frozen=True)
class Heard:
    """Stretches that the model is asked about. Another choice is another timeline."""

    activity: Activity = "all"  # windows over all that sounds, or stretches of speech
    window: float = 0.0  # seconds; the longest stretch of speech. 0: WINDOW, or all a model hears
    hop: float = 0.0  # seconds from one window to the next; 0: half a window

    def __post_init__(self) -> None:
        if self.activity not in ("all", "speech"):
            raise UserError(f"--activity {self.activity}: allowed are all, speech")
        if self.activity == "speech" and self.hop:
            raise UserError(f"--hop {self.hop:g}: stretches of speech follow the speech; leave out")
        for name, value in (("window", self.window), ("hop", self.hop)):
            if value and not MIN_SECONDS <= value < float("inf"):
                raise UserError(f"--{name} {value:g}: from {MIN_SECONDS} s on")

    def of_model(self, longest: float | None, least: float) -> "Heard":
        """The choice with numbers in place of defaults.

        Args:
            longest: seconds that the model hears at most; None: any number.
            least: seconds that it needs.

        Raises UserError for a window that it cannot hear, and for a hop that leaves gaps.
        """
        most = float("inf") if longest is None else longest
        window = self.window or min(WINDOW, most)
        if not least <= window <= most:
            raise UserError(f"--window {window:g}: this run hears {least:g} to {most:g} s at once")
        hop = self.hop or window / 2
        if hop > window:
            raise UserError(f"--hop {hop:g}: at most the window, {window:g} s, or sounds are lost")
        return Heard(self.activity, window, 0.0 if self.activity == "speech" else hop)

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


@dataclass(frozen=True)
class Rules:
    """From answers to segments; they may change without asking the model again."""

    threshold: float = 0.5  # below it there is no answer, where `own` has none
    gap: float = 0.5  # seconds; equal answers this near are one segment
    shortest: float = 0.0  # seconds; shorter segments are left out
    own: Mapping[str, float] = field(default_factory=dict)  # label -> its threshold

    def least(self, label: str) -> float:
        """The threshold of a label."""
        return self.own.get(label, self.threshold)

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise UserError(f"--threshold {self.threshold:g}: a probability, from 0 to 1")
        for name, value in (("gap", self.gap), ("shortest", self.shortest)):
            if not 0 <= value < float("inf"):
                raise UserError(f"--{name} {value:g}: seconds, from 0 on")
