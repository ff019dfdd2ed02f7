"""The model that embeds: a file of conf/model with its weights, or a finished run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from ...config import Config
from ...data import vocabulary
from ...errors import UserError, unknown
from ...models.model import Model
from ...settings import composition, conf
from .. import build, encoders
from ..folder import RunFolder
from ..saved_run import load_run

# Any corpus and task: only the options of model, weights and reading are used
ANY = ("--task", "ser", "--dataset", "demo")
CROPS = ("dataset.crop=", "dataset.max_seconds=")


@dataclass(frozen=True)
class Encoder:
    """A model in eval mode, and the options by which its clips are read."""

    model: Model
    tokenizer: PreTrainedTokenizerBase
    config: Config
    name: str  # file of conf/model, or run directory
    weights: str  # folder or Hub name; "random"; of a run its own directory
    is_run: bool = False

    @property
    def reads(self) -> bool:
        """True if the model reads text."""
        return getattr(self.model.config, "reads", True)


def require_known(name: str) -> None:
    """Raise UserError if it is neither a file of conf/model nor a folder."""
    if name not in conf.options_of("model") and not Path(name).is_dir():
        raise unknown("--model", name, [*conf.options_of("model"), "a run directory"])


def is_run(name: str) -> bool:
    """True for a folder; a file of conf/model of the same name wins."""
    return name not in conf.options_of("model")


def configure(name: str, words: Sequence[str], weights: str) -> Config:
    """The configuration of a model by name.

    Args:
        words: flags and options, as of train.py; with task and corpus.
        weights: of its encoder; empty: those of its file.

    Raises UserError if the model has not one encoder alone, or for a wrong option.
    """
    whole = [] if any(word.startswith(CROPS) for word in words) else ["dataset.crop=whole"]
    config = composition.compose([*words, f"model={name}", *whole])
    fusion = getattr(config.model, "fusion", "")
    if fusion not in ("audio", "text"):
        raise UserError(
            f"--model {name}: has more than one speech or text encoder, joined by layers that are"
            " not trained yet: name one encoder, or the directory of a finished run"
        )
    if weights:
        own = {"text": "text_model", "audio": "speech_model"}[fusion]
        options: dict[str, Any] = {own: weights}
        config.init = replace(config.init, **options)
    return config


def by_name(name: str, config: Config, texts: Iterable[str] = ()) -> Encoder:
    """The encoder of `configure`, on the device of the configuration.

    Args:
        texts: of the corpus, for the vocabulary of random weights.

    Raises UserError if its weights cannot be had.
    """
    reads = config.model.fusion == "text"
    words = build.tokenizer(config, texts) if reads else vocabulary.train((), 0)
    settings = build.model_config(config, len(words), ("any",), words.pad_token_id or 0)
    torch.manual_seed(config.seed)
    model = build.model(config, settings).eval()
    named = encoders.sources(config)
    source = named.text if reads else named.speech
    weights = source.name if source else encoders.RANDOM
    return Encoder(_placed(model, config), words, config, name, weights)


def of_run(folder: str, is_cuda: bool) -> Encoder:
    """A finished run. Raises UserError if the folder is none."""
    if not RunFolder(folder).is_begun:
        raise UserError(f"--model {folder} is not a run directory: it has no config.yaml")
    config, model, tokenizer = load_run(folder)
    device = "cuda" if is_cuda else "cpu"
    config.trainer = replace(config.trainer, accelerator=device, precision="auto")
    return Encoder(_placed(model, config), tokenizer, config, folder, folder, is_run=True)


def _placed(model: Model, config: Config) -> Model:
    if config.trainer.threads:
        torch.set_num_threads(config.trainer.threads)
    if config.trainer.accelerator == "cuda":
        build.require_cuda(1)
    return model.to(config.trainer.accelerator)
