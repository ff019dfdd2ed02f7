"""Comet, online and offline.

Lightning's own CometLogger(online=False) disables itself and logs nothing (2.5 - 2.6.6).
"""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from .config import Config, LoggerConfig, to_dict
from .errors import UserError

KEY = "COMET_API_KEY"


class CometCurves(Logger):
    """Sends what Lightning logs to Comet; a failing network is noted and never stops a run."""

    def __init__(self, experiment: Any):
        super().__init__()
        self.experiment = experiment

    @property
    def name(self) -> str:
        return "comet"

    @property
    def version(self) -> str:
        return self.experiment.get_key()

    @rank_zero_only
    def log_hyperparams(
        self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any
    ) -> None:
        """Sent once, by comet_logger."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.experiment.log_metrics(metrics, step=step)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        self.experiment.end()


def is_online(options: LoggerConfig) -> bool:
    """Whether `logger.mode` and the environment ask for Comet's server.

    Raises UserError where `logger.mode=online` is asked for and no key is set.
    """
    has_key = bool(os.environ.get(KEY))
    if options.mode == "online" and not has_key:
        raise UserError(f"logger.mode=online: {KEY} is not set; set it, or use logger.mode=offline")
    return options.mode != "offline" and has_key


def comet_logger(config: Config, folder: Path) -> CometCurves:
    """Online when a key is set, else into an archive in `folder/comet`."""
    import comet_ml

    settings = comet_ml.ExperimentConfig(
        name=f"{config.experiment_name}-seed{config.seed}",
        offline_directory=str(folder / "comet"),
        auto_output_logging=False,
        log_git_patch=False,
        parse_args=False,
    )
    experiment = comet_ml.start(
        project_name=config.logger.project,
        online=is_online(config.logger),
        experiment_config=settings,
    )
    experiment.log_parameters(to_dict(config))
    return CometCurves(experiment)
