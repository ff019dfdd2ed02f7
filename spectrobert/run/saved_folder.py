"""Folders of saved models, checked without reading weights: no heavy library is imported."""

import json
import os
from pathlib import Path
from typing import Any

from ..errors import UserError
from .folder import RunFolder

TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "spm.model", "spm_char.model")
WEIGHTS = "model.safetensors"
# of the configurations in models/
MODEL_TYPES = (
    *("spectrobert", "spectrobert_composite", "spectrobert_speecht5"),
    "spectrobert_av_hubert",
)


def read_config(what: str, folder: Path) -> dict[str, Any]:
    """config.json of a model. Raises UserError, naming `what`, if it is missing or damaged."""
    path = folder / "config.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{what}: no config.json in {folder}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{what}: {path} is damaged: {error}") from error
    if not isinstance(raw, dict):
        raise UserError(f"{what}: {path} is damaged: it holds no JSON object")
    return raw


def require_tokenizer(what: str, folder: Path) -> None:
    """Raise UserError, naming `what`, if the folder holds no tokenizer."""
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise UserError(f"{what}: no tokenizer in {folder} ({' or '.join(TOKENIZER_FILES)})")


def model_folder(checkpoint: str) -> Path:
    """The folder of `save_pretrained` in a run directory, or the folder itself.

    Raises UserError if there is none.
    """
    path = Path(checkpoint)
    for folder in (RunFolder(path).model, path):
        if os.path.isfile(folder / "config.json"):
            return folder
    if os.path.isdir(RunFolder(path).checkpoints):
        raise UserError(
            f"checkpoint {checkpoint}: this run has not finished; finish it with --resume"
        )
    raise UserError(
        f"checkpoint {checkpoint}: no SpectroBERT there; give a run directory"
        " (runs/<experiment>/seed0) or a folder written by save_pretrained"
    )


def require_type(checkpoint: str, folder: Path) -> str:
    """The type of the model in a checkpoint's folder. Raises UserError if it is none of ours."""
    given = read_config(f"checkpoint {checkpoint}", folder).get("model_type")
    if given not in MODEL_TYPES:
        raise UserError(f"checkpoint {folder} is a {given!r} model; a {MODEL_TYPES[0]!r} is needed")
    return given


def require_model(checkpoint: str) -> None:
    """Raise UserError if a checkpoint is no SpectroBERT, or lacks its tokenizer or weights."""
    folder = model_folder(checkpoint)
    require_type(checkpoint, folder)
    require_tokenizer(f"checkpoint {checkpoint}", folder)
    if not (folder / WEIGHTS).is_file():
        raise UserError(f"checkpoint {folder / WEIGHTS} is missing")
