"""Texts about recordings, and free-form answers (thesis 2.4.5, future work).

Shapes: B batch, C word pieces of a caption, N rows of a set, S columns of outputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from ..config import CaptionConfig
from ..errors import require_extra
from ..metrics import Statistic, captions
from ..metrics.statistic import ratio
from ..models.batch import IGNORED, Batch
from ..models.generation import Search, packed, piece_losses
from ..models.model import Output
from .base import Array, Statistics, Task
from .decoding import decoded

SUMS = 3  # columns of a row before its text: loss, right pieces, pieces


@dataclass(frozen=True)
class References:
    """The captions of a split, as they are compared, and the clip of each row."""

    texts: Sequence[str]  # (N,)
    clips: Array  # (N,) numbers, equal for the same recording and question

    @cached_property
    def of_clip(self) -> dict[int, tuple[str, ...]]:
        """Clip -> its different captions, in the order of the rows."""
        found: dict[int, dict[str, None]] = {}
        for clip, text in zip(self.clips.tolist(), self.texts):
            found.setdefault(clip, {})[captions.words(text)] = None
        return {clip: tuple(texts) for clip, texts in found.items()}


@dataclass(frozen=True)
class Writing:
    """Tools that a task writes with, and texts to compare with."""

    tokenizer: PreTrainedTokenizerBase
    references: Mapping[str, References] = field(default_factory=dict)  # by split


class Captioning(Task):
    """Cross entropy of the next word piece; texts by beam search.

    A row's outputs are the sums of its pieces: loss, right ones, all. In a test the text follows
    that was written: its log probability, and its word pieces.

    Args:
        writing: the tokenizer, and the references of splits that are scored. Others as of Task.

    Raises UserError if aac-metrics is missing, or `task.monitor` names what is not measured.
    """

    options = CaptionConfig
    head: ClassVar[str] = "generation"
    config: CaptionConfig

    def __init__(self, *arguments: Any, writing: Writing, **more: Any):
        require_extra("caption", "--task caption")
        super().__init__(*arguments, **more)
        self.writing = writing
        known = [*self._of_pieces(np.ones((1, SUMS)))]
        if self.config.write_in_validation:
            known += [*captions.MEANINGS, *(f"bleu_{n}" for n in range(1, captions.ORDERS + 1))]
        self.require_monitor(f"val/{name}" for name in known)

    @staticmethod
    def num_logits(labels: tuple[str, ...]) -> int:
        return 0

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        caption = batch["caption"]
        each = piece_losses(self.logits(output), caption, self.config.label_smoothing)
        is_piece = caption[:, 1:] != IGNORED
        right = self._right(output, batch)[is_piece].float()
        return {"loss": each.sum() / is_piece.sum(), "piece_accuracy": right.mean()}

    def _right(self, output: Output, batch: Batch) -> Tensor:
        """(B, C - 1) True at pieces that have the highest score."""
        return self.logits(output).detach().argmax(dim=-1) == batch["caption"][:, 1:]

    def rows(self, output: Output, batch: Batch) -> tuple[Tensor, Tensor]:
        caption = batch["caption"]
        losses = piece_losses(self.logits(output), caption).sum(dim=1)
        right, all_pieces = self._right(output, batch), caption[:, 1:] != IGNORED
        sums = torch.stack([losses, right.sum(dim=1), all_pieces.sum(dim=1)], dim=1)
        return sums, torch.zeros_like(batch["index"])

    def written(self, output: Output, batch: Batch) -> tuple[Tensor, Tensor]:
        """`rows`, and the text of each row; rows of one clip share theirs."""
        sums, truth = self.rows(output, batch)
        clips = self.writing.references[self.split].clips[batch["index"].cpu().numpy()]
        _, first, member = captions.clips_of(clips)
        texts = self.write(output, first.tolist())
        return torch.cat([sums, texts[torch.from_numpy(member).to(texts.device)]], dim=1), truth

    def write(self, output: Output, rows: Sequence[int]) -> Tensor:
        """Log probability and word pieces of the texts of some rows of a batch."""
        config, at = self.config, list(rows)
        search = Search(
            config.beams, config.max_length, config.length_penalty, config.no_repeat_ngram
        )
        chosen = replace(output, hidden=output.hidden[at], mask=output.mask[at])
        return packed(self.model, search, self.writing.tokenizer, chosen)[:, 0].float()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        if "index" in batch:
            rows = self.written if self.config.write_in_validation else self.rows
            self.val_rows.update(batch["index"], *rows(self(batch), batch))

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        if "index" in batch:
            self.test_rows.update(batch["index"], *self.written(self(batch), batch))

    def statistics(
        self, outputs: Array, truth: Array, questions: Array | None = None
    ) -> Statistics:
        return self._of_pieces(outputs)

    def split_statistics(
        self,
        split: str,
        index: Array,
        outputs: Array,
        truth: Array,
        questions: Array | None = None,
    ) -> Statistics:
        own = self._of_pieces(outputs)
        if outputs.shape[1] == SUMS:
            return own
        clips = self.writing.references[split].clips[index]
        return captions.captions(*self._compared(split, index, outputs), clips) | own

    def _of_pieces(self, outputs: Array) -> Statistics:
        """Loss, perplexity and accuracy of the captions' word pieces."""
        loss, right, pieces = outputs[:, :SUMS].T.astype(np.float64)

        def mean(of: Array, weights: Array) -> float:
            return ratio(float(of @ weights), float(pieces @ weights))

        n, taken = int(pieces.sum()), "of the captions' word pieces, each behind the true ones"
        return {
            "loss": Statistic(lambda w: mean(loss, w), n, f"mean cross entropy {taken}", "pieces"),
            "perplexity": Statistic(
                lambda w: float(np.exp(mean(loss, w))), n, "exponential of the loss", "pieces"
            ),
            "piece_accuracy": Statistic(
                lambda w: mean(right, w), n, f"share {taken}, that have the highest score", "pieces"
            ),
        }

    def texts(self, outputs: Array) -> list[str]:
        """The texts that were written for N rows."""
        return decoded(self.writing.tokenizer, outputs[:, SUMS + 1 :].astype(int).tolist())

    def split_predictions(
        self, split: str, index: Array, outputs: Array, truth: Array
    ) -> tuple[tuple[str, ...], list[list[Any]]]:
        known, written = self.writing.references[split], self.texts(outputs)
        compared, given = self._compared(split, index, outputs)
        _, first, member = captions.clips_of(known.clips[index])
        of_clips = captions.clip_scores([compared[i] for i in first], [given[i] for i in first])
        scores = {name: own[member] for name, own in of_clips._asdict().items() if own is not None}
        header = ("caption", "prediction", "log_probability", "loss", *scores, "references")
        rows = [
            [
                known.texts[row],
                written[i],
                f"{outputs[i, SUMS]:.6f}",
                f"{outputs[i, 0] / outputs[i, SUMS - 1]:.6f}",
                *(f"{own[i]:.6f}" for own in scores.values()),
                " | ".join(given[i]),
            ]
            for i, row in enumerate(index.tolist())
        ]
        return header, rows

    def _compared(
        self, split: str, index: Array, outputs: Array
    ) -> tuple[list[str], list[tuple[str, ...]]]:
        """Texts written for N rows of a split, and their references, as they are compared."""
        known = self.writing.references[split]
        texts = [captions.words(text) for text in self.texts(outputs)]
        return texts, [known.of_clip[clip] for clip in known.clips[index].tolist()]
