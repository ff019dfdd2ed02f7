"""SpeechLM's text side (Zhang et al. 2022): units become letters, and stand in for frames.

Shapes: B batch, N units or frames, D width, L letters, K units of the vocabulary.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..batch import Batch
from ..model import AudioSizes, Output
from . import masking
from .base import Cells, Objective, Statistics, per_unit
from .counting import average

LETTERS = 28  # data/letters.py; CTC has a blank besides
MASKED_SHARE, MASKED_UNITS = 0.8, 10  # of units: share in spans, length of a span
SWAPPED_SHARE, SWAPPED_FRAMES = 0.4, 5  # of frames, among those that are not masked
DROPOUT = 0.1


class Spelling(NamedTuple):
    """Letters of clips as CTC predicts them."""

    log_probs: Tensor  # (B, N + 1, LETTERS + 1)
    lengths: Tensor  # (B,) predictions of each clip
    letters: Tensor  # (B, L), 0 beyond the text
    num_letters: Tensor  # (B,)

    @property
    def cost(self) -> Tensor:
        """(B,) negative log probability of each text; 0 of one without letters."""
        cost = F.ctc_loss(
            self.log_probs.transpose(0, 1),
            self.letters,
            self.lengths,
            self.num_letters,
            reduction="none",
            zero_infinity=True,  # a text of more letters than there are units
        )
        return torch.where(self.num_letters > 0, cost, 0.0)


class UnitCtc(Objective):
    """Connectionist temporal classification of a text by the units of its clip, of which spans are
    masked; and random swap: frames between the two stacks become the embeddings of their units.

    The owners read units of unpaired text, which a model of theirs makes. None is public, so here a
    clip's own units stand for them: paired data, which is this project's reading.

    Args:
        options: `num_units`, K.
    """

    name: ClassVar[str] = "unit_ctc"
    unit: ClassVar[str] = "letters"
    mask_share: ClassVar[float] = MASKED_SHARE

    def __init__(self, options: Mapping[str, Any], sizes: AudioSizes | None):
        super().__init__(options, sizes)
        assert sizes is not None
        width = sizes.inputs
        self.units = nn.Embedding(options["num_units"], width)
        self.conv = nn.Conv1d(width, width, 2, padding=1, bias=False)
        self.norm = nn.LayerNorm(width)
        self.spell = nn.Linear(width, 1 + LETTERS)
        self.dropout = nn.Dropout(DROPOUT)

    def draw(self, generator: np.random.Generator, masked: np.ndarray) -> dict[str, np.ndarray]:
        """Masked units, and frames that are swapped for units, of a clip."""
        spans = masking.spans(len(masked), SWAPPED_SHARE, SWAPPED_FRAMES, generator)
        return {
            "swapped": spans & ~masked,
            "unit_mask": masking.spans(len(masked), MASKED_SHARE, MASKED_UNITS, generator),
        }

    def embed(self, batch: Batch, masked_token: Tensor) -> Tensor:
        """Units (B, N) of the batch, masked ones replaced: (B, N, D)."""
        units = self.units(batch["units"].clamp(min=0))
        return torch.where(batch["unit_mask"][..., None], masked_token.to(units.dtype), units)

    def swap(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Frames (B, N, D), some of which become the embeddings of their units."""
        if "swapped" not in batch:
            return hidden
        units = self.units(batch["units"].clamp(min=0)).to(hidden.dtype)
        return torch.where(batch["swapped"][..., None], units, hidden)

    def spelling(self, output: Output, batch: Batch) -> Spelling:
        """Letters by the states of units behind the shared stack."""
        states = output.units
        assert states is not None
        hidden = states.hidden.masked_fill(~states.mask[..., None], 0.0)  # (B, N, D)
        hidden = self.conv(hidden.transpose(1, 2)).transpose(1, 2)  # (B, N + 1, D)
        hidden = F.gelu(self.norm(self.dropout(hidden)))
        letters = batch["letters"]
        return Spelling(
            self.spell(hidden).float().log_softmax(dim=-1),
            states.mask.sum(dim=1) + 1,
            letters,
            (letters > 0).sum(dim=1),
        )

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        """Cost per letter."""
        spelling = self.spelling(output, batch)
        letters = average(spelling.num_letters.sum().float())
        return {"loss": spelling.cost.sum() / letters.clamp(min=1.0)}

    def rows(self, output: Output, batch: Batch) -> Tensor:
        """(B, 3): cost of each text, errors in its letters, its letters."""
        spelling = self.spelling(output, batch)
        errors = torch.tensor(
            [float(number) for number in map(_errors, *_sequences(spelling))],
            device=spelling.cost.device,
        )
        return torch.stack([spelling.cost, errors, spelling.num_letters.float()], dim=1)

    def statistics(self, rows: np.ndarray, truth: np.ndarray) -> Statistics:
        of = self.unit
        cost, errors, number = np.asarray(rows, dtype=np.float64).T
        meaning = "errors of the likeliest path per letter: wrong, missing and surplus ones"
        return {
            f"{self.name}_loss": per_unit(cost, number, "negative log probability per letter", of),
            f"{self.name}_error_rate": per_unit(errors, number, meaning, of),
        }

    def predictions(self, rows: np.ndarray, truth: np.ndarray) -> Cells:
        means = rows[:, :2] / np.maximum(1.0, rows[:, 2:])
        header = (f"{self.name}_loss", f"{self.name}_error_rate")
        return header, [[f"{value:.6f}" for value in row] for row in means.tolist()]


def _sequences(spelling: Spelling) -> tuple[list[list[int]], list[list[int]]]:
    """Letters of the likeliest path of each clip, and those of its text."""
    paths = spelling.log_probs.argmax(dim=-1)
    read = [path[:n].unique_consecutive() for path, n in zip(paths, spelling.lengths.tolist())]
    texts = zip(spelling.letters, spelling.num_letters.tolist())
    return [path[path > 0].tolist() for path in read], [text[:n].tolist() for text, n in texts]


def _errors(read: list[int], text: list[int]) -> int:
    """Levenshtein's distance; 0 from a text without letters."""
    if not text:
        return 0
    costs = list(range(len(text) + 1))  # of each beginning of the text, so far
    for number, letter in enumerate(read, start=1):
        before, costs = costs, [number]
        for place, wanted in enumerate(text):
            changed = before[place] + (letter != wanted)
            costs.append(min(changed, before[place + 1] + 1, costs[place] + 1))
    return costs[-1]
