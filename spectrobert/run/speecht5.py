"""Weights of a SpeechT5: parts of two published checkpoints, their sizes and their tokenizer."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import nn
from transformers import PreTrainedTokenizerBase
from transformers.models.speecht5 import modeling_speecht5

from ..config import Config
from ..config.model import SpeechT5Options
from ..data import vocabulary
from ..errors import UserError, require_extra
from ..models.speecht5 import SpeechT5
from . import foreign
from .encoders import OTHER, RANDOM, Sources
from .foreign import Source, locate
from .pretrained import require_same_size

TYPE = "speecht5"
# Classes of published checkpoints by the pre-net of their encoder
ARCHITECTURES = {
    "speech": ("SpeechT5ForSpeechToText", "SpeechT5ForSpeechToSpeech"),
    "text": ("SpeechT5ForTextToSpeech",),
}
# Of a configuration, but not of the parts that are taken
UNUSED = (
    *("vocab_size", "pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id"),
    *("max_text_positions", "max_length", "speaker_embedding_dim", "mask_feature_min_masks"),
    *("use_guided_attention_loss", "guided_attention_loss_num_heads", "scale_embedding"),
    *("tie_word_embeddings", "reduction_factor", "decoder_layerdrop", "num_mel_bins"),
    *("guided_attention_loss_sigma", "guided_attention_loss_scale"),
)
OF_TEXT = ("vocab_size", "pad_token_id", "max_text_positions")  # fields of the text pre-net
# Kept with a model even if they are transformers' defaults, which may change
SIZES = (
    *("hidden_size", "encoder_layers", "encoder_attention_heads", "encoder_ffn_dim"),
    *("decoder_layers", "decoder_attention_heads", "decoder_ffn_dim"),
)
OPTIONAL = ("masked_spec_embed",)  # a tensor of masked training


def sources(config: Config) -> Sources:
    """The checkpoints that a run names.

    Raises UserError for a shared stack of a checkpoint that is not named.
    """
    init, options = config.init, config.model
    if init.audio_encoder:
        raise UserError(
            f"init.audio_encoder={init.audio_encoder}: a SpeechT5 has a pre-net: init.speech_model"
        )
    speech, text = (
        _source(kind, getattr(init, option) or getattr(options, option))
        for kind, option in (("speech", "speech_model"), ("text", "text_model"))
    )
    chosen, other = (speech, text) if options.shared == "speech" else (text, speech)
    if chosen is None and other is not None:
        raise UserError(
            f"model.shared={options.shared}: no {options.shared} model is named whose encoder and"
            f" decoder could be taken; {other.title} has others: model.shared="
            f"{'text' if options.shared == 'speech' else 'speech'}"
        )
    return Sources(speech, text)


def _source(kind: str, name: str) -> Source | None:
    if not name or name == RANDOM:
        return None
    return Source(f"{kind} model", (TYPE,), f"init.{kind}_model=<folder>", name)


def names(config: Config) -> dict[str, str]:
    """Sources by option of `init`; "" for random weights. Empty if a checkpoint gives them."""
    if config.init.checkpoint:
        return {}
    named = sources(config)
    pairs = (("speech_model", named.speech), ("text_model", named.text))
    return {option: source.name if source else "" for option, source in pairs}


def tokenizer(config: Config, texts: Iterable[str]) -> PreTrainedTokenizerBase:
    """The text checkpoint's; with a random text pre-net one number per character of `texts`."""
    source = sources(config).text
    if source is None:
        return vocabulary.characters(texts, config.dataset.lowercase)
    _require_prenet(source, "text", source.config().architectures or [])
    if _has_sentences(Path(locate(source.name))):
        require_extra("speecht5", f"the tokenizer of {source.title}")
    return foreign.tokenizer(source.name)


def _has_sentences(folder: Path) -> bool:
    """True for a tokenizer of SentencePiece, which those on the Hub have."""
    return not folder.is_dir() or (folder / "spm_char.model").is_file()


