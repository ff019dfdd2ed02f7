"""Task options, one dataclass per task."""

import math
from dataclasses import dataclass, field
from typing import ClassVar

from ..errors import UserError
from . import objectives
from .checks import at_least, choose, probability, share
from .objectives import ContrastiveConfig, MaskedUnitsConfig


@dataclass
class TaskConfig:
    """Options of every task; the classes that learn are in spectrobert/tasks."""

    # The field of Example that holds the right answer: "label" | "targets" | "caption" | "": none
    truth: ClassVar[str] = "label"
    is_open: ClassVar[bool] = False  # a label that train lacks is wrong by definition, no error
    has_classes: ClassVar[bool] = True
    name: str = ""
    epochs: int = 30  # appendix A: 30 for fine-tuning
    monitor: str = "val/accuracy"  # the checkpoint that is tested is the best one by this
    mode: str = "max"
    class_weights: bool = False  # weigh the loss by inverse frequency of the classes in train

    def __post_init__(self) -> None:
        at_least("task.epochs", self.epochs, 1)
        choose("task.mode", self.mode, ("min", "max"))
        if not self.monitor:
            raise UserError("task.monitor is empty: name a metric, as val/accuracy")
        if self.class_weights and not self.has_classes:
            raise UserError(f"task.class_weights=true: task {self.name!r} has no classes to weigh")

    @property
    def reading(self) -> str:
        """The task by which a corpus is parsed; of pre-training, with what it needs of a row."""
        return self.name


@dataclass
class PretrainingConfig(TaskConfig):
    """Pre-training; by default MLM + SAP (thesis 2.3)."""

    truth: ClassVar[str] = ""
    has_classes: ClassVar[bool] = False
    name: str = "pre"
    epochs: int = 50
    monitor: str = "val/loss"
    mode: str = "min"
    # Objectives, each with the weight of its loss; 0: measured, not learnt. Empty:
    # {mlm: 0.5, sap: 0.5}
    objectives: dict[str, float] = field(default_factory=dict)
    # Folder of units that an objective predicts: `python -m spectrobert units` writes it
    units: str = ""
    masked_units: MaskedUnitsConfig = field(default_factory=MaskedUnitsConfig)
    contrastive: ContrastiveConfig = field(default_factory=ContrastiveConfig)
    # Of objectives that mask audio: share of its tokens in masked spans, which may overlap and then
    # cover less. 0: of the objective; the largest, if there are several
    mask_share: float = 0.0
    mask_seconds: float = 0.2  # length of a span: 10 frames of 20 ms
    # The longest span: lengths are then drawn from mask_seconds on, and no spans overlap; 0: all
    # have the same length
    mask_longest: float = 0.0
    # Shares of masked audio tokens at which another token of the clip is seen, or the token itself
    mask_swapped: float = 0.0
    mask_kept: float = 0.0
    mlm_probability: float = 0.15
    mlm_on_mismatch: bool = True  # also predict words of pairs whose audio is another clip
    mismatch_probability: float = 0.5
    # Sounds of mismatched pairs: "any" row of the split | "like": of the source (corpus, file) and
    # of about the length of the row's own | "auto": "like" if the corpus has several sources
    negatives: str = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.objectives = dict(self.objectives or objectives.DEFAULT)
        objectives.check_weights(self.objectives)
        for name, kind in objectives.OPTIONS.items():
            if isinstance(given := getattr(self, name), dict):  # from config.yaml
                setattr(self, name, kind(**given))
        if (names := objectives.need(self.objectives, "units")) and not self.units:
            raise UserError(
                f"task.objectives: {' and '.join(names)} need units: make them by"
                " `python -m spectrobert units --dataset <corpus>`, and name them by task.units="
            )
        probability("task.mask_share", self.mask_share)
        if not 0 < self.mask_seconds < math.inf:
            raise UserError(f"task.mask_seconds={self.mask_seconds}: must be above 0 and finite")
        self._check_masks()
        share("task.mlm_probability", self.mlm_probability)
        share("task.mismatch_probability", self.mismatch_probability)
        choose("task.negatives", self.negatives, ("auto", "any", "like"))

    def _check_masks(self) -> None:
        longest, shortest = self.mask_longest, self.mask_seconds
        if longest and not shortest <= longest < math.inf:
            raise UserError(
                f"task.mask_longest={longest}: must be 0, or task.mask_seconds={shortest} or more"
                " and finite"
            )
        share("task.mask_swapped", self.mask_swapped)
        share("task.mask_kept", self.mask_kept)
        if self.mask_swapped + self.mask_kept > 1:
            raise UserError(
                f"task.mask_swapped={self.mask_swapped} and task.mask_kept={self.mask_kept}: their"
                " sum must be 1 or less"
            )

    @property
    def reading(self) -> str:
        return objectives.reading(self.objectives)


