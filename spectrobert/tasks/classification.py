"""Tasks with one right label: AQA, any classes, emotion, sentiment (thesis 2.4)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..config.tasks import (
    AqaBinaryConfig,
    AqaOpenConfig,
    ClassesConfig,
    ClassificationConfig,
    ClassLossConfig,
    SentimentConfig,
    SerConfig,
)
from ..errors import UserError
from ..metrics import by_question, by_votes, classification, one_against_rest, ranks
from ..models.answers import class_logits
from ..models.batch import Batch
from ..models.model import Output
from . import distributions, losses
from .base import Array, Statistics, Task

FEW = 10  # classes whose probabilities are all written to predictions.csv


class Classification(Task):
    """Softmax over the labels.

    Args:
        votes: split -> (n, C) annotators who chose each class, of all its rows; of splits that have
            any. Others as of Task.
    """

    head: ClassVar[str] = "classification"
    top_k: ClassVar[tuple[int, ...]] = ()
    config: ClassLossConfig

    def __init__(self, *arguments: Any, votes: Mapping[str, Array] | None = None, **more: Any):
        super().__init__(*arguments, **more)
        self.votes = dict(votes or {})
        if self._contrastive and not getattr(self.model.config, "embedding_size", 0):
            raise UserError(
                f"task.contrastive={self._contrastive} needs an embedding: a composite model= with"
                " model.embedding_size=128 or the like"
            )
        self._require_teacher()
        one_row = self._of_one_row()
        self.require_monitor(f"val/{name}" for name in one_row)  # not after an epoch

    def _of_one_row(self) -> Statistics:
        """The metrics that validation measures."""
        logits, truth = np.zeros((1, len(self.labels))), np.zeros(1, dtype=int)
        voted = by_votes(logits, truth, np.ones_like(logits)) if "val" in self.votes else {}
        return self.statistics(logits, truth) | voted

    def class_logits(self, output: Output) -> Tensor:
        """(B, C) logits whose softmax is the probability of each label."""
        return class_logits(self.config, self.logits(output))

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        loss = self._class_loss(output, batch)
        named = {"loss": loss, "accuracy": self._accuracy(output, batch)}
        weight = self._contrastive
        if not weight:
            return named
        assert isinstance(self.config, ClassesConfig)
        assert output.embedding is not None
        apart = losses.supervised_contrastive(
            output.embedding, batch["label"], self.config.temperature
        )
        return named | {"loss": (1 - weight) * loss + weight * apart, "contrastive": apart}

    def _class_loss(self, output: Output, batch: Batch) -> Tensor:
        """Cross entropy against the labels, or the distributions that options and mixing make."""
        if self._is_plain(batch):
            return self._label_loss(output, batch)
        logits, options = self.class_logits(output), self.config
        targets = distributions.of_classes(batch, logits.shape[1], options.label_smoothing)
        return losses.distributions(logits, targets, self.class_weights, options.focal_gamma)

    def _label_loss(self, output: Output, batch: Batch) -> Tensor:
        """The loss of labels that are neither smoothed nor mixed."""
        return losses.classes(self.class_logits(output), batch["label"], self.class_weights)

    def _is_plain(self, batch: Batch) -> bool:
        options = self.config
        is_changed = options.label_smoothing or options.focal_gamma
        return not (is_changed or "mix_with" in batch or "votes" in batch)

    def _require_teacher(self) -> None:
        """Raise UserError if nothing teaches the head."""
        options = self.model.config
        learns = getattr(options, "classifier", "linear") == "linear"
        if self._contrastive == 1 and learns:
            raise UserError(
                "task.contrastive=1 leaves no loss to a linear head: choose less, or"
                " model.classifier=class_means"
            )

    @property
    def _contrastive(self) -> float:
        return self.config.contrastive if isinstance(self.config, ClassesConfig) else 0.0

    def rows(self, output: Output, batch: Batch) -> tuple[Tensor, Tensor]:
        return self.class_logits(output)[:, self.outputs], batch["label"]

    def split_statistics(
        self,
        split: str,
        index: Array,
        outputs: Array,
        truth: Array,
        questions: Array | None = None,
    ) -> Statistics:
        own = self.statistics(outputs, truth, questions)
        votes = self.votes.get(split)
        return own if votes is None else own | by_votes(outputs, truth, votes[index])

    def statistics(
        self, outputs: Array, truth: Array, questions: Array | None = None
    ) -> Statistics:
        return classification(outputs, truth, self.labels, self.top_k)

    def predictions(self, outputs: Array, truth: Array) -> tuple[tuple[str, ...], list[list[Any]]]:
        names = [*self.labels, *self.unseen]
        probabilities = torch.from_numpy(outputs).double().softmax(dim=-1).numpy()
        place = 1 + ranks(outputs, truth)  # of the logits: six digits of probabilities have ties
        predicted = outputs.argmax(axis=1)
        shown = range(len(self.labels)) if len(self.labels) <= FEW else ()
        header = ("label", "prediction", "rank", "p_prediction", *(f"p_{names[i]}" for i in shown))
        rows = [
            [names[t], names[p], r, f"{q[p]:.6f}", *(f"{q[i]:.6f}" for i in shown)]
            for t, p, r, q in zip(truth, predicted, place.tolist(), probabilities)
        ]
        return header, rows

    def _accuracy(self, output: Output, batch: Batch) -> Tensor:
        """Share of rows that are right, against the own label of a row that is mixed."""
        predicted = self.class_logits(output).detach().argmax(dim=-1)
        return (predicted == batch["label"]).float().mean()


class Classes(Classification):
    """Any classes, such as kinds of sound."""

    options = ClassificationConfig
    top_k = (2,)


class Ser(Classification):
    """Speech emotion recognition."""

    options = SerConfig
    top_k = (2,)

    def statistics(
        self, outputs: Array, truth: Array, questions: Array | None = None
    ) -> Statistics:
        own = super().statistics(outputs, truth)
        return own | one_against_rest(outputs, truth, self.labels)


class Sentiment(Classification):
    """Sentiment classes."""

    options = SentimentConfig


class Aqa(Classification):
    """Answers to questions, each of which several people may have answered (thesis 2.4.3)."""

    question_k: ClassVar[tuple[int, ...]] = ()  # also score the first k answers of a question

    def statistics(
        self, outputs: Array, truth: Array, questions: Array | None = None
    ) -> Statistics:
        own = super().statistics(outputs, truth)
        if questions is None:
            return own
        return by_question(outputs, truth, questions, self.question_k) | own


class AqaBinary(Aqa):
    """One logit: the log odds of "yes"."""

    options = AqaBinaryConfig

    @staticmethod
    def num_logits(labels: tuple[str, ...]) -> int:
        return 1

    def _label_loss(self, output: Output, batch: Batch) -> Tensor:
        return losses.binary(self.logits(output), batch["label"], self.class_weights)


class AqaOpen(Aqa):
    """One-word answers."""

    options = AqaOpenConfig
    top_k = (5, 10)
    question_k = (5,)
