"""Paths of a configuration, absolute: config.yaml means the same from any working directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..config.datasets import MixtureConfig
from ..config.run import Config

INIT = ("text_model", "audio_encoder", "checkpoint")  # names of packages or of the Hub, or folders


def make_absolute(config: Config) -> None:
    """Resolve what the corpus and the weights are read from, in place."""
    dataset = config.dataset
    of_mixture = isinstance(dataset, MixtureConfig)
    parts = (
        {n: getattr(dataset, n) for n in dataset.parts} if of_mixture else {dataset.name: dataset}
    )
    for name, part in parts.items():
        for option in ("root", "prepared"):
            if given := getattr(part, option):
                setattr(part, option, os.path.abspath(given))
        for option, value in file_options(name, vars(part)).items():
            setattr(part, option, value)
    config.data_dir = os.path.abspath(config.data_dir)
    for option in INIT:
        if (given := getattr(config.init, option)) and os.path.isdir(given):
            setattr(config.init, option, os.path.abspath(given))


def file_options(corpus: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a corpus that name files or folders, absolute; one or a list, as given."""
    from ..corpora import corpus as named

    return {
        option: os.path.abspath(value)
        if isinstance(value, str)
        else [os.path.abspath(name) for name in value if name]
        for option in (*named(corpus).files, *named(corpus).folders)
        if (value := options.get(option))
    }
