"""Texts that a run writes about sounds, ranked by their log probabilities.

Shapes: B batch, R texts, C word pieces.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from torch import Tensor

from ..models.generation import Search, packed
from ..models.model import Model, Output
from ..tasks.decoding import decoded


def reader(model: Model, task: Any, tokenizer: Any, top: int) -> Callable[[Output], Tensor]:
    """The function that writes about a batch: outputs -> (B, R, 1 + C), as `packed`.

    Args:
        task: CaptionConfig of the run.
        top: texts of a clip, at most as many as the run has beams.
    """
    texts = min(top, task.beams)
    options = (task.beams, task.max_length, task.length_penalty, task.no_repeat_ngram, texts)
    return partial(packed, model, Search(*options), tokenizer)


def ranked(row: Sequence[Sequence[float]], tokenizer: Any) -> tuple[tuple[str, float], ...]:
    """Texts and log probabilities of a clip, from its (R, 1 + C), the likeliest first."""
    texts = decoded(tokenizer, [[int(number) for number in ids] for _, *ids in row])
    return tuple(sorted(zip(texts, (log for log, *_ in row)), key=lambda pair: -pair[1]))
