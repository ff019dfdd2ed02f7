"""Times of words, of models that align words with the audio."""

from typing import Any, NamedTuple, Self

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
    known = _Known.of(prepared)
    if not known.clips:
        raise UserError(
            f"dataset {config.dataset.name!r} states no words, whose times {needed} needs"
        )
    if known.lacking and config.dataset.word_times != word_spans.PROPORTIONAL:
        raise UserError(
            f"{needed} needs times of words, which {len(known.lacking)} of {known.clips} clips of"
            f" {config.dataset.name!r} have not, the first: {known.lacking[0]}; {_source(config)}"
            " dataset.word_times=proportional is a stand-in"
        )


def summary(prepared: Prepared, settings: Any) -> str:
    """A line about the times of words that a model reads; "" if it reads none."""
    if not option(settings):
        return ""
    known = _Known.of(prepared)
    stated = f"stated for {known.clips - len(known.lacking)} of {known.clips} clips with words"
    rest = ", in proportion to their letters for the others" if known.lacking else ""
    return f"times of words: {stated}{rest}"


class _Known(NamedTuple):
    """Clips that have words, and those of them without times."""

    clips: int
    lacking: list[str]

    @classmethod
    def of(cls, prepared: Prepared) -> Self:
        clips, lacking = 0, []
        for rows in prepared.splits.values():
            table = columns(rows, "id", "text", "words")
            cells = (table[name].to_pylist() for name in table.column_names)
            for row_id, text, words in zip(*cells):
                has_words = bool(words) or word_times.has_letters(text)
                clips += has_words
                lacking += [row_id] if has_words and not words else []
        return cls(clips, lacking)


def _source(config: Config) -> str:
    """Sources of times of words in these corpora."""
    known = {name: corpora.corpus(name).words for name in config.dataset.parts}
    given = [f"in {name} they come from {words};" for name, words in known.items() if words]
    return " ".join(given) or "the corpus states none;"
