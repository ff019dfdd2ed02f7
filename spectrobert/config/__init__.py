"""Every option of a run: name, type, default, meaning and check, once.

YAML files under conf/ say only what differs. `register` puts the dataclasses into Hydra's
ConfigStore; after composing, `Config` is a plain object and nothing below build.py knows Hydra.
"""

from .datasets import (
    DatasetConfig,
    MixtureConfig,
    PartConfig,
    dataset_class,
    own_options,
    part_class,
)
from .ineffective import ineffective
from .run import (
    Config,
    FreezeConfig,
    InitConfig,
    LoggerConfig,
    OptimConfig,
    TrainerConfig,
    from_dict,
    model_class,
    register,
    to_dict,
)
from .tasks import (
    TASKS,
    AqaConfig,
    NumbersConfig,
    PretrainingConfig,
    SentimentRegressionConfig,
    SerConfig,
    TaskConfig,
)

__all__ = [
    "TASKS",
    "AqaConfig",
    "Config",
    "DatasetConfig",
    "FreezeConfig",
    "InitConfig",
    "LoggerConfig",
    "MixtureConfig",
    "NumbersConfig",
    "OptimConfig",
    "PartConfig",
    "PretrainingConfig",
    "SentimentRegressionConfig",
    "SerConfig",
    "TaskConfig",
    "TrainerConfig",
    "dataset_class",
    "from_dict",
    "ineffective",
    "model_class",
    "own_options",
    "part_class",
    "register",
    "to_dict",
]
