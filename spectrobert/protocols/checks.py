"""Predictions against a protocol: what does not fit is listed, and nothing is scored then.

Shapes: N rows of the protocol that are scored, C classes.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..corpora.label_files import number
from ..corpora.reference import Reference
from ..errors import UserError
from ..files import write_table, writing
from .layouts import Answer
from .names import Ids, Labels

SUM_TOLERANCE = 0.01  # of probabilities that are printed with two or three digits
TIE = 1e-4  # probabilities that differ by less are alike in print


class Offence(NamedTuple):
    """A row that does not fit."""

    place: str  # FILE:ROW; the file alone for a row that is missing
    id: str
    value: str
    kind: str  # the same words for every such row


@dataclass(frozen=True)
class Task:
    """The rows that are asked for, in the protocol's words."""

    rows: list[Reference]  # of all folds
    chosen: frozenset[str]  # folds that are scored; "" if there are none
    classes: tuple[str, ...]
    ids: Ids
    labels: Labels
    name: str

    @property
    def scored(self) -> list[int]:
        """Places of the N rows."""
        return [place for place, row in enumerate(self.rows) if row.fold in self.chosen]


@dataclass(frozen=True)
class Checked:
    """Predictions that fit: one for each row that is scored, in the protocol's order."""

    predictions: list[str]  # (N,)
    probabilities: np.ndarray | None  # (N, C); None if the file has none for all classes
    left_out: int  # predictions for folds that are not scored


class Check:
    """The rows of one file, checked one by one; `offences` grows."""

    def __init__(self, task: Task, file: str):
        self.task, self.file = task, file
        self.offences: list[Offence] = []
        self.found: dict[int, Answer] = {}
        self.left_out = 0
        self._labels: dict[int, str] = {}
        self._probabilities: dict[int, np.ndarray] = {}

    def of(self, answers: Sequence[Answer]) -> Checked:
        """The predictions that are scored, if there are no offences."""
        for answer in answers:
            self._take(answer)
        scored = self.task.scored
        for place in scored:
            if place not in self.found:
                self._object(Answer(self.file, self.task.rows[place].id), "", "missing")
        self._agree()
        if self.offences:
            return Checked([], None, self.left_out)
        is_whole = len(self._probabilities) == len(scored)
        probabilities = [self._probabilities[place] for place in scored] if is_whole else []
        return Checked(
            [self._labels[place] for place in scored],
            np.array(probabilities) if probabilities else None,
            self.left_out,
        )

    def _object(self, answer: Answer, value: str, kind: str) -> None:
        self.offences.append(Offence(answer.place, answer.id, value, kind))

    def _take(self, answer: Answer) -> None:
        """One answer, which in Clotho-AQA may be that of several rows."""
        places = self.task.ids.places(answer.id, answer.question)
        if not places:
            self._object(answer, answer.question, "not an id of the protocol")
        elif answer.protocol and answer.protocol not in (self.task.name, self.task.name.split()[0]):
            self._object(answer, answer.protocol, "of another protocol")
        elif self.task.rows[places[0]].fold not in self.task.chosen:
            self.left_out += 1
        elif earlier := next((self.found[p] for p in places if p in self.found), None):
            self._object(answer, f"first: {earlier.place}", "twice the same id")
        else:
            self.found |= dict.fromkeys(places, answer)
            self._judge(answer, places)

    def _judge(self, answer: Answer, places: Sequence[int]) -> None:
        """Fold, right answer, probabilities and label of an answer."""
        row = self.task.rows[places[0]]
        if row.fold and answer.fold and _plain(answer.fold) != _plain(row.fold):
            self._object(answer, answer.fold, f"another fold than the protocol's {row.fold}")
        labels = self.task.labels
        if answer.truth and len(places) == 1 and labels.find(answer.truth) != row.label:
            self._object(answer, answer.truth, "another right answer than the protocol's")
        by_class = self._probability_of_each(answer)
        label = self._label(answer, by_class)
        for place in places:
            self._labels[place] = label
            if by_class.keys() == set(self.task.classes):
                each = [by_class[name] for name in self.task.classes]
                self._probabilities[place] = np.array(each)

    def _probability_of_each(self, answer: Answer) -> dict[str, float]:
        """Probability by class, those of merged classes summed; {} if there are none, or wrong."""
        sums: dict[str, float] = {}
        for word, value in answer.scores.items():
            label = self.task.labels.find(word)
            probability = None if isinstance(value, bool) else number(value)
            if not label:
                self._object(answer, word, "a probability of a label outside the set")
            elif probability is None or not 0 <= probability <= 1 + SUM_TOLERANCE:
                self._object(answer, f"{word} {value}", "a probability that is NaN or not in 0..1")
            else:
                sums[label] = sums.get(label, 0.0) + probability
                continue
            return {}
        total = sum(sums.values())
        if sums.keys() == set(self.task.classes) and abs(total - 1) > SUM_TOLERANCE:
            self._object(answer, f"{total:.4f}", "probabilities that do not sum to one")
        return sums

    def _label(self, answer: Answer, by_class: Mapping[str, float]) -> str:
        """The class that is predicted; "" if there is none."""
        order = [name for name in self.task.classes if name in by_class]
        most = max(order, key=lambda name: by_class[name], default="")
        label = self.task.labels.find(answer.label)
        if answer.label.lower() == "nan":
            self._object(answer, answer.label, "NaN")
        elif answer.label and not label:
            self._object(answer, answer.label, "a label outside the set")
        elif not answer.label and not answer.scores:
            self._object(answer, "", "no label")
        elif label and most and by_class.get(label, 0.0) < by_class[most] - TIE:
            self._object(answer, f"{label}, not {most}", "a label that is not the most probable")
        return label or most

    def _agree(self) -> None:
        """Object to two answers to one question about one recording."""
        said: dict[tuple[str, str], str] = {}
        for place in sorted(self._labels):
            row, label = self.task.rows[place], self._labels[place]
            if row.question and said.setdefault((row.group, row.question), label) != label:
                self._object(self.found[place], label, "another answer to the same question")


def _plain(fold: str) -> str:
    """1 of 1, 01 and fold_1."""
    return re.sub(r"^\D*0*(?=.)", "", fold)


def refuse(offences: Mapping[Path, list[Offence]], title: str, rejects: str = "") -> None:
    """Write the lists of offending rows and raise UserError, if there are any.

    Args:
        offences: by the file of predictions.
        rejects: the one file to write; by default one next to each file of predictions.
    """
    offending = {path: found for path, found in offences.items() if found}
    if not offending:
        return
    lists = (
        {Path(rejects): [o for found in offending.values() for o in found]}
        if rejects
        else {
            path.with_name(f"{path.stem if path.suffix else path.name}.rejects.csv"): found
            for path, found in offending.items()
        }
    )
    for place, found in lists.items():
        with writing(place):
            write_table(place, ("row", "id", "value", "reason"), found)
    said = (f"{path}: {_words(found)}" for path, found in offending.items())
    listed = ", ".join(map(str, lists))
    raise UserError(f"{'; '.join(said)}: not what {title} asks for; listed in {listed}")


def _words(offences: Sequence[Offence]) -> str:
    kinds = Counter(offence.kind for offence in offences)
    words = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    is_number = any(o.kind == "a label outside the set" and o.value.isdecimal() for o in offences)
    return words + " (name the classes of the numbers by --labels)" * is_number
