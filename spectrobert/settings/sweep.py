"""Sweeps, `-m seed=1,2,3`: Hydra's multirun, each job in a run directory of its own."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ..config import Config
from ..config.checks import folder_inside
from ..errors import UserError, require_extra
from . import schemas
from .composition import chosen, generic_error, own_model
from .conf import CONF
from .flags import rewrite
from .overrides import Override, checked

# Part of the path of a run directory
IN_PATH = {"seed", "dataset.fold", "dataset.inner_fold", "experiment_name"}


def sweep(words: Sequence[str], first: Config, run: Callable[[Config], Any]) -> None:
    """Hand a multirun to Hydra.

    Args:
        first: the configuration of the first job.
    """
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    overrides = checked(rewrite(words))
    _check_launcher(first, overrides)
    schemas.register(chosen(overrides, "dataset"))
    # Hydra writes the values of its jobs in a form of its own (1e-3 as 0.001): compare the keys
    varied = {override.key for override in overrides if override.is_sweep} - IN_PATH

    def job(composed: Any) -> Any:
        config: Any = OmegaConf.to_object(composed)
        words = [word.lstrip("+") for word in HydraConfig.get().overrides.task]
        own = [word for word in words if word.partition("=")[0] in varied]
        if own:
            config.experiment_name += "/" + ",".join(own).replace("/", "-")
            folder_inside("experiment_name", config.experiment_name)
        return run(config)

    # Hydra's parser wants its own flag before all overrides
    texts = [override.text for override in overrides]
    sys.argv = [sys.argv[0], "--multirun", *texts, *own_model(overrides)]
    # What a job raises arrives here, in place of a printed traceback and exit code 1
    os.environ["HYDRA_FULL_ERROR"] = "1"
    with generic_error():
        hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")(job)()


def _check_launcher(config: Config, overrides: Sequence[Override]) -> None:
    """Raise UserError for a launcher that is not installed, or one that cannot start the jobs.

    Lightning starts the other processes of a run by the command itself: each would sweep too.
    """
    launchers = chosen(overrides, "hydra/launcher")
    if {"slurm", "submitit_slurm"} & set(launchers):
        require_extra("slurm", f"hydra/launcher={launchers[-1]}")
    if config.trainer.processes > 1 and not launchers:
        raise UserError(
            f"-m with trainer.devices={config.trainer.devices}: a sweep has one device a job here;"
            " add hydra/launcher=submitit_slurm, or call train.py for each job"
        )
