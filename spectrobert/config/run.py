"""Options of weights, optimiser, trainer and logger, and a whole run."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Optional

from ..errors import UserError
from .augment import AugmentConfig
from .checks import at_least, choose, folder_inside, share, share_above_zero
from .classic import NORMALIZATIONS, TASKS, ClassicConfig
from .datasets import MixtureConfig
from .tasks import ClassesConfig, DimensionalConfig, TaskConfig

SCHEDULES = ("constant", "linear", "cosine", "tri_stage", "plateau")
ROUNDING = 1e-9  # of a sum of two shares
LOGGERS = ("csv", "tensorboard", "comet")
MAX_THREADS = 1024  # far more end the process with a segmentation fault
MAX_SEED = 2**63 - 1  # torch's generators take no larger one


@dataclass
class FreezeConfig:
    """Parts that train (spectrobert/models/freezing.py lists them)."""

    name: str = "none"
    train: list[str] = field(default_factory=lambda: ["all"])
    frozen: list[str] = field(default_factory=list)  # parts of these that do not train after all
    # Low-rank adapters on the linear layers of `lora_parts`, whose own weights stay frozen
    lora_rank: int = 0  # 0: none
    lora_alpha: float = 0.0  # scale times rank; 0: 2 * lora_rank
    lora_parts: list[str] = field(default_factory=lambda: ["encoder"])

    def __post_init__(self) -> None:
        at_least("freeze.lora_rank", self.lora_rank, 0)
        at_least("freeze.lora_alpha", self.lora_alpha, 0)


@dataclass
class InitConfig:
    """Source of the weights. All empty: random weights, a vocabulary trained on the corpus.

    Composite models have sources of their own, which "random" sets aside.
    """

    # BERT (of composite models any text encoder): a Hub name, a folder or an installed package;
    # --initialize_weights sets it
    text_model: str = ""
    # Of composite models: a Hub name or a folder; empty: that of the model's file; "random"
    speech_model: str = ""
    audio_encoder: str = ""  # wav2vec 2.0 checkpoint for the conv layers: a Hub name or a folder
    checkpoint: str = ""  # a SpectroBERT run or model folder; --checkpoint sets it
    # Read these models from pytorch_model.bin if they have no model.safetensors: a pickle, from
    # which torch builds tensors and nothing else
    allow_bin: bool = False

    def __post_init__(self) -> None:
        if self.speech_model and self.checkpoint:
            raise UserError(
                f"--checkpoint {self.checkpoint} and init.speech_model={self.speech_model} both"
                " name the weights of the speech encoder: choose one"
            )
        if self.text_model and self.checkpoint:
            raise UserError(
                f"--checkpoint {self.checkpoint} and --initialize_weights {self.text_model} both"
                " name the weights of the stack: choose one"
            )


@dataclass
class OptimConfig:
    """RAdam with the thesis' settings (appendix A), unless others are named."""

    # "radam" | "adamw", both with decoupled weight decay | "adam": decay is added to the gradient
    name: str = "radam"
    lr: float = 1e-5
    # Learning rates of parts of the model, by names as in freeze.train; the most specific one wins
    lr_of: dict[str, float] = field(default_factory=dict)
    # 0.98 for runs of a few hundred steps: RAdam's own warm-up lasts about 1 / (1 - beta2)
    beta2: float = 0.999
    weight_decay: float = 0.0
    decay_norms: bool = False  # also of biases and the weights of norms, which then shrink too
    # Weights that are validated and kept: "none", those of the last step | "ema": an exponential
    # moving average of all steps | "swa": the mean of all steps after `average_from`
    average: str = "none"
    ema_decay: float = 0.999  # of "ema"; smaller in the first steps
    average_from: float = 0.75  # of "swa": share of all steps after which the mean begins
    warmup_share: float = 0.0  # of all steps; RAdam needs none
    # "constant" | "linear" | "cosine", down to 0 at the last step | "tri_stage": warm-up, constant,
    # then exponential decay | "plateau": less after validations without a better `task.monitor`
    schedule: str = "constant"
    hold_share: float = 0.4  # of "tri_stage": steps at the full rate, of all
    final_scale: float = 0.05  # of "tri_stage": the rate at the last step, of the full one
    plateau_factor: float = 0.5  # of "plateau": what the rate is multiplied by
    plateau_patience: int = 0  # of "plateau": validations without improvement that are tolerated
    plateau_threshold: float = 0.0025  # of "plateau": least improvement, relative to the best
    clip: float = 5.0  # most of what `clip_by` names; 0: gradients are not clipped
    clip_by: str = "norm"  # "norm": of all gradients together | "value": each element by itself

    def __post_init__(self) -> None:
        choose("optim.name", self.name, ("radam", "adam", "adamw"))
        choose("optim.schedule", self.schedule, SCHEDULES)
        share("optim.warmup_share", self.warmup_share)
        share("optim.beta2", self.beta2)
        at_least("optim.weight_decay", self.weight_decay, 0)
        at_least("optim.clip", self.clip, 0)
        choose("optim.average", self.average, ("none", "ema", "swa"))
        share("optim.ema_decay", self.ema_decay)
        share("optim.average_from", self.average_from)
        choose("optim.clip_by", self.clip_by, ("norm", "value"))
        rates = {"lr": self.lr} | {f"lr_of.{part}": rate for part, rate in self.lr_of.items()}
        for option, rate in rates.items():
            if not 0 < rate < math.inf:
                raise UserError(f"optim.{option}={rate}: must be above 0 and finite")
        self._check_schedules()

    def _check_schedules(self) -> None:
        share("optim.hold_share", self.hold_share)
        share_above_zero("optim.final_scale", self.final_scale)
        share_above_zero("optim.plateau_factor", self.plateau_factor)
        at_least("optim.plateau_patience", self.plateau_patience, 0)
        at_least("optim.plateau_threshold", self.plateau_threshold, 0)
        if self.schedule == "tri_stage" and self.warmup_share + self.hold_share > 1 + ROUNDING:
            raise UserError(
                f"optim.warmup_share={self.warmup_share} and optim.hold_share={self.hold_share}:"
                " must be 1 at most together"
            )


