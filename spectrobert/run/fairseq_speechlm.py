"""SpeechLM's published checkpoints, which are files of fairseq: its tensors by other names.

The names are those of the owners' model file (microsoft/SpeechT5, MIT). A published file holds
fairseq's configuration next to the tensors; only tensors are read here.
"""

import pickle
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from ..errors import UserError

SUFFIXES = (".pt", ".safetensors")
# Name here -> name there, in this order
NAMES = (
    (r"^feature_extractor\.conv_layers\.(\d+)\.conv\.", r"feature_extractor.conv_layers.\1.0."),
    (
        r"^feature_extractor\.conv_layers\.(\d+)\.layer_norm\.",
        r"feature_extractor.conv_layers.\1.2.",
    ),
    (r"^feature_projection\.layer_norm\.", "layer_norm."),
    (r"^feature_projection\.projection\.", "post_extract_proj."),
    (r"^shared\.layer_norm\.", "unit_encoder.layernorm_embedding."),
    (r"^shared\.positions\.", "unit_encoder.embed_positions."),
    (r"^shared\.", "unit_encoder."),
    (r"\.pos_conv_embed\.conv\.parametrizations\.weight\.original0$", ".pos_conv.0.weight_g"),
    (r"\.pos_conv_embed\.conv\.parametrizations\.weight\.original1$", ".pos_conv.0.weight_v"),
    (r"\.pos_conv_embed\.conv\.", ".pos_conv.0."),
    (r"\.embed_positions\.pe_k\.", ".pos_emb.pe_k."),
    (r"(\.layers\.\d+)\.attention\.", r"\1.self_attn."),
    (r"(\.layers\.\d+)\.layer_norm\.", r"\1.self_attn_layer_norm."),
    (r"(\.layers\.\d+)\.feed_forward\.intermediate_dense\.", r"\1.fc1."),
    (r"(\.layers\.\d+)\.feed_forward\.output_dense\.", r"\1.fc2."),
)
POSITIONS = "shared.positions.weight"
FIRST_POSITION = 2  # fairseq's tables of positions begin behind the number of its padding, 1


def is_file(name: str) -> bool:
    """True if the name of a speech model is that of a file, not of a folder or of the Hub."""
    return name.endswith(SUFFIXES)


def their_name(name: str) -> str:
    """The name of a tensor of SpeechLmModel in a file of fairseq."""
    for ours, theirs in NAMES:
        name = re.sub(ours, theirs, name)
    return name


def weights(title: str, path: str, wanted: dict[str, Tensor], allow_bin: bool) -> dict[str, Tensor]:
    """The tensors of an encoder, read from a file.

    Args:
        title: of the file, for messages.
        wanted: the encoder's own tensors by name.
        allow_bin: InitConfig's; a `.pt` file is a pickle.

    Raises UserError if it cannot be read, or lacks a tensor, or has one of another size.
    """
    given = _read(title, Path(path), allow_bin)
    found = {}
    for name, own in wanted.items():
        theirs = their_name(name)
        value = given.get(theirs)
        if value is not None and name == POSITIONS:
            value = value[FIRST_POSITION:]
        if value is None or value.shape != own.shape:
            has = "is missing" if value is None else f"is {tuple(value.shape)}"
            raise UserError(
                f"{title} does not fit model.speech: its {theirs} {has},"
                f" {tuple(own.shape)} is needed"
            )
        found[name] = value
    return found


def _read(title: str, path: Path, allow_bin: bool) -> dict[str, Tensor]:
    """Tensors by name, of all that fairseq has saved under `model`."""
    if path.suffix == ".pt" and not allow_bin:
        raise UserError(f"{title} is a pickle: read it with init.allow_bin=true")
    try:
        held = _load(path)
    except FileNotFoundError as error:
        raise UserError(f"{title}: there is no such file") from error
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{title} holds more than tensors, which is not read: save its tensors alone where you"
            " trust it (docs/encoders.md)"
        ) from error
    except (OSError, RuntimeError, EOFError, SafetensorError) as error:
        raise UserError(f"{title} is damaged: {str(error).splitlines()[0][:120]}") from error
    held = held.get("model", held) if isinstance(held, dict) else {}
    return {name: value for name, value in held.items() if isinstance(value, Tensor)}


def _load(path: Path) -> Any:
    if path.suffix == ".pt":
        return torch.load(path, map_location="cpu", weights_only=True)
    from safetensors.torch import load_file

    return load_file(path)
