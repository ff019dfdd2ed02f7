"""The audit of a finished run: its score with sound or words taken away, and what that says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...files import write_json, write_table, writing
from ...tasks.classification import Classification
from ..conditions import PLAIN, Conditions, Outcome, Value
from ..folder import RunFolder
from ..found import Found
from .conflicts import Conflict, Conflicts, find
from .controls import NEITHER, SILENCED, WORDLESS, controls, neutral_text

SHARE = (
    "share lost: of what the model has above the best constant answer; 0 if the condition changes"
    " nothing, 1 if a constant answer does as well, above 1 if it misleads"
)


@dataclass(frozen=True)
class Audit(Found):
    """Needs of a run for sound and words, on a split."""

    neutral: str  # the neutral text; "" if there are no texts
    outcomes: list[Outcome]  # the first is of the rows as they are
    conflicts: Conflicts | None  # of classifiers that read texts

    def outcome(self, name: str) -> Outcome | None:
        """The outcome of a condition, if it was measured."""
        return next((one for one in self.outcomes if one.name == name), None)

    def share(self, name: str) -> Value | None:
        """The share of the score that a condition takes."""
        found = self.outcome(name)
        return found.lost if found else None

    def verdict(self) -> list[str]:
        """The findings, in sentences."""
        lines = [_need("sound", self.outcome(SILENCED)), _need("words", self.outcome(WORDLESS))]
        if self.conflicts is not None:
            lines.append(_conflict_line(self.conflicts))
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return self.head() | {
            "neutral_text": self.neutral,
            "conditions": [one.to_dict() for one in self.outcomes],
            "conflicts": self.conflicts and self.conflicts.to_dict(),
            "verdict": self.verdict(),
            "definition": SHARE,
        }

    def write(self, folder: RunFolder) -> None:
        """The JSON file, and a table of the conflicts if there are any."""
        if self.conflicts is not None:
            path = folder.audit_conflicts(self.split)
            with writing(path):
                write_table(path, Conflict._fields, self.conflicts.clips)
        write_json(folder.audit(self.split), self.to_dict())


def audit(folder: str | Path, split: str = "test", data_dir: str = "", neutral: str = "") -> Audit:
    """Score a finished run on a split with the sound or the words of each clip changed.

    Args:
        folder: of the run, or of a seed whose folds are then one test set.
        split: "val" | "test".
        data_dir: where the corpora are now, if not where they were.
        neutral: the neutral text, by default one of `controls.neutral_text`.

    Raises UserError as `scoring.evaluate` does, and for a run of pre-training.
    """
    conditions = Conditions.of_run(folder, split, data_dir)
    words = neutral or neutral_text(conditions.config.task)
    for part in conditions.parts:
        part.answer(PLAIN)
        settings = part.task.model.config
        for name, perturbation in controls(part.data.heard, words, settings).items():
            part.answer(name, perturbation)
    conditions.join()
    asked = list(conditions.answered)
    reads = WORDLESS in asked
    is_classifier = isinstance(conditions.task, Classification)
    return Audit(
        str(folder),
        split,
        conditions.metric,
        conditions.unit,
        conditions.caution,
        words if reads else "",
        [conditions.outcome(name, PLAIN) for name in asked],
        find(conditions) if NEITHER in asked and is_classifier else None,
    )


def _need(what: str, outcome: Outcome | None) -> str:
    """A sentence on the need of the sound, or of the words."""
    if outcome is None:
        return f"{what}: not measured: no row has any, or the model takes none"
    lost = outcome.lost
    if lost is None:
        return f"{what}: no share; the model is not above a constant answer beyond its interval"
    is_needed = lost.excludes(0) and lost.value > 0
    needs = "needed" if is_needed else "not needed" if lost.interval else "not known"
    return f"{what}: {needs}; share of the score that is lost without: {lost}"


def _conflict_line(conflicts: Conflicts) -> str:
    found = len(conflicts.clips)
    if not found:
        return f"conflicts: none in {conflicts.n} rows"
    return (
        f"conflicts: in {found} of {conflicts.n} rows sound alone and words alone are answered"
        f" otherwise; the model follows the sound in {conflicts.follows_sound}, the words in"
        f" {conflicts.follows_words}, and is right in {conflicts.right}"
    )
