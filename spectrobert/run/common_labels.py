"""Classes, or targets, that a run and another corpus have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..data import synonyms
from ..errors import UserError, unknown


@dataclass(frozen=True)
class CommonLabels:
    """The labels by which a run is scored on another corpus. Names are the run's."""

    trained_on: str  # corpus of the run
    corpus: str
    names: tuple[str, ...]  # in the order of the run's logits
    masked: tuple[str, ...] = ()  # labels of the run that the corpus lacks: no decision for them
    left_out: Mapping[str, int] = field(default_factory=dict)  # label the run lacks -> its rows
    map: Mapping[str, str] = field(default_factory=dict)  # name in the corpus -> in the run

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def facts(self) -> dict[str, str]:
        """Name of a fact -> in words, of those that apply."""
        renamed = (f"{name} is {meant}" for name, meant in self.map.items())
        left_out = (f"{name} {rows or ''}".strip() for name, rows in self.left_out.items())
        lines = {
            "trained on": self.trained_on,
            "common to both": ", ".join(self.names),
            "renamed": ", ".join(renamed),
            "masked, as the corpus lacks them": ", ".join(self.masked),
            "left out, as the run lacks them": ", ".join(left_out),
            "hint": self.hint,
        }
        return {name: words for name, words in lines.items() if words}

    @property
    def hint(self) -> str:
        """The option that would join labels of like names; "" if there are none."""
        return synonyms.line(synonyms.hints(self.left_out, self.masked))


def match(
    trained_on: str,
    run: Sequence[str],
    corpus: str,
    counts: Mapping[str, int],
    renamed: Mapping[str, str],
    least: int,
) -> CommonLabels:
    """Labels of equal names.

    Args:
        run: labels of the run, in the order of its logits.
        counts: labels of the corpus, renamed, and their rows.
        renamed: name in the corpus -> in the run, as `labels.map` has it.
        least: labels that must be common.

    Raises UserError if a label is renamed to none of the run's, or too few are common.
    """
    for meant in renamed.values():
        if meant not in run:
            raise unknown("class of the run in labels.map:", meant, run)
    found = CommonLabels(
        trained_on,
        corpus,
        tuple(name for name in run if name in counts),
        tuple(name for name in run if name not in counts),
        {name: rows for name, rows in counts.items() if name not in run},
        dict(renamed),
    )
    number = len(found.names)
    if number < least:
        hint = f"; {found.hint}" if found.hint else ""
        raise UserError(
            f"the run ({trained_on}) and {corpus} have {number} label{'s' * (number != 1)} in"
            f" common, {least} needed; the run has {', '.join(run)}; {corpus} has"
            f" {', '.join(counts)}{hint}"
        )
    return found
