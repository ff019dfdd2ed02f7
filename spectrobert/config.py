"""Every option of a run: name, type, default, meaning and check, once.

YAML files under conf/ say only what differs. `register` puts the dataclasses into Hydra's
ConfigStore; after composing, `Config` is a plain object and nothing below build.py knows Hydra.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, ClassVar, Optional

from .errors import UserError


def choose(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise UserError unless `value` is allowed for the option `name`."""
    if value not in allowed:
        raise UserError(f"{name}={value!r}: allowed are {', '.join(allowed)}")


def at_least(name: str, value: float, least: float) -> None:
    """Raise UserError where `value` is below `least`."""
    if not value >= least:  # NaN is not
        raise UserError(f"{name}={value}: must be {least} or more")


def share(name: str, value: float) -> None:
    """Raise UserError unless `value` is in [0, 1)."""
    if not 0 <= value < 1:
        raise UserError(f"{name}={value}: must be 0 or more and below 1")


@dataclass
class TaskConfig:
    """What is learnt. One subclass a task; the classes that learn are in spectrobert/tasks."""

    # The field of Example that says what is right: "label" | "targets" | "" where neither does
    truth: ClassVar[str] = "label"
    name: str = ""
    epochs: int = 30  # appendix A: 30 for fine-tuning
    monitor: str = "val/accuracy"  # the checkpoint that is tested is the best one by this
    mode: str = "max"
    class_weights: bool = False  # weigh the loss by inverse frequency of the classes in train

    def __post_init__(self) -> None:
        at_least("task.epochs", self.epochs, 1)
        choose("task.mode", self.mode, ("min", "max"))


@dataclass
class PretrainingConfig(TaskConfig):
    """MLM + SAP (thesis 2.3)."""

    truth: ClassVar[str] = ""
    name: str = "pre"
    epochs: int = 50
    monitor: str = "val/loss"
    mode: str = "min"
    mlm_probability: float = 0.15
    mlm_on_mismatch: bool = True  # also predict words beside audio that does not belong to them
    mlm_weight: float = 0.5
    sap_weight: float = 0.5
    mismatch_probability: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        share("task.mlm_probability", self.mlm_probability)
        share("task.mismatch_probability", self.mismatch_probability)


@dataclass
class AqaConfig(TaskConfig):
    """Answers to questions about a recording."""

    # Score the test split once more with its audio silenced: what do the questions alone answer?
    question_only: bool = True


@dataclass
class AqaBinaryConfig(AqaConfig):
    """Yes or no (thesis 2.4.3)."""

    name: str = "aqa_binary"


@dataclass
class AqaOpenConfig(AqaConfig):
    """One-word answers (thesis 2.4.3)."""

    name: str = "aqa_open"


@dataclass
class SerConfig(TaskConfig):
    """Emotion classes (thesis 2.4.4)."""

    name: str = "ser"
    monitor: str = "val/unweighted_accuracy"


@dataclass
class SentimentConfig(TaskConfig):
    """Sentiment classes."""

    name: str = "sentiment"
    monitor: str = "val/macro_f1"


@dataclass
class SerMultilabelConfig(TaskConfig):
    """Emotions of which several may be present (CMU-MOSEI)."""

    truth: ClassVar[str] = "targets"
    name: str = "ser_multilabel"
    monitor: str = "val/balanced_accuracy"


@dataclass
class NumbersConfig(TaskConfig):
    """Targets that are numbers."""

    truth: ClassVar[str] = "targets"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_weights:
            raise UserError(f"task.class_weights=true: task {self.name!r} has no classes to weigh")


@dataclass
class SentimentRegressionConfig(NumbersConfig):
    """Sentiment as a number (CMU-MOSEI)."""

    name: str = "sentiment_regression"
    monitor: str = "val/mae"
    mode: str = "min"
    loss: str = "l1"  # "l1": absolute error | "mse": squared error

    def __post_init__(self) -> None:
        super().__post_init__()
        choose("task.loss", self.loss, ("l1", "mse"))


@dataclass
class DimensionalConfig(NumbersConfig):
    """Arousal, valence, dominance by concordance (MSP-Podcast, IEMOCAP)."""

    name: str = "dimensional"
    monitor: str = "val/ccc"


TASKS: dict[str, type[TaskConfig]] = {
    "pre": PretrainingConfig,
    "aqa_binary": AqaBinaryConfig,
    "aqa_open": AqaOpenConfig,
    "ser": SerConfig,
    "ser_multilabel": SerMultilabelConfig,
    "sentiment": SentimentConfig,
    "sentiment_regression": SentimentRegressionConfig,
    "dimensional": DimensionalConfig,
}