def fields(config: Config, vocab_size: int, pad_token_id: int) -> dict[str, Any]:
    """`speecht5` of the model: the checkpoints' fields, checked against each other and the options.

    Args:
        vocab_size, pad_token_id: of the tokenizer.

    Raises UserError if a checkpoint is of another kind or size, or has fewer characters than the
    tokenizer.
    """
    options: SpeechT5Options = config.model
    named, given = sources(config), dict(options.speecht5)
    made = given
    for kind, source in (("text", named.text), ("speech", named.speech)):
        if source:
            made = _of_source(source, kind, made, given)
    if named.text is None:
        return {"speecht5": made | {"vocab_size": vocab_size, "pad_token_id": pad_token_id}}
    own = named.text.config()
    if vocab_size > own.vocab_size:
        raise UserError(
            f"{named.text.title}: its tokenizer has {vocab_size} characters, its model"
            f" {own.vocab_size}: they do not belong together"
        )
    return {"speecht5": made | {name: getattr(own, name) for name in OF_TEXT}}


def _of_source(
    source: Source, kind: str, before: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Fields of a checkpoint, which must have those of the options and of the other checkpoint."""
    theirs = source.config()
    _require_prenet(source, kind, theirs.architectures or [])
    own = theirs.to_dict()
    for fields in (given, before):
        known = {n: own[n] for n in fields if n in own and n not in (*OTHER, *UNUSED)}
        require_same_size(source.title, known, dict(fields))
    kept = {n: v for n, v in theirs.to_diff_dict().items() if n not in (*OTHER, *UNUSED)}
    kept.pop("model_type", None)
    return {name: own[name] for name in SIZES} | kept


def _require_prenet(source: Source, kind: str, architectures: list[str]) -> None:
    """Raise UserError for a checkpoint that has not the pre-net of this modality."""
    allowed = ARCHITECTURES[kind]
    if not set(allowed) & set(architectures):
        raise UserError(
            f"{source.title} is a {' or '.join(architectures) or 'model of no named class'}, which"
            f" has no {kind} pre-net; {' or '.join(allowed)} is needed"
        )


def load(model: SpeechT5, config: Config) -> None:
    """Copy the checkpoints' parts: each pre-net, and encoder and decoder of `model.shared`.

    Raises UserError if a checkpoint cannot be had, lacks a tensor, or has one of another size.
    """
    named, allow_bin = sources(config), config.init.allow_bin
    pairs: tuple[tuple[str, Source | None, nn.Module], ...] = (
        ("speech", named.speech, model.speech.model),
        ("text", named.text, model.text),
    )
    for kind, source, prenet in pairs:
        if source is None:
            continue
        theirs = _weights(source, kind, allow_bin)
        _copy(source, theirs.encoder.prenet, prenet)
        if kind == config.model.shared:
            _copy(source, theirs.encoder.wrapped_encoder, model.encoder)
            _copy(source, theirs.decoder.wrapped_decoder, model.decoder)


def _weights(source: Source, kind: str, allow_bin: bool) -> Any:
    """The checkpoint's encoder and decoder with their pre-nets, as transformers builds them."""
    architectures = source.config().architectures or []
    name = next(name for name in ARCHITECTURES[kind] if name in architectures)
    needed = ("speecht5.encoder.", "speecht5.decoder.wrapped_decoder.")
    whole, _ = source.weights(getattr(modeling_speecht5, name), needed, allow_bin)
    return whole.speecht5


def _copy(source: Source, theirs: nn.Module, ours: nn.Module) -> None:
    """Raises UserError, naming the first, for tensors that do not fit."""
    given = {n: v for n, v in theirs.state_dict().items() if not n.startswith(OPTIONAL)}
    wanted = ours.state_dict()
    wrong = sorted(
        name
        for name in given.keys() | wanted.keys()
        if name not in given or name not in wanted or given[name].shape != wanted[name].shape
    )
    if wrong:
        raise UserError(
            f"{source.title} does not fit model.speecht5: {len(wrong)} tensors differ, the first:"
            f" {wrong[0]}"
        )
    ours.load_state_dict(given)
