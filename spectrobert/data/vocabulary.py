"""Tokenizers: a pre-trained one, or a WordPiece vocabulary trained on the corpus where none is asked for."""

from __future__ import annotations

from collections.abc import Iterable

from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


def train(texts: Iterable[str], size: int) -> PreTrainedTokenizerFast:
    """A lower-casing WordPiece tokenizer of at most `size` pieces, with BERT's special tokens; [PAD] is 0."""
    from tokenizers import BertWordPieceTokenizer

    tokenizer = BertWordPieceTokenizer(lowercase=True)
    tokenizer.train_from_iterator(
        texts,
        vocab_size=size,
        min_frequency=1,
        special_tokens=list(SPECIAL.values()),
        show_progress=False,
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer._tokenizer, **SPECIAL)


def load(folder: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a model folder or a Hub name."""
    return AutoTokenizer.from_pretrained(folder)
