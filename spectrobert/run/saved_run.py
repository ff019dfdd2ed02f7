"""A finished run as it was saved: configuration, model, tokenizer."""

from pathlib import Path

from transformers import PreTrainedTokenizerBase

from ..config import Config
from ..errors import UserError
from ..kernels import adopt
from ..models.model import Model
from .folder import RunFolder
from .pretrained import checkpoint_tokenizer, saved_model


def load_run(
    folder: str | Path, modality: str = ""
) -> tuple[Config, Model, PreTrainedTokenizerBase]:
    """Configuration, model and tokenizer of a finished run. Raises UserError if it is none."""
    run = RunFolder(folder)
    config = run.read_config()
    run.read_results()
    if config.classic.is_on:
        raise UserError(
            f"{folder} is of classic.features={config.classic.features}: it has no network"
        )
    model = adopt(saved_model(str(folder), modality), config.trainer.kernels)
    return config, model, checkpoint_tokenizer(str(folder))