@dataclass
class DatasetConfig:
    """What every corpus shares; each adds the keyword-only parameters of its `load`."""

    name: str = ""
    root: str = ""  # folder of the corpus; empty: <data_dir>/<name>
    prepared: str = ""  # folder that `data prepare` wrote: read in place of the corpus
    # "official": the owner's, validation carved by speaker | "random": speakers shared
    split: str = "official"
    split_seed: int = 0  # apart from `seed`, so that seeds of a run share their split
    val_share: float = 0.1
    test_share: float = 0.1  # carved only where the owner has no test split
    max_seconds: float = 10.24
    crop: str = "first"  # of longer clips: "first" | "center" | "random" (train only) | "whole"
    # Word pieces, [CLS] and [SEP] included (thesis 3.3.1); longer texts are cut and counted
    max_text_length: int = 128
    # Read each file once before training: "decode" | "header" | "auto" (by total length) | "none":
    # no file is opened; lengths are the owner's where he states them, and batches mixed where not
    check: str = "auto"
    max_skipped: float = 0.05  # share of unusable files above which the run refuses to start
    # Rows of the classes in train: "none" | "prune" all to the rarest | "duplicate" to the most
    # frequent. task.class_weights weighs their losses instead
    balance: str = "none"
    vocabulary: int = 2000  # most word pieces, where a vocabulary is trained on the corpus
    silence_audio: bool = False  # zero every waveform: what can be answered from the text alone

    def __post_init__(self) -> None:
        choose("dataset.balance", self.balance, ("none", "prune", "duplicate"))
        choose("dataset.split", self.split, ("official", "random"))
        choose("dataset.crop", self.crop, ("first", "center", "random", "whole"))
        choose("dataset.check", self.check, ("auto", "decode", "header", "none"))
        for name in ("val_share", "test_share", "max_skipped"):
            share(f"dataset.{name}", getattr(self, name))
        at_least("dataset.max_seconds", self.max_seconds, 0.1)
        at_least("dataset.max_text_length", self.max_text_length, 3)


@dataclass
class PartConfig:
    """One corpus of a mixture; each adds the keyword-only parameters of its `load`."""

    root: str = ""  # empty: <data_dir>/<its name>
    prepared: str = ""


@dataclass
class MixtureConfig(DatasetConfig):
    """Several corpora, `--dataset librispeech+wavcaps`; each one's own options are under its name:
    `dataset.wavcaps.sources=[soundbible]`.
    """

    # How often each corpus is drawn, in the order of the names; an epoch has as many rows as all
    # have together. Empty: every row once
    weights: list[float] = field(default_factory=list)

    @property
    def parts(self) -> list[str]:
        return self.name.split("+")

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("root", "prepared"):
            if getattr(self, option):
                raise UserError(
                    f"dataset.{option}={getattr(self, option)}: each corpus of a mixture has its"
                    f" own: dataset.{self.parts[0]}.{option}="
                )
        for name in self.parts:
            if isinstance(getattr(self, name), dict):  # from config.yaml
                setattr(self, name, part_class(name)(**getattr(self, name)))
        is_positive = all(0 < weight < math.inf for weight in self.weights)
        if self.weights and (len(self.weights) != len(self.parts) or not is_positive):
            raise UserError(
                f"dataset.weights={self.weights}: one number above 0 is needed for each of"
                f" {', '.join(self.parts)}"
            )


@dataclass
class FreezeConfig:
    """Which parts train (spectrobert/freezing.py lists the parts)."""

    name: str = "none"
    train: list[str] = field(default_factory=lambda: ["all"])


@dataclass
class InitConfig:
    """Where weights come from. All empty: random weights, a vocabulary trained on the corpus."""

    # BERT: a Hub name, a folder or an installed package; --initialize_weights sets it
    text_model: str = ""
    audio_encoder: str = ""  # wav2vec 2.0 checkpoint for the conv layers: a Hub name or a folder
    checkpoint: str = ""  # a SpectroBERT run or model folder; --checkpoint sets it

    def __post_init__(self) -> None:
        if self.text_model and self.checkpoint:
            raise UserError(
                f"--checkpoint {self.checkpoint} and --initialize_weights {self.text_model} both"
                " name the weights of the stack: choose one"
            )


