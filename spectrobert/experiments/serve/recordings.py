"""Timelines of recordings for the page: those of the verb `timeline`."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...run.asked_words import Asked
from ...run.predict import Predictor
from ...run.timeline import formats, page, rules
from ...run.timeline.answering import answered
from ...run.timeline.segments import segments
from ...run.timeline.settings import Heard


@dataclass(frozen=True)
class Window:
    """The stretch that is heard at once; 0 and None stand for the verb's defaults."""

    seconds: float = 0.0
    hop: float = 0.0
    threshold: float | None = None


@dataclass(frozen=True)
class Followed:
    """A timeline as a page of its own, and as JSON has it."""

    page: str
    facts: dict[str, Any]


def follow(predictor: Predictor, name: str, asked: Asked, window: Window, work: Path) -> Followed:
    """The timeline of a recording.

    Args:
        name: of the run.
        work: an empty folder.

    Raises UserError as `answered` does.
    """
    own = rules.of_run(predictor.folder, window.threshold)
    choice = Heard(window=window.seconds, hop=window.hop)
    made = replace(answered(predictor, asked, choice, work / "answers"), run=name)
    found = segments(made, own)
    page.write(work / "page.html", made, found, own)
    nameless = replace(made, audio=Path(asked.audio).name)
    facts = json.loads(formats.as_json(nameless, found, own))
    return Followed((work / "page.html").read_text("utf-8"), facts)
