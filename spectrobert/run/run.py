"""One run while it is made: what its steps hand on to each other."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytorch_lightning as pl
from rich.console import Console
from transformers import PreTrainedTokenizerBase

from ..config import Config
from ..data.preparation import Prepared
from ..models.freezing import FreezeSummary
from ..models.model import Model
from ..tasks import Task
from .folder import RunFolder
from .loaders import DataModule
from .preemption import PreemptionNotice
from .prefix_cache.open import PrefixSummary
from .unread import UnreadClips


@dataclass
class Run:
    """Filled from top to bottom by the steps of `fit`; a field is read after its step alone."""

    config: Config
    console: Console
    notice: PreemptionNotice
    callbacks: Sequence[pl.Callback] = ()  # the caller's
    split: str = "test"  # that is scored
    # claim
    checkpoint: Path | None = None  # to resume from
    # prepare
    prepared: Prepared = field(init=False)
    # build
    tokenizer: PreTrainedTokenizerBase = field(init=False)
    task: Task = field(init=False)
    data: DataModule = field(init=False)
    frozen: FreezeSummary = field(init=False)
    # train
    prefix: PrefixSummary = field(init=False)
    unread: UnreadClips = field(init=False)
    trainer: pl.Trainer = field(init=False)
    seconds: float = field(init=False)  # from the beginning to the end of training

    def __post_init__(self) -> None:
        self.folder = RunFolder.of(self.config)
        self.began = time.monotonic()

    @property
    def model(self) -> Model:
        return self.task.model

    @property
    def is_resumed(self) -> bool:
        return self.checkpoint is not None

    def log(self, line: str) -> None:
        """Print a line on the run's console."""
        self.notice.log(line)
