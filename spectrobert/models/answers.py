"""Answers of a model: the probability of each label, or the value of each target.

Shapes: B batch, C labels.
"""

import torch
from torch import Tensor

from ..config import CaptionConfig, NumbersConfig, PretrainingConfig, TaskConfig
from ..config.tasks import AqaBinaryConfig, SerMultilabelConfig
from ..errors import UserError
from .model import Model, Output
from .objectives.sap import matches


def answers(task: TaskConfig, output: Output) -> Tensor:
    """(B, C) in the order of `answer_names`; probabilities in float64.

    Raises UserError for a run of pre-training that answers nothing about a clip.
    """
    if isinstance(task, PretrainingConfig):
        require_answers(task)
        match = matches(output)
        return torch.stack([match, -match], dim=-1).double().sigmoid()
    assert output.logits is not None
    if isinstance(task, SerMultilabelConfig):
        return output.logits.double().sigmoid()
    if isinstance(task, NumbersConfig):
        return output.logits
    return class_logits(task, output.logits).double().softmax(dim=-1)


def class_logits(task: TaskConfig, logits: Tensor) -> Tensor:
    """(B, C) logits whose softmax is the probability of each class, of a head's (B, num_logits)."""
    if not isinstance(task, AqaBinaryConfig):
        return logits
    yes = logits.squeeze(-1)  # the log odds of "yes"
    return torch.stack([torch.zeros_like(yes), yes], dim=-1)  # softmax of (0, z) is sigmoid(z)


def answer_names(task: TaskConfig, model: Model) -> tuple[str, ...]:
    """The labels or targets that a model answers with. Raises UserError as `answers` does."""
    if isinstance(task, PretrainingConfig):
        require_answers(task)
        return "match", "mismatch"
    refuse_texts(task)
    return label_names(model)


def label_names(model: Model) -> tuple[str, ...]:
    """The labels of a saved model, in the order of its logits."""
    return tuple(label for _, label in sorted(model.config.id2label.items()))


def refuse_texts(task: TaskConfig) -> None:
    """Raise UserError for a run that writes texts, and has neither labels nor targets."""
    if isinstance(task, CaptionConfig):
        raise UserError(f"a {task.name} run writes texts: it has neither labels nor targets")


def require_answers(config: PretrainingConfig) -> None:
    """Raise UserError for a run that answers nothing about a clip."""
    if "sap" not in config.objectives:
        names = ", ".join(config.objectives)
        raise UserError(f"task.objectives={names}: only a run with sap answers, match or mismatch")
