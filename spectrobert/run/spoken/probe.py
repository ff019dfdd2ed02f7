"""A probe of how far predictions follow the words, if the voice says all of them alike.

F frames, C labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ... import metrics
from ...config import AqaConfig
from ...errors import UserError
from ...files import write_json
from ...metrics.statistic import mean
from ..asked_words import Asked
from ..conditions import Value
from ..folder import RunFolder
from ..predict import Predictor
from ..prediction import Failed, Prediction
from .sentences import POLARITIES, Spoken, read
from .voices import speak

MEANING = (
    "difference: mean answer to positive minus negative words, by the same voice in the same"
    f" sentence otherwise; intervals: {metrics.METHOD} over sentences"
)


@dataclass(frozen=True)
class Followed:
    """A label's probability, or a target's value, by the polarity of the words."""

    label: str
    means: tuple[float, ...]  # in the order of POLARITIES
    difference: Value  # positive minus negative


@dataclass(frozen=True)
class Probe:
    """Answers of a run to a voice without emotion."""

    run: str
    measure: str  # "probability" or "value"
    sentences: int
    voices: int
    of_sound: list[Followed]  # the text is not given
    of_both: list[Followed]  # it is; empty if the texts are not known

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        named = {"sound alone": self.of_sound, "sound and text": self.of_both}
        return {
            "run": self.run,
            "measure": self.measure,
            "sentences": self.sentences,
            "voices": self.voices,
            "polarities": list(POLARITIES),
            "meaning": MEANING,
            "answers": {
                name: [vars(one) | {"difference": one.difference._asdict()} for one in rows]
                for name, rows in named.items()
                if rows
            },
        }

    def write(self, folder: RunFolder) -> None:
        """The JSON file."""
        write_json(folder.spoken, self.to_dict())


def probe(folder: str | Path, table: str = "") -> Probe:
    """Let a finished run answer to sentences that are said alike.

    Args:
        folder: of the run.
        table: recordings of the user's own (`sentences.read`); "": espeak-ng speaks.

    Raises UserError for a run that needs questions, without espeak-ng, and for recordings that
    cannot be read.
    """
    model = Predictor(folder)
    model.require_labels()
    if isinstance(model.config.task, AqaConfig):
        raise UserError(f"{folder} answers questions: there are none about these sentences")
    with TemporaryDirectory(prefix="spectrobert-") as place:
        spoken = read(table) if table else list(speak(Path(place)))
        if missing := [name for name in POLARITIES if name not in {s.polarity for s in spoken}]:
            raise UserError(f"--sentences {table}: no {missing[0]} sentence")
        of_sound = _followed(model, spoken, has_text=False)
        reads = all(one.text for one in spoken)
        of_both = _followed(model, spoken, has_text=True) if reads else []
    numbers = (len({one.frame for one in spoken}), len({one.voice for one in spoken}))
    return Probe(str(folder), model.measure, *numbers, of_sound, of_both)


def _followed(model: Predictor, spoken: Sequence[Spoken], has_text: bool) -> list[Followed]:
    """The answers by polarity; of a label a row."""
    answers = _answers(model, spoken, has_text)  # (N, C)
    polarity = np.array([one.polarity for one in spoken])
    pairs = _pairs(spoken, answers)
    found = []
    for place, label in enumerate(model.labels):
        means = tuple(float(answers[polarity == name, place].mean()) for name in POLARITIES)
        apart = np.array([difference[place] for _, difference in pairs])
        intervals, why = metrics.intervals(
            {"": mean(apart, MEANING)}, [frame for frame, _ in pairs]
        )
        value = Value(float(apart.mean()), intervals.get(""), why.get("", ""))
        found.append(Followed(label, means, value))
    return found


def _answers(model: Predictor, spoken: Sequence[Spoken], has_text: bool) -> np.ndarray:
    """(N, C) in the order of the model's labels; the recordings of a voice are one speaker's."""
    rows: dict[str, list[float]] = {}
    by_voice = sorted(spoken, key=attrgetter("voice"))
    for _, own in groupby(by_voice, key=attrgetter("voice")):
        asked = [Asked(one.audio, text=one.text if has_text else "") for one in own]
        for answer in model.answer(asked):
            if isinstance(answer, Failed):
                raise UserError(answer.reason)
            rows[answer.audio] = _in_order(model, answer)
    return np.array([rows[one.audio] for one in spoken])


def _in_order(model: Predictor, answer: Prediction) -> list[float]:
    values = dict(answer.every)
    return [values[label] for label in model.labels]


def _pairs(spoken: Sequence[Spoken], answers: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Frame, and positive minus negative (C,), of each frame and voice that has both."""
    places: dict[tuple[str, str], dict[str, list[int]]] = {}
    for place, one in enumerate(spoken):
        own = places.setdefault((one.frame, one.voice), {})
        own.setdefault(one.polarity, []).append(place)
    first, last = POLARITIES[0], POLARITIES[-1]
    return [
        (frame, answers[own[first]].mean(axis=0) - answers[own[last]].mean(axis=0))
        for (frame, _), own in places.items()
        if first in own and last in own
    ]