@dataclass
class OptimConfig:
    """RAdam with the thesis' settings (appendix A)."""

    lr: float = 1e-5
    # 0.98 for runs of a few hundred steps: RAdam's own warm-up lasts about 1 / (1 - beta2)
    beta2: float = 0.999
    weight_decay: float = 0.0
    warmup_share: float = 0.0  # of all steps; RAdam needs none
    schedule: str = "constant"  # "constant" | "linear" | "cosine", down to 0 at the last step
    clip: float = 5.0  # largest gradient norm

    def __post_init__(self) -> None:
        choose("optim.schedule", self.schedule, ("constant", "linear", "cosine"))
        share("optim.warmup_share", self.warmup_share)
        share("optim.beta2", self.beta2)
        at_least("optim.weight_decay", self.weight_decay, 0)
        at_least("optim.clip", self.clip, 0)
        if not 0 < self.lr < math.inf:
            raise UserError(f"optim.lr={self.lr}: must be above 0 and finite")


@dataclass
class TrainerConfig:
    """How it is run."""

    epochs: Optional[int] = None  # unset: task.epochs
    max_steps: int = -1  # stop after so many optimiser steps; -1: no limit
    batch_size: int = 24  # of all devices together
    accumulate: int = 1  # batches per optimiser step
    accelerator: str = "cpu"  # --cuda sets "cuda"
    devices: int = 1  # GPUs, or processes on a CPU, of one node
    nodes: int = 1
    # "auto": on a GPU bf16-mixed from compute capability 8.0 on, else 16-mixed; on a CPU 32-true
    precision: str = "auto"
    num_workers: int = -1  # processes that read audio; -1: one less than the cores, 4 at most
    patience: int = 0  # stop after so many epochs without a better `task.monitor`; 0: never
    # Between two writings of checkpoints/last.ckpt inside an epoch
    checkpoint_minutes: float = 15.0
    log_every_n_steps: int = 10
    threads: int = 0  # torch threads; 0: torch's own choice
    # Keep only the input of each of BERT's layers and compute the rest again in the backward pass:
    # less memory, more time, the same losses
    checkpoint_activations: bool = False
    # "auto": what lies below the first trainable part is computed once and kept on disk, where that
    # changes no result | "off"
    prefix_cache: str = "auto"
    cache_gb: float = 50.0  # most that it may take for a run; what is larger is not kept
    progress: bool = True  # a bar, on a terminal
    progress_minutes: float = 5.0  # between two lines inside an epoch, where there is no bar

    def __post_init__(self) -> None:
        choose("trainer.accelerator", self.accelerator, ("cpu", "cuda"))
        choose("trainer.precision", self.precision, ("auto", "32-true", "16-mixed", "bf16-mixed"))
        choose("trainer.prefix_cache", self.prefix_cache, ("auto", "off"))
        for name in ("batch_size", "accumulate", "devices", "nodes", "log_every_n_steps"):
            at_least(f"trainer.{name}", getattr(self, name), 1)
        if self.batch_size < self.processes:
            raise UserError(
                f"trainer.batch_size={self.batch_size} is the batch of all {self.processes} devices"
                " together: it must be as large at least"
            )
        for name in ("num_workers", "max_steps"):
            at_least(f"trainer.{name}", getattr(self, name), -1)
        for name in ("patience", "threads", "checkpoint_minutes", "progress_minutes", "cache_gb"):
            at_least(f"trainer.{name}", getattr(self, name), 0)
        if self.epochs is not None:
            at_least("trainer.epochs", self.epochs, 1)

    @property
    def processes(self) -> int:
        """Processes of a run, one a device."""
        return self.devices * self.nodes


@dataclass
class LoggerConfig:
    """Where curves go. metrics.csv is always written."""

    name: str = "csv"  # "csv" | "tensorboard" | "comet"
    project: str = "spectrobert"
    mode: str = "auto"  # comet: "online" when a key is set, else "offline"; "auto" decides

    def __post_init__(self) -> None:
        choose("logger.name", self.name, ("csv", "tensorboard", "comet"))
        choose("logger.mode", self.mode, ("auto", "online", "offline"))