@dataclass
class TrainerConfig:
    """Options of training: duration, batches, devices, checkpoints, caches."""

    epochs: Optional[int] = None  # unset: task.epochs
    max_steps: int = -1  # stop after so many optimiser steps; -1: no limit
    batch_size: int = 24  # of all devices together
    # Training batches of clips of like length: less padding. false: drawn at random, as is better
    # if length says something of the label
    group_by_length: bool = True
    speaker_clips: int = 16  # of one speaker in a batch, of model.pooled_norm=speaker
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
    # "auto": activations of frozen layers are computed once and cached on disk, if that changes no
    # result | "off"
    prefix_cache: str = "auto"
    cache_gb: float = 50.0  # of a run at most; a larger cache is not written
    cache_dtype: str = "float32"  # "float16": half the disk, values rounded to 3 digits
    # Decoded clips that each reading process keeps in memory, so that a small corpus is decoded
    # once; those that dataset.crop=random cuts are not kept
    memory_gb: float = 0.0
    # "auto": faster implementations of the same layers, if any | "off": plain torch
    kernels: str = "auto"
    progress: bool = True  # a bar, on a terminal
    progress_minutes: float = 5.0  # between two lines inside an epoch, if there is no bar

    def __post_init__(self) -> None:
        choose("trainer.accelerator", self.accelerator, ("cpu", "cuda"))
        choose("trainer.precision", self.precision, ("auto", "32-true", "16-mixed", "bf16-mixed"))
        choose("trainer.prefix_cache", self.prefix_cache, ("auto", "off"))
        choose("trainer.cache_dtype", self.cache_dtype, ("float32", "float16"))
        choose("trainer.kernels", self.kernels, ("auto", "off"))
        at_least("trainer.speaker_clips", self.speaker_clips, 2)
        for name in ("batch_size", "accumulate", "devices", "nodes", "log_every_n_steps"):
            at_least(f"trainer.{name}", getattr(self, name), 1)
        if self.batch_size < self.processes:
            raise UserError(
                f"trainer.batch_size={self.batch_size} is the batch of all {self.processes} devices"
                " together: it must be as large at least"
            )
        for name in ("num_workers", "max_steps"):
            at_least(f"trainer.{name}", getattr(self, name), -1)
        for name in ("patience", "threads", "checkpoint_minutes", "progress_minutes"):
            at_least(f"trainer.{name}", getattr(self, name), 0)
        for name in ("cache_gb", "memory_gb"):
            at_least(f"trainer.{name}", getattr(self, name), 0)
        if self.threads > MAX_THREADS:
            raise UserError(f"trainer.threads={self.threads}: must be {MAX_THREADS} or less")
        if self.epochs is not None:
            at_least("trainer.epochs", self.epochs, 1)

    @property
    def processes(self) -> int:
        """Processes of a run, one per device."""
        return self.devices * self.nodes


@dataclass
class LoggerConfig:
    """Destination of the curves. metrics.csv is always written."""

    name: str = "csv"  # "csv" | "tensorboard" | "comet"
    project: str = "spectrobert"
    mode: str = "auto"  # comet: "online" if a key is set, else "offline"; "auto" decides

    def __post_init__(self) -> None:
        choose("logger.name", self.name, LOGGERS)
        choose("logger.mode", self.mode, ("auto", "online", "offline"))


