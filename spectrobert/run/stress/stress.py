"""The robustness of a finished run: its score under each distortion, against the clips as they are.

Answers of each condition are kept in the run, so that a call that was stopped goes on, and so that
several may share the work.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import UserError
from ...files import write_json, write_whole, writing
from ..conditions import PLAIN, Conditions, Outcome
from ..folder import RunFolder
from ..found import Found
from ..scoring import Answered
from . import distortions
from .distortions import Family

SEED = "distortions are drawn from seed 0, the row and their kind: every run meets the same"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Point:
    """A distortion at one strength."""

    family: str
    level: float
    unit: str
    outcome: Outcome

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        fields = {"family": self.family, "level": self.level, "unit": self.unit}
        return fields | self.outcome.to_dict()


@dataclass(frozen=True)
class Stress(Found):
    """The score of a run on a split, under every distortion that was asked for."""

    plain: Outcome
    points: list[Point]
    is_higher_better: bool = True

    @property
    def worst(self) -> Point:
        """The point with the largest loss."""
        sign = 1 if self.is_higher_better else -1
        return min(self.points, key=lambda point: sign * point.outcome.difference.value)

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return self.head() | {
            "plain": self.plain.to_dict(),
            "points": [point.to_dict() for point in self.points],
            "worst": self.worst.outcome.name,
            "seed": SEED,
        }

    def write(self, folder: RunFolder) -> None:
        """The JSON file."""
        write_json(folder.stress(self.split), self.to_dict())


@dataclass(frozen=True)
class Part:
    """One of several calls that share the conditions."""

    number: int = 1
    total: int = 1

    @classmethod
    def read(cls, words: str) -> Part:
        """A part by its words, "2/8". Raises UserError for anything else."""
        found = re.fullmatch(r"(\d+)/(\d+)", words)
        number, total = map(int, found.groups()) if found else (0, 0)
        if not 1 <= number <= total:
            raise UserError(f"--part {words}: as 2/8, the second of eight")
        return cls(number, total)

    def of(self, jobs: Sequence[Any]) -> Sequence[Any]:
        """Its share of the conditions."""
        return jobs[self.number - 1 :: self.total]


def stress(
    folder: str | Path,
    split: str = "test",
    data_dir: str = "",
    noise_folder: str = "",
    names: Sequence[str] = (),
    part: Part | None = None,
    progress: Progress = lambda name, done, total: None,
) -> Stress | None:
    """Score a finished run on a split under distortions.

    Args:
        folder: of the run, or of a seed whose folds are then one test set.
        split: "val" | "test".
        data_dir: where the corpora are now, if not where they were.
        noise_folder: recordings of noise, for a distortion more.
        names: of the distortions, by default all.
        part: answer a share of the conditions, and return None.
        progress: called with a condition, the number of those that are done, and of all.

    Raises UserError as `scoring.evaluate` does, for unknown distortions, a folder without
    recordings, and a run of pre-training.
    """
    families = distortions.chosen(distortions.families(noise_folder), names)
    conditions = Conditions.of_run(folder, split, data_dir)
    jobs = [(own, *job) for own in conditions.parts for job in _jobs(families)]
    mine = part.of(jobs) if part else jobs
    for done, (own, family, level) in enumerate(mine):
        progress(family.label(level) if family else PLAIN, done, len(mine))
        _answer(own, _Store(own.run, split, noise_folder), family, level)
    if part:
        return None
    conditions.join()
    points = [
        Point(family.name, level, family.unit, conditions.outcome(family.label(level), PLAIN))
        for family, level in _jobs(families)
        if family
    ]
    plain = conditions.outcome(PLAIN, PLAIN)
    facts = (conditions.metric, conditions.unit, conditions.caution)
    return Stress(str(folder), split, *facts, plain, points, conditions.is_higher_better)


def _jobs(families: Sequence[Family]) -> Iterator[tuple[Family | None, float]]:
    """Conditions in their order; the first is of the clips as they are."""
    yield None, 0.0
    for family in families:
        yield from ((family, level) for level in family.levels)


def _answer(conditions: Conditions, store: _Store, family: Family | None, level: float) -> None:
    """Answers under a condition, read if they are kept, else computed and kept."""
    name = family.label(level) if family else PLAIN
    known = store.read(name)
    if known is None:
        perturb = distortions.perturbation(family, level, conditions.data.heard) if family else None
        store.write(name, conditions.answer(name, perturb))
    else:
        conditions.answered[name] = known


class _Store:
    """Answers of conditions as files of a run; those of other weights or rows are not read."""

    def __init__(self, run: RunFolder, split: str, noise_folder: str):
        self.folder = run.stress(split).parent / f"{split}_answers"
        made = run.results.read_bytes() + run.split.read_bytes() + noise_folder.encode()
        self.key = hashlib.sha256(made).hexdigest()[:16]

    def _path(self, name: str) -> Path:
        return self.folder / (re.sub(r"[^\w.-]+", "_", name) + f".{self.key}.npz")

    def read(self, name: str) -> Answered | None:
        """The answers that are kept, if any."""
        try:
            with np.load(self._path(name), allow_pickle=False) as kept:
                return Answered(kept["places"], kept["outputs"], kept["truth"])
        except (OSError, ValueError, KeyError):
            return None

    def write(self, name: str, answered: Answered) -> None:
        """Keep answers, whole or not at all."""
        packed = io.BytesIO()
        np.savez(packed, **answered._asdict())
        with writing(self._path(name)):
            write_whole(self._path(name), packed.getvalue())