@dataclass
class Config:
    """A whole run."""

    task: Any = None
    dataset: Any = None
    model: Any = None  # SpectroBertConfig's own fields
    freeze: FreezeConfig = field(default_factory=FreezeConfig)
    init: InitConfig = field(default_factory=InitConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    logger: LoggerConfig = field(default_factory=LoggerConfig)
    experiment_name: str = "${dataset.name}_${task.name}"
    data_dir: str = "data"
    runs_dir: str = "runs"
    seed: int = 0
    resume: bool = False

    def __post_init__(self) -> None:
        at_least("seed", self.seed, 0)
        if isinstance(self.dataset, MixtureConfig) and self.task.name != "pre":
            raise UserError(f"--dataset {self.dataset.name}: a mixture serves --task pre only")
        if self.task and self.dataset and self.task.class_weights:
            balance = self.dataset.balance
            if balance != "none":
                raise UserError(
                    f"task.class_weights=true and dataset.balance={balance} both balance the"
                    " classes: choose one"
                )
        if self.trainer.epochs is None and isinstance(self.task, TaskConfig):
            self.trainer.epochs = self.task.epochs
        if isinstance(self.task, DimensionalConfig):
            # One row has no concordance: its loss is 1 and teaches nothing
            at_least("trainer.batch_size", self.trainer.batch_size, 2)


@cache
def dataset_class(name: str) -> type[DatasetConfig]:
    """DatasetConfig with the corpus' own options: the keyword-only parameters of its `load`.

    Of a mixture, with one such group for each corpus. Raises UserError for an unknown name.
    """
    named: list[tuple[str, Any, Any]] = [("name", str, field(default=name))]
    parts = name.split("+")
    if len(parts) == 1:
        return dataclasses.make_dataclass(
            f"{name}_dataset", named + own_fields(name), bases=(DatasetConfig,)
        )
    if len(set(parts)) < len(parts):
        raise UserError(f"--dataset {name} names a corpus twice")
    kinds = {part: part_class(part) for part in parts}
    groups = [(part, kind, field(default_factory=kind)) for part, kind in kinds.items()]
    return dataclasses.make_dataclass("mixture", named + groups, bases=(MixtureConfig,))


@cache
def part_class(name: str) -> type[PartConfig]:
    """PartConfig with the corpus' own options."""
    return dataclasses.make_dataclass(f"{name}_part", own_fields(name), bases=(PartConfig,))


def own_fields(name: str) -> list[tuple[str, Any, Any]]:
    """A corpus' own options, for `make_dataclass`."""
    from .data.corpora import corpus

    fields: list[tuple[str, Any, Any]] = []
    for option, parameter in corpus(name).options().items():
        default = parameter.default
        if isinstance(default, (tuple, list)):
            values = list(default)
            fields.append((option, list[str], field(default_factory=partial(list, values))))
        else:
            kind = Any if default in ("", None) else type(default)
            fields.append((option, kind, field(default=default)))
    return fields


def own_options(options: DatasetConfig) -> dict[str, Any]:
    """The corpus' own options, those that `dataset_class` adds; of a mixture those of its parts."""
    common = {f.name for f in dataclasses.fields(DatasetConfig)}
    return {name: v for name, v in dataclasses.asdict(options).items() if name not in common}


@cache
def model_class() -> type:
    """SpectroBertConfig's own fields as a dataclass: Hydra then knows names, types and defaults."""
    from .models.configuration import DERIVED, SpectroBertConfig

    fields: list[tuple[str, Any, Any]] = []
    inherited = {f.name for f in dataclasses.fields(SpectroBertConfig.__base__)}
    for f in dataclasses.fields(SpectroBertConfig):
        if f.name in inherited or f.name in DERIVED:
            continue
        if isinstance(f.default, tuple):
            values = list(f.default)
            fields.append((f.name, list[int], field(default_factory=partial(list, values))))
        else:
            fields.append((f.name, type(f.default), field(default=f.default)))
    return dataclasses.make_dataclass("model", fields)


def register(datasets: Iterable[str]) -> None:
    """Put the schemas into Hydra's ConfigStore, of corpora only those named. Idempotent."""
    from hydra.core.config_store import ConfigStore

    store = ConfigStore.instance()
    store.store(name="schema", node=Config)
    store.store(group="model", name="schema", node=model_class())
    store.store(group="freeze", name="schema", node=FreezeConfig)
    for name, task in TASKS.items():
        store.store(group="task", name=name, node=task)
    for name in datasets:
        store.store(group="dataset", name=name, node=dataset_class(name))
    for name in ("csv", "tensorboard", "comet"):
        store.store(group="logger", name=name, node=LoggerConfig(name=name))


def to_dict(config: Config) -> dict[str, Any]:
    """Plain types, for config.yaml."""
    return dataclasses.asdict(config)


def from_dict(values: dict[str, Any]) -> Config:
    """The inverse of `to_dict`. Raises UserError for a key that this version does not know."""
    parts = dict(values)
    built: dict[str, Any] = {
        "task": TASKS[parts["task"]["name"]],
        "dataset": dataset_class(parts["dataset"]["name"]),
        "model": model_class(),
        "freeze": FreezeConfig,
        "init": InitConfig,
        "optim": OptimConfig,
        "trainer": TrainerConfig,
        "logger": LoggerConfig,
    }
    for name, part in built.items():
        if parts[name] is None:
            continue
        try:
            parts[name] = part(**parts[name])
        except TypeError as error:
            raise UserError(
                f"config.yaml was written by another version: {name}: {error}"
            ) from error
    return Config(**parts)
