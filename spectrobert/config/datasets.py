"""Options of a corpus or a mixture of corpora."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import UserError
from .checks import at_least, choose, share, share_above_zero
from .model import NORMALIZATIONS


class Shares(NamedTuple):
    """Shares of a corpus for the splits that are carved."""

    val: float
    test: float | None  # None: no test split is carved


SHARE = 0.1  # carved for a split, unless options or the task have another share
PRE_SHARE, PRE_FEWEST, PRE_MOST = 0.02, 100, 2000  # validation of pre-training: share, clips


@dataclass
class LabelsConfig:
    """Classes of a corpus: other names for them, and which are used."""

    map: dict[str, str] = field(default_factory=dict)  # {fear: fearful}: the corpus' name -> here
    # Names, after the map, of the classes that are used, in the order of the logits; rows of other
    # classes are left out. Empty: all
    keep: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.keep and len(set(self.keep)) < max(2, len(self.keep)):
            raise UserError(
                f"labels.keep=[{','.join(self.keep)}]: two classes are needed at least, each once"
            )

    @property
    def is_set(self) -> bool:
        return bool(self.map or self.keep)


@dataclass
class DatasetConfig:
    """Options of every corpus; each adds the keyword-only parameters of its `load`."""

    name: str = ""
    root: str = ""  # folder of the corpus; empty: <data_dir>/<name>
    prepared: str = ""  # folder that `data prepare` wrote: read in place of the corpus
    # "official": the owner's, validation carved by speaker | "random": speakers shared
    split: str = "official"
    split_seed: int = 0  # apart from `seed`, so that seeds of a run share their split
    # Of splits that the owner does not give. None: 0.1 each; for pre-training no test split, and a
    # small validation split (`carved_shares`). A validation share of 0 leaves all rows to training:
    # the last checkpoint is then tested, its epochs have been chosen in other runs
    val_share: float | None = None
    test_share: float | None = None
    # In place of val_share: so many speakers exactly, drawn by `split_seed` (groups if the corpus
    # states no speakers), or those named, [04,17]
    val_speakers: Any = field(default=None, metadata={"kind": int | list[str] | None})
    # Inner cross-validation, to choose epochs and settings: validation is part `inner_fold` of so
    # many that the training speakers are divided into, and the test split is not read. 0: none
    inner_folds: int = 0
    inner_fold: int = 1  # from 1 to inner_folds
    # Share of each class' training rows that is used, for learning curves; `split_seed` chooses,
    # smaller shares are parts of larger ones, and validation and test stay whole
    train_share: float = 1.0
    # Clips of each class that training uses, for few-shot learning, all of a class that has no
    # more; 0: no limit. `shots_seed` chooses (a table sets it to the run's seed: the same clips for
    # all its models), fewer shots are parts of more, and validation and test stay whole
    shots: int = 0
    shots_seed: int = 0
    max_seconds: float = 10.24
    crop: str = "first"  # of longer clips: "first" | "center" | "random" (train only) | "whole"
    # Word pieces, [CLS] and [SEP] included (thesis 3.3.1); longer texts are cut and counted
    max_text_length: int = 128
    # Times of words, for models that align them with the audio: "stated" by the corpus alone |
    # "proportional": where it states none, each word has a share of the clip by its letters, this
    # project's stand-in
    word_times: str = "stated"
    # Read each file once before training: "decode" | "header" | "auto" (by total length) | "none":
    # no file is opened; lengths are those the owner states, and batches are mixed if there are none
    check: str = "auto"
    max_skipped: float = 0.05  # share of unusable files above which the run refuses to start
    # Rows of the classes in train: "none" | "prune" all to the rarest | "duplicate" to the most
    # frequent, to the row | "repeat" each a whole number of times, up to the most frequent |
    # "batches" as many of each in every batch, as contrastive losses need them | "sampler": drawn
    # with replacement, each class equally likely. task.class_weights weighs their losses instead
    balance: str = "none"
    # Statistics per mel bin by which spectrograms are normalised: "audioset", AST's two constants |
    # "corpus": of the training clips | "clip": each clip's mean, the training clips' deviation |
    # "speaker": of each speaker's clips, those to be tested included, without labels | "auto": the
    # checkpoint's, else "audioset"
    normalize: str = "auto"
    vocabulary: int = 2000  # most word pieces, if a vocabulary is trained on the corpus
    lowercase: bool = True  # of a trained vocabulary: "Dog" is "dog"
    strip_accents: bool = False  # of a trained vocabulary: "é" is "e", Hangul falls into letters
    # Of tasks with one of several classes: dataset.labels.map, dataset.labels.keep
    labels: LabelsConfig = field(default_factory=LabelsConfig)
    silence_audio: bool = False  # zero every waveform: scores of the text alone
    # Of models that see: training frames of 96 pixels are cut to 88 anywhere, in place of in the
    # middle, and half the clips are mirrored
    augment_video: bool = True
    omit_text: bool = False  # every text is empty: scores of the sound alone

    def __post_init__(self) -> None:
        balances = ("none", "prune", "duplicate", "repeat", "batches", "sampler")
        choose("dataset.balance", self.balance, balances)
        self.labels = _labels(self.labels)
        choose("dataset.split", self.split, ("official", "random"))
        choose("dataset.crop", self.crop, ("first", "center", "random", "whole"))
        choose("dataset.normalize", self.normalize, ("auto", *NORMALIZATIONS))
        choose("dataset.word_times", self.word_times, ("stated", "proportional"))
        choose("dataset.check", self.check, ("auto", "decode", "header", "none"))
        for name in ("val_share", "test_share", "max_skipped"):
            if getattr(self, name) is not None:
                share(f"dataset.{name}", getattr(self, name))
        share_above_zero("dataset.train_share", self.train_share)
        at_least("dataset.shots", self.shots, 0)
        at_least("dataset.shots_seed", self.shots_seed, 0)
        if self.shots and self.train_share < 1:
            raise UserError(
                f"dataset.shots={self.shots} and dataset.train_share={self.train_share} both choose"
                " training rows: choose one"
            )
        self._check_validation()
        at_least("dataset.max_seconds", self.max_seconds, 0.1)
        at_least("dataset.max_text_length", self.max_text_length, 3)
        at_least("dataset.vocabulary", self.vocabulary, 1)

    def _check_validation(self) -> None:
        """Raise UserError for more than one choice of the validation split, or a wrong one."""
        if isinstance(self.val_speakers, list):
            self.val_speakers = [str(speaker) for speaker in self.val_speakers]
            if not self.val_speakers or len(set(self.val_speakers)) < len(self.val_speakers):
                shown = ",".join(self.val_speakers)
                raise UserError(f"dataset.val_speakers=[{shown}]: must name speakers, each once")
        elif self.val_speakers is not None:
            at_least("dataset.val_speakers", self.val_speakers, 1)
        if self.inner_folds:
            at_least("dataset.inner_folds", self.inner_folds, 2)
            if not 1 <= self.inner_fold <= self.inner_folds:
                raise UserError(
                    f"dataset.inner_fold={self.inner_fold}: must be 1 to"
                    f" dataset.inner_folds={self.inner_folds}"
                )
        asked = {
            "val_share": self.val_share,
            "val_speakers": self.val_speakers,
            "inner_folds": self.inner_folds or None,
        }
        asked = {name: value for name, value in asked.items() if value is not None}
        if len(asked) > 1:
            words = " and ".join(f"dataset.{name}={value}" for name, value in asked.items())
            raise UserError(f"{words} both choose the validation split: choose one")
        asked.pop("val_share", None)
        for name, value in asked.items():
            if self.split == "random":
                raise UserError(
                    f"dataset.{name}={value}: dataset.split=random shares speakers between splits"
                )

    @property
    def parts(self) -> dict[str, DatasetConfig | PartConfig]:
        """Corpus -> its own options."""
        return {self.name: self}

    def carved_shares(self, task: str, num_rows: int) -> Shares:
        """Shares carved from a corpus of n rows for the splits that its owner does not give.

        Pre-training validates on 2 % of a corpus: 100 clips at least (if they are no more than
        10 %) and 2000 at most. It has no test split unless `test_share` asks for one.
        """
        default = Shares(SHARE, SHARE)
        if task == "pre":
            fewest = min(SHARE, PRE_FEWEST / num_rows)
            default = Shares(min(max(PRE_SHARE, fewest), PRE_MOST / num_rows), None)
        return Shares(
            default.val if self.val_share is None else self.val_share,
            default.test if self.test_share is None else self.test_share,
        )


@dataclass
class PartConfig:
    """One corpus of a mixture; each adds the keyword-only parameters of its `load`."""

    root: str = ""  # empty: <data_dir>/<its name>
    prepared: str = ""
    labels: LabelsConfig = field(default_factory=LabelsConfig)

    def __post_init__(self) -> None:
        self.labels = _labels(self.labels)


def _labels(options: LabelsConfig | dict) -> LabelsConfig:
    """The options, which are a dict if they come from config.yaml."""
    return LabelsConfig(**options) if isinstance(options, dict) else options


@dataclass
class MixtureConfig(DatasetConfig):
    """Several corpora, `--dataset librispeech+wavcaps`; each one's own options are under its name:
    `dataset.wavcaps.sources=[soundbible]`, `dataset.emodb.labels.map={bored: neutral}`.
    """

    # How often each corpus is drawn, in the order of the names; an epoch has as many rows as all
    # have together. Empty: every row once
    weights: list[float] = field(default_factory=list)

    @property
    def parts(self) -> dict[str, DatasetConfig | PartConfig]:
        return {name: getattr(self, name) for name in self.name.split("+")}

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("root", "prepared"):
            if getattr(self, option):
                raise UserError(
                    f"dataset.{option}={getattr(self, option)}: each corpus of a mixture has its"
                    f" own: dataset.{next(iter(self.parts))}.{option}="
                )
        for option in ("val_speakers", "inner_folds"):
            if getattr(self, option):
                raise UserError(
                    f"dataset.{option}={getattr(self, option)}: a mixture has speakers of several"
                    " corpora; dataset.val_share= carves a share of each"
                )
        if self.labels.map:
            raise UserError(
                "dataset.labels.map: each corpus of a mixture has its own:"
                f" dataset.{next(iter(self.parts))}.labels.map="
            )
        is_positive = all(0 < weight < math.inf for weight in self.weights)
        if self.weights and (len(self.weights) != len(self.parts) or not is_positive):
            raise UserError(
                f"dataset.weights={self.weights}: one number above 0 is needed for each of"
                f" {', '.join(self.parts)}"
            )
