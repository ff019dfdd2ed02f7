"""The words that belong to a sound file of the user's, as the model of a run reads them.

Shapes: L word pieces, K words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..config import AqaConfig, CaptionConfig, Config
from ..errors import UserError

if TYPE_CHECKING:
    from ..corpora.example import Word


class Asked(NamedTuple):
    """A sound file, and the words and the film that belong to it."""

    audio: str
    question: str = ""  # needed by the AQA tasks, a prompt of `caption`, refused by the others
    text: str = ""  # what is said or described; optional, refused by `caption`
    # Words and their times, for models that read them: a cell as corpora/word_times.py spells it
    words: str = ""
    video: str = ""  # of the same length, for runs whose model sees; optional


class ReadWords(NamedTuple):
    """A text as word pieces."""

    ids: np.ndarray  # (L,)
    text: str = ""
    letters: np.ndarray | None = None  # (L, 2) of word_spans.offsets; None: no times are read
    words: tuple[Word, ...] | None = None  # None: in proportion to their letters

    def times(self, first: float, seconds: float) -> dict[str, np.ndarray]:
        """Times of pieces (L, 2) and words (K, 2) as a batch has them; none of most models.

        Args:
            first: second of the file that is heard first.
            seconds: of the file.
        """
        if self.letters is None:
            return {}
        from ..corpora.word_times import proportional
        from ..data import word_spans

        words = proportional(self.text, seconds) if self.words is None else self.words
        return word_spans.times(self.text, words, self.letters, first)


def read_words(
    folder: str, config: Config, tokenizer: Any, asked: Asked, aligns: bool
) -> ReadWords:
    """The question, or the text.

    Args:
        folder: of the run, or its exported file, for messages.
        aligns: the model needs the times of words.

    Raises UserError for a missing or superfluous question, a text that is too long, and times of
    words that are missing, superfluous, or not those of the text.
    """
    text = "" if config.dataset.omit_text else asked.question or asked.text
    name, is_aqa = config.task.name, isinstance(config.task, AqaConfig)
    if is_aqa and not asked.question:
        raise UserError(f"{folder} answers questions ({name}): give --question")
    writes = isinstance(config.task, CaptionConfig)
    if asked.text and writes:
        raise UserError(
            f"{folder} is a {name} run and takes no --text: it writes one; a prompt is given by"
            " --question"
        )
    if asked.question and not is_aqa and not writes:
        raise UserError(
            f"{folder} is a {name} run and takes no --question; give --text, or nothing"
        )
    if asked.words and not aligns:
        raise UserError(f"{folder} reads no times of words: leave out --words")
    words = _timed(folder, config, asked) if aligns else None
    if words and not text:
        text = " ".join(word.text for word in words)
    ids = np.asarray(tokenizer(text)["input_ids"], dtype=np.int64)
    if len(ids) > (limit := config.dataset.max_text_length):
        raise UserError(f"the text has {len(ids)} word pieces; this run reads {limit} at most")
    return _aligned(ids, text, words, tokenizer) if aligns else ReadWords(ids)


def _timed(folder: str, config: Config, asked: Asked) -> tuple[Word, ...] | None:
    """The words that are given with their times; None: in proportion, which the run allows."""
    from ..corpora import word_times
    from ..data.word_spans import PROPORTIONAL

    if asked.words:
        try:
            return word_times.parse(asked.words)
        except UserError as error:
            raise UserError(f"words of {asked.audio}: {error}") from None
    if config.dataset.word_times == PROPORTIONAL:
        return None
    if word_times.has_letters(asked.text):
        raise UserError(
            f"{folder} reads times of words: give predict --words, or a column words of --list"
        )
    return ()


def _aligned(
    ids: np.ndarray, text: str, words: tuple[Word, ...] | None, tokenizer: Any
) -> ReadWords:
    """Raises UserError for words that are not those of the text."""
    from ..corpora import word_times
    from ..data import word_spans

    if words is not None:
        try:
            word_times.owners(text, words)
        except UserError as error:
            raise UserError(f"--words: {error}") from None
    return ReadWords(ids, text, word_spans.offsets(tokenizer, text, len(ids)), words)
