"""Lightning's Trainer, for training and for scoring: the only file that makes one."""

from typing import Any

import pytorch_lightning as pl
from lightning_fabric.plugins.environments import LightningEnvironment
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint, RichProgressBar
from pytorch_lightning.strategies import DDPStrategy, Strategy

from ..config import TrainerConfig
from . import callbacks, checkpoints, processes, progress
from .averaging import AveragedWeights
from .build import precision
from .curves import CurveLogger
from .run import Run


def _trainer(options: TrainerConfig, **more: Any) -> pl.Trainer:
    return pl.Trainer(
        accelerator="gpu" if options.accelerator == "cuda" else "cpu",
        precision=precision(options),
        enable_model_summary=False,
        use_distributed_sampler=False,  # LengthBatches gives each process rows of its own
        **more,
    )


def for_training(run: Run) -> pl.Trainer:
    """With this project's checkpoints, curves and progress, and the run's own callbacks."""
    config, options = run.config, run.config.trainer
    is_bar = options.progress and run.console.is_terminal
    return _trainer(
        options,
        default_root_dir=run.folder.path,
        devices=options.devices,
        num_nodes=options.nodes,
        strategy=_strategy(options),
        max_epochs=options.epochs,
        max_steps=options.max_steps,
        accumulate_grad_batches=options.accumulate,
        gradient_clip_val=config.optim.clip,
        gradient_clip_algorithm=config.optim.clip_by,
        logger=_loggers(run),
        callbacks=_callbacks(run, is_bar),
        plugins=[callbacks.WholeFiles()],
        log_every_n_steps=options.log_every_n_steps,
        num_sanity_val_steps=0,
        enable_progress_bar=is_bar,
    )


def for_scoring(options: TrainerConfig, *more: pl.Callback) -> pl.Trainer:
    """One process that writes nothing, also if srun has started several."""
    return _trainer(
        options,
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        callbacks=list(more),
        plugins=[LightningEnvironment()],
    )


def _callbacks(run: Run, is_bar: bool) -> list[pl.Callback]:
    config, options, task = run.config, run.config.trainer, run.config.task
    best = ModelCheckpoint(
        dirpath=run.folder.checkpoints,
        filename=checkpoints.BEST.removesuffix(".ckpt"),
        monitor=task.monitor,
        mode=task.mode,
        enable_version_counter=False,
    )
    patient = [EarlyStopping(task.monitor, mode=task.mode, patience=options.patience)]
    averages = []
    if config.optim.average != "none":
        averages.append(AveragedWeights(config.optim, run.task.total_steps))
    return [
        *averages,
        callbacks.RandomState(config.seed),
        callbacks.ForgetAbandonedSteps(),
        RichProgressBar(leave=False)
        if is_bar
        else progress.StepLine(run.console, options.progress_minutes),
        callbacks.EpochLine(run.console, task.monitor),
        *(patient if options.patience else []),
        best,
        callbacks.LastCheckpoint(run.folder.checkpoints, options.checkpoint_minutes, run.notice),
        run.unread,  # behind the checkpoint: what these raise loses no epoch
        *run.callbacks,
    ]


def _strategy(options: TrainerConfig) -> Strategy | str:
    """One process per device, if there are several."""
    if options.processes == 1:
        return "auto"
    backend = "nccl" if options.accelerator == "cuda" else "gloo"
    return DDPStrategy(process_group_backend=backend, gradient_as_bucket_view=True)


def _loggers(run: Run) -> list[Any]:
    """metrics.csv, and the one that `logger.name` asks for."""
    loggers: list[Any] = [CurveLogger(run.folder.metrics)]
    name = run.config.logger.name
    if name == "tensorboard":
        from pytorch_lightning.loggers import TensorBoardLogger

        folder = run.folder.tensorboard
        loggers.append(TensorBoardLogger(folder.parent, name="", version=folder.name))
    if name == "comet" and processes.is_first():
        from .comet.logger import comet_logger

        loggers.append(comet_logger(run.config, run.folder.comet, run.console))
    return loggers
