"""From the words of a command line to a typed `Config`, by Hydra."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..config import Config
from ..errors import UserError
from . import schemas
from .conf import CONF
from .flags import rewrite
from .overrides import Override, checked


def compose(words: Sequence[str]) -> Config:
    """The configuration of flags and overrides; of a sweep (`-m`) its first job's.

    Raises UserError for an unknown key, a wrong type or a value that a check refuses.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from omegaconf import OmegaConf

    overrides = checked(rewrite(words))
    schemas.register(chosen(overrides, "dataset"))
    with generic_error(), initialize_config_dir(str(CONF), version_base="1.3"):
        composed = hydra_compose("config", [o.first for o in overrides] + own_model(overrides))
        config: Any = OmegaConf.to_object(composed)
    return config


def chosen(overrides: Sequence[Override], key: str) -> list[str]:
    """Values of an option or group, in the order of the command line; those of sweeps too."""
    return [name for override in overrides if override.key == key for name in override.names]


def own_model(overrides: Sequence[Override]) -> list[str]:
    """A run from a checkpoint has the checkpoint's model, unless the command names one."""
    names_model = any(o.key == "model" or o.key.startswith("model.") for o in overrides)
    return ["~model"] if any(chosen(overrides, "init.checkpoint")) and not names_model else []


@contextmanager
def generic_error() -> Iterator[None]:
    """Turn what only Hydra or OmegaConf refuse, such as `${nothing}`, into one line."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"the options cannot be composed: {reason}") from error
