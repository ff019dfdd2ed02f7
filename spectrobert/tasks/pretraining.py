"""Pre-training: a weighted sum of objectives (thesis 2.3; others in models/objectives).

Shapes: B batch, N audio tokens, R rows of a set, S sums of a row.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ..config import PretrainingConfig
from ..config.objectives import need
from ..errors import UserError
from ..metrics import Statistic
from ..models.batch import Batch
from ..models.model import Output, TokenGrid
from ..models.objectives import masking
from ..models.objectives.alignment import aligned
from ..models.objectives.base import Objective
from .base import Array, Statistics, Task


class Pretraining(Task):
    """Loss: 0.5 MLM + 0.5 SAP (thesis 2.3.4), or what `task.objectives` weighs."""

    options = PretrainingConfig
    head: ClassVar[str] = "pretraining"
    config: PretrainingConfig

    @staticmethod
    def num_logits(labels: tuple[str, ...]) -> int:
        return 0

    @property
    def objectives(self) -> dict[str, Objective]:
        """The model's objectives by name, in the order of their weights."""
        known: Any = self.model.head.objectives
        return {name: known[name] for name in self.config.objectives}

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        return self.drawn(batch)

    def drawn(self, batch: Batch) -> Batch:
        """The batch with all that its rows draw: masked audio tokens and what objectives add."""
        if "draw" not in batch or "masked" in batch:
            return batch
        tokens = self.model.count_tokens(batch["num_samples"]).tolist()
        frames = batch["num_frames"].tolist() if "num_frames" in batch else [0] * len(tokens)
        rows = [self._draw(*row) for row in zip(batch["draw"].tolist(), tokens, frames)]
        fields: dict[str, Any] = {
            name: pad_sequence([torch.from_numpy(row[name]) for row in rows], batch_first=True)
            for name in rows[0]
        }
        if need(self.config.objectives, "units"):
            fields["units"] = self._aligned(batch["units"], max(tokens))
        return cast(Batch, batch | fields)

    def _aligned(self, units: Tensor, tokens: int) -> Tensor:
        """Units of clips (B, U) by audio token: (B, N)."""
        known: Any = self.model.config.objectives
        one = known[need(known, "units")[0]]  # all predict the units of one folder
        times = TokenGrid(one["first"], one["step"])
        return aligned(units, times, self.model.token_grid, tokens)

    def _draw(self, number: int, tokens: int, frames: int) -> dict[str, np.ndarray]:
        """All that a row of so many audio tokens and frames draws, beginning from its number."""
        config, generator = self.config, np.random.default_rng(number)
        masked = self._masked(tokens, generator)
        drawn = {"masked": masked} | self.model.draw(generator, masked, frames)
        if config.mask_swapped or config.mask_kept:
            swapped, kept = config.mask_swapped, config.mask_kept
            drawn["shown"] = masking.shown(masked, swapped, kept, generator)
        for objective in self.objectives.values():
            drawn |= objective.draw(generator, drawn["masked"])
        return drawn

    def _masked(self, tokens: int, generator: np.random.Generator) -> np.ndarray:
        """(tokens,) True at masked audio tokens."""
        grid, config = self.model.token_grid, self.config
        share = config.mask_share or max(o.mask_share for o in self.objectives.values())
        length = max(1, round(config.mask_seconds / grid.step))
        columns = tokens // grid.rows
        if not config.mask_longest:
            return masking.spans(columns, share, length, generator).repeat(grid.rows)
        lengths = (length, max(length, round(config.mask_longest / grid.step)))
        return masking.separate_spans(columns, share, lengths, generator).repeat(grid.rows)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        for objective in self.objectives.values():
            objective.at_step(self.global_step)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["units"] = self._fingerprint()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Raises UserError also if the units are not those that the run began with."""
        if checkpoint.get("units", "") != self._fingerprint():
            raise UserError(
                f"the units in task.units={self.config.units} are not those that this run was begun"
                " with"
            )
        super().on_load_checkpoint(checkpoint)

    def _fingerprint(self) -> str:
        """The name of the units that are predicted; "" without any."""
        known: Any = self.model.config.objectives
        return "".join({known[name]["fingerprint"] for name in need(known, "units")})

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        own = {name: o.losses(output, batch) for name, o in self.objectives.items()}
        weights = self.config.objectives
        total = sum(weights[name] * losses["loss"] for name, losses in own.items())
        named = {f"{n}_{key}": value for n, losses in own.items() for key, value in losses.items()}
        return {"loss": torch.as_tensor(total), **named}

    def rows(self, output: Output, batch: Batch) -> tuple[Tensor, Tensor]:
        """(B, S): the sums of each objective after those of the one before."""
        sums = [objective.rows(output, batch) for objective in self.objectives.values()]
        truth = batch["matched"] if "matched" in batch else torch.zeros_like(batch["index"])
        return torch.cat(sums, dim=-1), truth

    def _columns(self, outputs: Array) -> Iterator[tuple[str, Objective, Array]]:
        """Each objective with its own columns of (R, S)."""
        first = 0
        for name, objective in self.objectives.items():
            yield name, objective, outputs[:, first : first + objective.columns]
            first += objective.columns

    def statistics(
        self, outputs: Array, truth: Array, questions: Array | None = None
    ) -> Statistics:
        own: Statistics = {}
        for _, objective, columns in self._columns(outputs):
            own |= objective.statistics(columns, truth)
        weighed = [(w, own[f"{name}_loss"]) for name, w in self.config.objectives.items()]
        loss = Statistic(
            lambda weights: sum(weight * one.of(weights) for weight, one in weighed),
            len(outputs),
            " + ".join(f"{weight} {name}_loss" for name, weight in self.config.objectives.items()),
        )
        losses_first = sorted(own, key=lambda name: not name.endswith("_loss"))
        return {"loss": loss} | {name: own[name] for name in losses_first}

    def predictions(self, outputs: Array, truth: Array) -> tuple[tuple[str, ...], list[list[Any]]]:
        own = {name: o.predictions(columns, truth) for name, o, columns in self._columns(outputs)}
        if "sap" in own:
            return own["sap"]
        header = tuple(name for names, _ in own.values() for name in names)
        together = zip(*(rows for _, rows in own.values()))
        return header, [[cell for cells in row for cell in cells] for row in together]
