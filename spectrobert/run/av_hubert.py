"""Weights of an AV-HuBERT: random ones, as no published checkpoint is read."""

from collections.abc import Iterable
from typing import Any

from transformers import PreTrainedTokenizerBase

from ..config import Config
from ..data import vocabulary
from ..errors import UserError
from ..models.av_hubert import AvHubert

SOURCES = ("speech_model", "text_model", "audio_encoder")


def names(config: Config) -> dict[str, str]:
    """No source. Raises UserError if the run names one."""
    for name in SOURCES:
        if value := getattr(config.init, name):
            raise UserError(
                f"init.{name}={value}: AV-HuBERT and VATLM start from random weights, or from a run"
                " of this software: init.checkpoint"
            )
    return {}


def tokenizer(config: Config, texts: Iterable[str]) -> PreTrainedTokenizerBase:
    """Word pieces of `texts`, which the model does not read."""
    names(config)
    options = config.dataset
    return vocabulary.train(texts, options.vocabulary, options.lowercase, options.strip_accents)


def fields(config: Config, vocab_size: int, pad_token_id: int) -> dict[str, Any]:
    """No field of the model depends on a source."""
    return {}


def load(model: AvHubert, config: Config) -> None:
    """Leave the random weights."""
