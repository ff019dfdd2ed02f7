"""Pre-trained encoders of composite models: their source, sizes and weights."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from transformers import AutoModel, PreTrainedConfig, PreTrainedTokenizerBase, WhisperModel
from transformers.models.whisper import modeling_whisper

from ..config import Config, InitConfig
from ..config.model import CompositeOptions
from ..data import vocabulary
from ..errors import UserError
from ..models.composite import Composite
from ..models.fusions.base import Fusion
from ..models.fusions.joint import JointStack
from ..models.fusions.registry import FUSIONS
from ..models.speech_types import SPEECH_TYPES
from . import fairseq_speechlm, foreign
from .foreign import Source
from .pretrained import require_same_size

RANDOM = "random"  # as the name of a source: the weights of none
# Of config.json, but no property of the encoder
OTHER = (
    *("dtype", "torch_dtype", "transformers_version", "architectures", "_name_or_path"),
    *("id2label", "label2id", "task_specific_params", "is_encoder_decoder", "use_cache"),
    *("layerdrop", "encoder_layerdrop", "apply_spec_augment", "mask_time_prob"),
    *("mask_feature_prob", "num_labels", "problem_type"),
)
OPTIONAL = ("masked_spec_embed", "pooler.")  # tensors that are not used


@dataclass(frozen=True)
class Sources:
    """The checkpoints of a run's encoders; None: random weights, or no such encoder."""

    speech: Source | None = None
    text: Source | None = None


def is_composite(config: Config) -> bool:
    """True if the options of the model are a composite's."""
    return getattr(config.model, "architecture", "") == CompositeOptions.architecture


def sources(config: Config) -> Sources:
    """The checkpoints that a composite's options name.

    Raises UserError for a source of an encoder that the model lacks.
    """
    init, options = config.init, config.model
    if not is_composite(config):
        _refuse(init, "speech_model", "SpectroBERT has patches in place of a speech encoder")
        return Sources()
    _refuse(init, "audio_encoder", "a composite model has a speech encoder: init.speech_model")
    fusion = _fusion(options)
    if not fusion.hears:
        _refuse(init, "speech_model", "model.fusion=text hears nothing")
    if not fusion.reads:
        _refuse(init, "text_model", "model.fusion=audio reads no text")
    speech = (init.speech_model or options.speech_model) if fusion.hears else ""
    text = (init.text_model or options.text_model) if fusion.reads else ""
    return Sources(
        _source("speech model", tuple(SPEECH_TYPES), "init.speech_model=<folder>", speech),
        _source("text model", tuple(fusion.text_types), "init.text_model=<folder>", text),
    )


def names(config: Config) -> dict[str, str]:
    """Sources of a composite's encoders, by option of `init`; "" for random weights.

    Empty for other models, and for a run whose weights are a checkpoint's.
    """
    if config.init.checkpoint or not is_composite(config):
        return {}
    named, fusion = sources(config), _fusion(config.model)
    speech = {"speech_model": named.speech} if fusion.hears else {}
    text = {"text_model": named.text} if fusion.reads else {}
    return {name: source.name if source else "" for name, source in (speech | text).items()}


def _fusion(options: CompositeOptions) -> type[Fusion]:
    """The class of the fusion; an unknown one is refused later, by the configuration."""
    return FUSIONS.get(options.fusion, Fusion)


def _refuse(init: InitConfig, name: str, reason: str) -> None:
    if value := getattr(init, name):
        raise UserError(f"init.{name}={value}: {reason}")


def _source(kind: str, types: tuple[str, ...], remedy: str, name: str) -> Source | None:
    return Source(kind, types, remedy, name) if name and name != RANDOM else None


def tokenizer(config: Config, texts: Iterable[str]) -> PreTrainedTokenizerBase:
    """The text encoder's, if it is pre-trained; else word pieces of `texts`."""
    source, options = sources(config).text, config.dataset
    if source:
        return foreign.tokenizer(source.name)
    return vocabulary.train(texts, options.vocabulary, options.lowercase, options.strip_accents)


