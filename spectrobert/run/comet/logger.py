"""Comet, online and offline.

Lightning's own CometLogger(online=False) disables itself and logs nothing (2.5 - 2.6.6).
"""

import os
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger
from rich.console import Console

from ...config import Config, LoggerConfig, to_dict
from ...errors import UserError
from ...files import write_whole
from ...terminal import print_line

KEY = "COMET_API_KEY"
IDENTITY = "experiment_key.txt"  # in the folder of the archives: a resumed run continues it


class CometCurves(Logger):
    """Sends Lightning's metrics to Comet, in the first process alone.

    The experiment stays open after training, for the scores.
    """

    def __init__(self, experiment: Any):
        super().__init__()
        self.experiment = experiment

    @property
    def name(self) -> str:
        return "comet"

    @property
    def version(self) -> str:
        return self.experiment.get_key()

    @property
    def is_offline(self) -> bool:
        """True if everything goes into an archive."""
        return hasattr(self.experiment, "offline_directory")

    def log_hyperparams(
        self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any
    ) -> None:
        """Sent once, by comet_logger."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.experiment.log_metrics(metrics, step=step)

    def replay(self, rows: Iterable[tuple[int, int, str, float]]) -> None:
        """Log the rows of metrics.csv again: a killed process leaves no archive behind."""
        for step, epoch, metric, value in rows:
            self.experiment.log_metrics({metric: value}, step=step, epoch=epoch)


def is_online(options: LoggerConfig) -> bool:
    """True if `logger.mode` and the environment ask for Comet's server.

    Raises UserError if `logger.mode=online` is asked for and no key is set.
    """
    has_key = bool(os.environ.get(KEY))
    if options.mode == "online" and not has_key:
        raise UserError(f"logger.mode=online: {KEY} is not set; set it, or use logger.mode=offline")
    return options.mode != "offline" and has_key


def comet_logger(config: Config, archives: Path, console: Console) -> CometCurves:
    """The logger of a run, as `opened` says."""
    experiment = opened(config, archives, console)
    write_whole(archives / IDENTITY, experiment.get_key())
    experiment.log_parameters(to_dict(config))
    return CometCurves(experiment)


def opened(config: Config, archives: Path, console: Console) -> Any:
    """Comet's experiment of a run: the one it has begun, or else a new one.

    Online if a key is set and the server answers, else into an archive in `archives`.
    """
    identity = archives / IDENTITY
    known = identity.read_text(encoding="utf-8").strip() if identity.exists() else None
    online = is_online(config.logger)
    experiment = _start(config, archives, known, online)
    if online and not experiment.alive:
        # Comet reports a wrong key or a dead network in a line of its own
        print_line(
            console,
            f"Comet does not accept this run; logging into {archives} instead"
            " (comet upload sends it later)",
        )
        experiment = _start(config, archives, known, online=False)
    return experiment


def _start(config: Config, archives: Path, known: str | None, online: bool) -> Any:
    import comet_ml

    settings = comet_ml.ExperimentConfig(
        name=f"{config.experiment_name}-seed{config.seed}",
        offline_directory=str(archives),
        auto_output_logging=False,
        log_git_patch=False,
        display_summary_level=0,
        parse_args=False,
    )
    return comet_ml.start(
        project_name=config.logger.project,
        experiment_key=known,
        mode="get_or_create" if known else "create",  # decided when an archive is uploaded
        online=online,
        experiment_config=settings,
    )
