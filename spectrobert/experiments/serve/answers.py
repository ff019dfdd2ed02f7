"""Answers for visitors: what the runs that are served make of a sound and words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...config import AqaConfig
from ...errors import UserError, unknown
from ...run.answer_formats import as_object
from ...run.asked_words import Asked
from ...run.folder import RunFolder
from ...run.load import load
from ...run.predict import Predictor
from ...run.prediction import Prediction
from .limits import Limits
from .looks import Look, look
from .recordings import Followed, Window, follow
from .uploads import Uploads

FLAG = re.compile(r"--(?=[a-z])")
SHOWN_LABELS = 5  # in a message


@dataclass(frozen=True)
class Asking:
    """A sound that was uploaded, and what is asked about it."""

    sound: str | None  # path
    words: str = ""  # a question, or what is said, as the run takes it
    is_silenced: bool = False  # the run hears silence in place of the sound


@dataclass(frozen=True)
class Answer:
    """The answer of one run, and where it looked."""

    run: str
    prediction: Prediction
    look: Look

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"run": self.run, **as_object(self.prediction)}


@dataclass(frozen=True)
class ServedRun:
    """A run by the name that visitors see; its path is nobody's business."""

    name: str
    predictor: Predictor

    @property
    def asks(self) -> bool:
        """True for a run that answers questions."""
        return isinstance(self.predictor.config.task, AqaConfig)

    @property
    def reads(self) -> bool:
        """False for a run whose model takes no words."""
        model = self.predictor.__dict__.get("model")  # an exported file has none
        return self.asks or getattr(getattr(model, "config", None), "reads", True)

    def asked(self, path: str, words: str) -> Asked:
        """The sound with words in their place. Raises UserError for words that it cannot take."""
        words = words.strip()
        if self.asks:
            if not words:
                raise UserError(f"{self.name} answers questions: type one")
            return Asked(path, question=words)
        if words and not self.reads:
            raise UserError(f"{self.name} reads no words: leave them out")
        return Asked(path, text=words)

    def to_dict(self) -> dict[str, Any]:
        """Facts that a program needs."""
        words = "question" if self.asks else "text" if self.reads else ""
        labels = list(self.predictor.labels)
        return {"run": self.name, "words": words, "labels": labels}


class ServedRuns:
    """The runs of a page.

    Args:
        runs: folders, or exported files.
        uploads: where sounds come from; each is deleted after its answer.

    Raises UserError as `load` does.
    """

    def __init__(self, runs: Sequence[str | Path], uploads: Uploads, limits: Limits):
        self.uploads, self.limits = uploads, limits
        self.by_name: dict[str, ServedRun] = {}
        for path in runs:
            name = self._free(_name(path))
            self.by_name[name] = ServedRun(name, load(path))
            self.by_name[name].predictor.require_labels()

    @property
    def names(self) -> list[str]:
        """Names of all runs, in their order."""
        return list(self.by_name)

    def run(self, name: str) -> ServedRun:
        """The run of a name; "" is the first. Raises UserError for an unknown one."""
        if name not in self.by_name and name:
            raise unknown("run", name, self.names)
        return self.by_name[name or self.names[0]]

    def answer(self, asking: Asking, names: Sequence[str]) -> list[Answer]:
        """The answer of each run, two of them for a comparison.

        Raises UserError, whose line names no path, for a sound that cannot be used, wrong words,
        an unknown run, and runs with other labels.
        """
        with self._taken(asking) as path:
            runs = [self.run(name) for name in names]
            _require_same_labels(runs)
            return [self._answer(run, asking, path) for run in runs]

    def follow(self, asking: Asking, name: str, window: Window) -> Followed:
        """The timeline of a recording. Raises UserError as `answer` does."""
        with self._taken(asking) as path, TemporaryDirectory(dir=self.uploads.work) as work:
            run = self.run(name)
            with _own_words(run, path):
                asked = run.asked(path, asking.words)
                return follow(run.predictor, run.name, asked, window, Path(work))

    def _answer(self, run: ServedRun, asking: Asking, path: str) -> Answer:
        with _own_words(run, path):
            asked = run.asked(path, asking.words)
            predictor = _silenced(run.predictor) if asking.is_silenced else run.predictor
            found = predictor.predict([path], asked.question, asked.text, len(predictor.labels))[0]
            seen = Look(note="the sound is silenced") if asking.is_silenced else None
            return Answer(
                run.name, replace(found, audio=Path(path).name), seen or look(predictor, asked)
            )

    @contextmanager
    def _taken(self, asking: Asking) -> Iterator[str]:
        with self.uploads.taken(asking.sound) as path:
            with _own_words(None, path):
                self.limits.check(path, asking.words)
            yield path

    def _free(self, name: str) -> str:
        """The name, or the name with a number if there is such a run already."""
        taken = [
            known for known in self.by_name if re.fullmatch(rf"{re.escape(name)}( \d+)?", known)
        ]
        return f"{name} {len(taken) + 1}" if taken else name


def _silenced(predictor: Predictor) -> Predictor:
    """The same run, which hears silence in place of each sound."""
    other = copy(predictor)
    muted = replace(predictor.config.dataset, silence_audio=True)
    other.config = replace(predictor.config, dataset=muted)
    return other


def _name(path: str | Path) -> str:
    """The experiment, seed and fold of a run; the name of an exported file."""
    if Path(path).suffix == ".onnx":
        return Path(path).name
    found = RunFolder(path).read_results()
    fold = "" if found["fold"] is None else f" fold {found['fold']}"
    return f"{found['experiment']} seed {found['seed']}{fold}"


def _require_same_labels(runs: Sequence[ServedRun]) -> None:
    first, *others = runs
    known = set(first.predictor.labels)
    for other in others:
        if known != (labels := set(other.predictor.labels)):
            raise UserError(
                f"{first.name} and {other.name} cannot be compared: only one of them knows"
                f" {_few(sorted(known ^ labels))}"
            )


def _few(labels: Sequence[str]) -> str:
    more = len(labels) - SHOWN_LABELS
    named = ", ".join(labels[:SHOWN_LABELS])
    return f"{named} and {more} more" if more > 0 else named


@contextmanager
def _own_words(run: ServedRun | None, path: str) -> Iterator[None]:
    """Errors without paths of the server and flags of the command line."""
    try:
        yield
    except UserError as error:
        line = str(error).replace(path, Path(path).name)
        if run and line.startswith(run.predictor.folder):
            line = run.name + line.removeprefix(run.predictor.folder)
        raise UserError(FLAG.sub("", " ".join(line.split()))) from None