def fields(config: Config, vocab_size: int, pad_token_id: int) -> dict[str, Any]:
    """`speech` and `text` of the model: those of the checkpoints, checked against the options'.

    Args:
        vocab_size, pad_token_id: of the tokenizer.

    Raises UserError if a checkpoint is of another kind or size, or has fewer word pieces than the
    tokenizer.
    """
    options: CompositeOptions = config.model
    named = sources(config)
    made = {"speech": dict(options.speech), "text": dict(options.text)}
    for part, source in (("speech", named.speech), ("text", named.text)):
        if source and part == "speech" and _is_fairseq(source, made[part]):
            continue  # a file without a configuration: its tensors fit, or are refused
        if source:
            made[part] = _of_source(source, made[part], part)
    text = made["text"]
    if named.text is None and text:
        text |= {"vocab_size": vocab_size, "pad_token_id": pad_token_id}
    elif named.text and vocab_size > text.get("vocab_size", vocab_size):
        raise UserError(
            f"{named.text.title}: its tokenizer has {vocab_size} word pieces, its model"
            f" {text['vocab_size']}: they do not belong together"
        )
    return made


def _is_fairseq(source: Source, fields: Mapping[str, Any]) -> bool:
    """True if a source is a published file of SpeechLM. Raises UserError for another encoder's."""
    if not fairseq_speechlm.is_file(source.name):
        return False
    kind = fields.get("model_type")
    if kind != "speechlm":
        raise UserError(
            f"{source.title} is a file: files are read for model=speechlm alone, not for"
            f" {kind or 'an encoder of any type'}; give a folder"
        )
    return True


def _of_source(source: Source, given: Mapping[str, Any], part: str) -> dict[str, Any]:
    """Fields of a checkpoint's configuration, which must have the values of `given`."""
    theirs = source.config()
    wanted = given.get("model_type", theirs.model_type)
    if theirs.model_type != wanted:
        raise UserError(
            f"{source.title} is a {theirs.model_type!r} model; model.{part} is a {wanted!r}:"
            " choose the model= that fits"
        )
    own = theirs.to_dict()
    differing = {name: own[name] for name in given if name in own and name not in OTHER}
    require_same_size(source.title, differing, dict(given))
    kept = {n: value for n, value in theirs.to_diff_dict().items() if n not in OTHER}
    sizes = {name: own[name] for name in SIZES if name in own}
    return sizes | kept | {"model_type": theirs.model_type}


# Kept with a model even if they are transformers' defaults, which may change
SIZES = ("hidden_size", "num_hidden_layers", "d_model", "encoder_layers", "vocab_size")


def load(model: Composite, config: Config) -> None:
    """Copy the checkpoints' weights into the encoders.

    Raises UserError if they cannot be had, or lack a tensor.
    """
    named, allow_bin = sources(config), config.init.allow_bin
    if named.speech:
        encoder: Any = model.speech.model
        encoder.load_state_dict(_speech_weights(named.speech, encoder, allow_bin))
    if named.text and isinstance(model.fusion, JointStack):
        foreign.load_text_model(model.fusion, named.text.name, allow_bin, model.head)
    elif named.text:
        encoder = model.text.model
        encoder.load_state_dict(_weights(named.text, encoder.config, allow_bin))


def _speech_weights(source: Source, encoder: Any, allow_bin: bool) -> dict[str, Any]:
    """The tensors of a speech encoder, from a folder, the Hub or a file of fairseq."""
    if fairseq_speechlm.is_file(source.name):
        wanted = encoder.state_dict()
        return fairseq_speechlm.weights(source.title, source.name, wanted, allow_bin)
    return _weights(source, encoder.config, allow_bin)


def _weights(source: Source, config: PreTrainedConfig, allow_bin: bool) -> dict[str, Any]:
    """The tensors of an encoder with this configuration, whose upper layers may be cut."""
    kind: Any = AutoModel
    options: dict[str, Any] = {"config": config}
    is_whisper = config.model_type == "whisper"
    if is_whisper:
        is_alone = "WhisperEncoder" in (source.config().architectures or [])
        kind = modeling_whisper.WhisperEncoder if is_alone else WhisperModel
    loaded, missing = source.weights(kind, (), allow_bin, **options)
    if isinstance(loaded, WhisperModel):
        loaded = loaded.encoder
        missing = {n.removeprefix("encoder.") for n in missing if n.startswith("encoder.")}
    lacking = sorted(n for n in missing if not n.startswith(OPTIONAL))
    if lacking:
        raise UserError(
            f"{source.title} is damaged or incomplete: it lacks {len(lacking)} tensors, the first:"
            f" {lacking[0]}"
        )
    return {n: v for n, v in loaded.state_dict().items() if not n.startswith(OPTIONAL)}
