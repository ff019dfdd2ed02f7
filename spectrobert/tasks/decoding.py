"""Texts from word pieces."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase


def decoded(tokenizer: PreTrainedTokenizerBase, ids: Sequence[Sequence[int]]) -> list[str]:
    """Texts from word pieces, without those that frame them."""
    return [text.strip() for text in tokenizer.batch_decode(ids, skip_special_tokens=True)]