@dataclass
class ClassLossConfig(TaskConfig):
    """Cross entropy, of one class of several or of labels that may be present."""

    # Share of a target that is spread evenly over all classes; of a label that may be present, over
    # present and absent. In training alone: validation and test are scored on the labels
    label_smoothing: float = 0.0
    # Focal loss (Lin et al. 2017): a term of probability p is weighed by (1 - p) ** focal_gamma
    focal_gamma: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        share("task.label_smoothing", self.label_smoothing)
        if not 0 <= self.focal_gamma < math.inf:
            raise UserError(f"task.focal_gamma={self.focal_gamma}: must be 0 or more and finite")


@dataclass
class OneLabelConfig(ClassLossConfig):
    """One right class of several."""

    # Learn the distribution of annotators' votes in place of the label, of rows that have votes
    soft_labels: bool = False


@dataclass
class AqaConfig(OneLabelConfig):
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

    is_open: ClassVar[bool] = True
    name: str = "aqa_open"


@dataclass
class ClassesConfig(OneLabelConfig):
    """One of several classes."""

    # Weight of the supervised contrastive loss, of models with an embedding; 1: nothing else
    contrastive: float = 0.0
    temperature: float = 0.07  # of that loss

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.contrastive <= 1:
            raise UserError(f"task.contrastive={self.contrastive}: must be from 0 to 1")
        if not self.temperature > 0:
            raise UserError(f"task.temperature={self.temperature}: must be above 0")


@dataclass
class ClassificationConfig(ClassesConfig):
    """Classes of any kind: sounds, words, speakers, languages."""

    name: str = "classification"
    monitor: str = "val/unweighted_accuracy"


@dataclass
class SerConfig(ClassesConfig):
    """Emotion classes (thesis 2.4.4)."""

    name: str = "ser"
    monitor: str = "val/unweighted_accuracy"


@dataclass
class SentimentConfig(ClassesConfig):
    """Sentiment classes."""

    name: str = "sentiment"
    monitor: str = "val/macro_f1"


@dataclass
class SerMultilabelConfig(ClassLossConfig):
    """Emotions of which several may be present (CMU-MOSEI)."""

    truth: ClassVar[str] = "targets"
    name: str = "ser_multilabel"
    monitor: str = "val/balanced_accuracy"


@dataclass
class NumbersConfig(TaskConfig):
    """Targets that are numbers."""

    truth: ClassVar[str] = "targets"
    has_classes: ClassVar[bool] = False


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


@dataclass
class DecoderConfig:
    """The decoder that writes; its width, heads and dropout are those of the stack it reads."""

    layers: int = 6
    positions: int = 128  # rows of its position table: word pieces of the longest text
    # Word pieces have the vectors of the stack that reads text, if the model has one
    tie: bool = True

    def __post_init__(self) -> None:
        at_least("task.decoder.layers", self.layers, 1)
        at_least("task.decoder.positions", self.positions, 3)


@dataclass
class CaptionConfig(TaskConfig):
    """Texts about a recording, or free-form answers (thesis 2.4.5)."""

    truth: ClassVar[str] = "caption"
    has_classes: ClassVar[bool] = False
    name: str = "caption"
    monitor: str = "val/loss"
    mode: str = "min"
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    # Share of each word piece's target that is spread evenly over all, in training alone
    label_smoothing: float = 0.0
    # Word pieces, both ends included: longer captions are cut in training, and none is written
    max_length: int = 32
    beams: int = 4  # of the beam search; 1: greedy
    # Above 0 long texts are favoured, below 0 short ones: the sum of log probabilities is divided
    # by the length to this power
    length_penalty: float = 1.0
    no_repeat_ngram: int = 0  # no so many word pieces in a row are written twice; 0: they may be
    # Write texts in validation too, so that their metrics can be monitored; else its loss alone
    write_in_validation: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.decoder, dict):  # from config.yaml
            self.decoder = DecoderConfig(**self.decoder)
        share("task.label_smoothing", self.label_smoothing)
        at_least("task.max_length", self.max_length, 3)
        at_least("task.beams", self.beams, 1)
        at_least("task.no_repeat_ngram", self.no_repeat_ngram, 0)
        if not math.isfinite(self.length_penalty):
            raise UserError(f"task.length_penalty={self.length_penalty}: must be finite")
        if self.max_length > self.decoder.positions:
            raise UserError(
                f"task.max_length={self.max_length} is more than the {self.decoder.positions}"
                " positions of the decoder: raise task.decoder.positions"
            )


TASKS: dict[str, type[TaskConfig]] = {
    task.name: task
    for task in (
        PretrainingConfig,
        AqaBinaryConfig,
        AqaOpenConfig,
        ClassificationConfig,
        SerConfig,
        SerMultilabelConfig,
        SentimentConfig,
        SentimentRegressionConfig,
        DimensionalConfig,
        CaptionConfig,
    )
}
