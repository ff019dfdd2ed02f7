"""Times of words, of models that align words with the audio."""

from collections.abc import Iterator
from typing import Any

from transformers import PreTrainedTokenizerBase

from .. import corpora
from ..config import AqaConfig, Config
from ..corpora import word_times
from ..data import word_spans
from ..data.clips import columns
from ..data.preparation import Prepared
from ..errors import UserError

# Effects of `augment` behind which words are elsewhere in a clip
MOVING = ("speed", "tempo", "shift", "crop_seconds")


def option(settings: Any) -> str:
    """The option of a model's configuration that needs times of words; "" if none does."""
    needed: str = getattr(settings, "needs_word_times", "")
    return needed


def require(
    config: Config, prepared: Prepared, settings: Any, tokenizer: PreTrainedTokenizerBase
) -> None:
    """Raise UserError if the model needs times of words that some clip has not, or that change."""
    needed = option(settings)
    if not needed:
        return
    word_spans.require_offsets(tokenizer)
    for name in MOVING:
        if value := getattr(config.augment, name):
            raise UserError(f"augment.{name}={value} moves words, whose times {needed} needs")
    if isinstance(config.task, AqaConfig):
        raise UserError(
            f"{needed} needs words that are said; task {config.task.name} asks questions"
        )
    if config.dataset.omit_text:
        raise UserError(f"dataset.omit_text=true leaves no words, whose times {needed} needs")
    if config.dataset.word_times == word_spans.PROPORTIONAL:
        return
    lacking = list(_lacking(prepared))
    if lacking:
        total = sum(len(rows) for rows in prepared.splits.values())
        raise UserError(
            f"{needed} needs times of words, which {len(lacking)} of {total} clips of"
            f" {config.dataset.name!r} have not, the first: {lacking[0]}; {_source(config)}"
            " dataset.word_times=proportional is a stand-in"
        )


def _lacking(prepared: Prepared) -> Iterator[str]:
    """Clips whose text has words, and no times of them."""
    for rows in prepared.splits.values():
        table = columns(rows, "id", "text", "words")
        cells = (table[name].to_pylist() for name in table.column_names)
        for row_id, text, words in zip(*cells):
            if not words and word_times.has_letters(text):
                yield row_id


def _source(config: Config) -> str:
    """Where times of words come from in these corpora."""
    known = {name: corpora.corpus(name).words for name in config.dataset.parts}
    given = [f"in {name} they come from {words};" for name, words in known.items() if words]
    return " ".join(given) or "the corpus states none;"