@dataclass
class Config:
    """A whole run."""

    task: Any = None
    dataset: Any = None
    model: Any = None  # options of its architecture (config/model.py)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    classic: ClassicConfig = field(default_factory=ClassicConfig)  # in place of a network
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
    recorded: bool = False  # resume on the rows of split.csv although the corpus has changed

    def __post_init__(self) -> None:
        at_least("seed", self.seed, 0)
        if self.seed > MAX_SEED:
            raise UserError(f"seed={self.seed}: must be {MAX_SEED} or less")
        folder_inside("experiment_name", self.experiment_name)
        for option in ("data_dir", "runs_dir"):
            if not getattr(self, option):
                raise UserError(f"{option} is empty: name a folder; {option}=. is the present one")
        self._check_classes()
        self._check_mixup()
        self._check_units()
        if self.task and self.dataset and self.task.class_weights:
            balance = self.dataset.balance
            if balance != "none":
                raise UserError(
                    f"task.class_weights=true and dataset.balance={balance} both balance the"
                    " classes: choose one"
                )
        if self.task and self.dataset and self.dataset.shots and not self.task.has_classes:
            raise UserError(
                f"dataset.shots={self.dataset.shots}: task {self.task.name!r} has no classes"
            )
        monitor = self.task.monitor if self.task else "val/"
        if self.optim.schedule == "plateau" and not monitor.startswith("val/"):
            raise UserError(
                f"optim.schedule=plateau watches validation: task.monitor={monitor} is none of its"
                " metrics (val/...)"
            )
        if self.trainer.epochs is None and isinstance(self.task, TaskConfig):
            self.trainer.epochs = self.task.epochs
        if self.classic.is_on and self.task and self.dataset:
            self._check_classic()
            self.model = None  # no network is built
        if isinstance(self.task, DimensionalConfig):
            # One row has no concordance: its loss is 1 and teaches nothing
            at_least("trainer.batch_size", self.trainer.batch_size, 2)

    def _check_mixup(self) -> None:
        """Raise UserError if mixed clips are of no use to the task or the model."""
        if not self.augment.mixup or self.task is None:
            return
        if self.task.name == "pre":
            raise UserError(
                f"augment.mixup={self.augment.mixup}: --task pre has pairs that match or do not,"
                " and no targets to mix"
            )
        if self.task.truth == "caption":
            raise UserError(
                f"augment.mixup={self.augment.mixup}: --task {self.task.name} writes texts, which"
                " cannot be mixed"
            )
        contrastive = getattr(self.task, "contrastive", 0.0)
        has_means = getattr(self.model, "classifier", "linear") == "class_means"
        if contrastive or has_means:
            other = (
                f"task.contrastive={contrastive}" if contrastive else "model.classifier=class_means"
            )
            raise UserError(
                f"augment.mixup={self.augment.mixup}: a mixed clip is of two classes, and {other}"
                " needs clips of one: choose one of the two options"
            )

    def _check_units(self) -> None:
        """Raise UserError for an augmentation that moves sounds away from their units."""
        for name in ("crop_seconds", "tempo", "speed", "shift"):
            value = getattr(self.augment, name)
            if value and getattr(self.task, "units", ""):
                raise UserError(
                    f"augment.{name}={value} moves sounds in time: task.units would be of others"
                )

    def _check_classes(self) -> None:
        """Raise UserError for a mixture, or names of classes, that the task does not take."""
        if self.dataset is None or isinstance(self.task, ClassesConfig):
            return
        if isinstance(self.dataset, MixtureConfig) and self.task.name != "pre":
            raise UserError(
                f"--dataset {self.dataset.name}: a mixture serves --task pre and tasks with one of"
                f" several classes, not {self.task.name}"
            )
        parts = self.dataset.parts.values()
        if self.dataset.labels.is_set or any(part.labels.is_set for part in parts):
            raise UserError(
                "dataset.labels is for tasks with one of several classes (classification, ser,"
                f" sentiment), not {self.task.name}"
            )

    def _check_classic(self) -> None:
        """Raise UserError for what openSMILE features and an SVM cannot do."""
        what, dataset = f"classic.features={self.classic.features}", self.dataset
        if self.task.name not in TASKS:
            raise UserError(f"{what}: --task {self.task.name}: allowed are {', '.join(TASKS)}")
        if dataset.normalize not in NORMALIZATIONS:
            allowed = ", ".join(NORMALIZATIONS)
            raise UserError(f"{what}: dataset.normalize={dataset.normalize}: allowed are {allowed}")
        if dataset.silence_audio:
            raise UserError(f"{what}: dataset.silence_audio=true leaves nothing to hear")


def to_dict(config: Config) -> dict[str, Any]:
    """Plain types, for config.yaml."""
    return dataclasses.asdict(config)
