"""Toy weights of other models, as folders that a run is started from; refusals in one line."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModel,
    BertConfig,
    BertModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
)
from transformers.models.speecht5 import modeling_speecht5

from spectrobert.config import DatasetConfig
from spectrobert.data import vocabulary
from spectrobert.errors import UserError
from spectrobert.models.composite_configuration import encoder_config

from . import encoders

TEXTS = ("a dog barks", "the bell rings")
WORDS = vocabulary.train(TEXTS, DatasetConfig().vocabulary)
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 128,
}
WAV2VEC2 = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": (16,) * 7,
    "feat_extract_norm": "layer",
    "conv_bias": True,
    "do_stable_layer_norm": True,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}


def shaken(model):
    """No value that a fresh model would have as well."""
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    return model


def saved(model, folder: Path) -> Path:
    """The folder of a model and its tokenizer."""
    shaken(model).save_pretrained(folder)
    WORDS.save_pretrained(folder)
    return folder


def save_bert(folder: Path, kind=BertModel, **sizes) -> Path:
    return saved(kind(BertConfig(**({"vocab_size": len(WORDS)} | SIZES | sizes))), folder)


def save_wav2vec2(folder: Path, **options) -> Path:
    shaken(Wav2Vec2Model(Wav2Vec2Config(**(WAV2VEC2 | options)))).save_pretrained(folder)
    return folder


def save_speech(folder: Path, name: str, part: str = "", **options) -> Path:
    """The random speech encoder of a file of conf/model, as transformers saves it.

    Args:
        name: of the file.
        part: "encoder" saves a Whisper's encoder alone, in place of the whole model.
        options: of `save_pretrained`.
    """
    fields = encoders.options(name)["speech"]
    if fields["model_type"] == "whisper":
        fields |= {"decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 16}
    model = shaken(AutoModel.from_config(encoder_config(fields)))
    (model.get_submodule(part) if part else model).save_pretrained(folder, **options)
    return folder


def save_roberta(folder: Path) -> Path:
    fields = encoders.options("debug_roberta")["text"]
    config = encoder_config(fields | {"vocab_size": len(WORDS), "pad_token_id": 0})
    return saved(AutoModel.from_config(config), folder)


def refusal(act: Callable[..., object], *arguments: object, **more: object) -> str:
    """The one line of the UserError that a call raises."""
    with pytest.raises(UserError) as caught:
        act(*arguments, **more)
    message = str(caught.value)
    assert "\n" not in message
    return message


def save_speecht5(folder: Path, kind: str, **changes) -> Path:
    """A random SpeechT5 of debug size as transformers saves it.

    Args:
        kind: "SpeechToText" | "TextToSpeech", the latter with a tokenizer of characters.
        changes: other fields of its configuration.
    """
    characters = vocabulary.characters(TEXTS)
    fields = {"vocab_size": len(characters), "pad_token_id": 0, "mask_time_prob": 0.05}
    small = {"speech_decoder_prenet_units": 16, "speech_decoder_postnet_units": 16}
    of_debug = encoders.options("debug_speecht5")["speecht5"]
    config = AutoConfig.for_model("speecht5", **(fields | small | of_debug | changes))
    owner = getattr(modeling_speecht5, f"SpeechT5For{kind}")
    shaken(owner(config)).save_pretrained(folder)
    if kind == "TextToSpeech":
        characters.save_pretrained(folder)
    return folder
