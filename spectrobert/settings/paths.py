"""Paths of a configuration, absolute: config.yaml means the same from any working directory."""

import os
from collections.abc import Mapping
from typing import Any

from ..config import Config
from ..corpora import corpus

# Names of packages or of the Hub, or folders
INIT = ("text_model", "speech_model", "audio_encoder", "checkpoint")
TASK = ("units",)  # of pre-training
MODEL = ("text_model", "speech_model")  # of composite models


def make_absolute(config: Config) -> None:
    """Resolve what the corpus and the weights are read from, in place."""
    for name, part in config.dataset.parts.items():
        for option in ("root", "prepared"):
            if given := getattr(part, option):
                setattr(part, option, os.path.abspath(given))
        for option, value in file_options(name, vars(part)).items():
            setattr(part, option, value)
    config.data_dir = os.path.abspath(config.data_dir)
    for owner, options in ((config.init, INIT), (config.model, MODEL), (config.task, TASK)):
        for option in options:
            if (given := getattr(owner, option, "")) and os.path.isdir(given):
                setattr(owner, option, os.path.abspath(given))


def file_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a corpus that name files or folders, absolute; one or a list, as given."""
    return {
        option: os.path.abspath(value)
        if isinstance(value, str)
        else [os.path.abspath(one) for one in value if one]
        for option in (*corpus(name).files, *corpus(name).folders)
        if (value := options.get(option))
    }
