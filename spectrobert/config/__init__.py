"""Every option of a run: name, type, default, meaning and check, once. Plain dataclasses."""

from .augment import AugmentConfig
from .datasets import DatasetConfig, LabelsConfig, MixtureConfig, PartConfig
from .model import CompositeOptions, ModelOptions
from .run import (
    LOGGERS,
    Config,
    FreezeConfig,
    InitConfig,
    LoggerConfig,
    OptimConfig,
    TrainerConfig,
    to_dict,
)
from .tasks import (
    TASKS,
    AqaConfig,
    CaptionConfig,
    ClassesConfig,
    NumbersConfig,
    PretrainingConfig,
    SentimentRegressionConfig,
    SerConfig,
    TaskConfig,
)

__all__ = [
    "LOGGERS",
    "TASKS",
    "AqaConfig",
    "AugmentConfig",
    "CaptionConfig",
    "ClassesConfig",
    "CompositeOptions",
    "Config",
    "DatasetConfig",
    "FreezeConfig",
    "InitConfig",
    "LabelsConfig",
    "LoggerConfig",
    "MixtureConfig",
    "ModelOptions",
    "NumbersConfig",
    "OptimConfig",
    "PartConfig",
    "PretrainingConfig",
    "SentimentRegressionConfig",
    "SerConfig",
    "TaskConfig",
    "TrainerConfig",
    "to_dict",
]
