"""The configuration of a composite model: its options, checked, and those of its encoders."""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar

from transformers import AutoConfig, PreTrainedConfig

from ..config.model import CompositeOptions
from ..config.objectives import OBJECTIVES, masking, need
from .configuration import objectives_of
from .fusions.base import Fusion
from .fusions.registry import FUSIONS
from .heads import CLASSIFIERS, HEADS
from .pooling import NORMS, POOLINGS
from .speech_types import SPEECH_TYPES
from .text_encoder import TEXT_TYPES, max_text_positions

STATES = re.compile(r"(\d+)(?:-(\d+))?")
ACTIVATIONS = ("tanh", "gelu", "none")
FRAMES_PER_SECOND = 50  # of all these encoders
# Fields of transformers' configurations that are set here for every encoder
ENCODER_FIELDS: dict[str, Any] = {
    "layerdrop": 0.0,  # it would leave states out of a weighted mean
    "encoder_layerdrop": 0.0,
    "apply_spec_augment": False,  # masked frames are augmentation, not a property of the encoder
    "mask_time_prob": 0.0,
    "mask_feature_prob": 0.0,
}
CHOICES: dict[str, Collection[str]] = {
    "fusion": FUSIONS,
    "audio_tokens": ("frames", "words"),
    "pooling": POOLINGS,
    "text_pooling": POOLINGS,
    "pooled_norm": NORMS,
    "embedding_act": ACTIVATIONS,
    "classifier": CLASSIFIERS,
    "head": HEADS,
}
COUNTS = ("fusion_layers", "frames_per_token")
NOT_NEGATIVE = ("speech_layers", "text_layers", "embedding_size", "orthogonality", "lora_rank")


class CompositeConfig(CompositeOptions, PreTrainedConfig):
    """CompositeOptions, checked, as transformers saves and loads them.

    Raises ValueError if a value is not allowed, naming field, value and what is allowed.
    """

    model_type: ClassVar[str] = "spectrobert_composite"

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        self.lora_parts = tuple(self.lora_parts)
        self.objectives = objectives_of(self)
        for is_wrong, message in self._checks():
            if is_wrong:
                raise ValueError(message)

    def _checks(self) -> Iterator[tuple[bool, str]]:
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            yield value not in allowed, f"model.{name}={value!r}: allowed are {', '.join(allowed)}"
        for name in COUNTS:
            value = getattr(self, name)
            yield value < 1, f"model.{name}={value}: must be 1 or more"
        for name in NOT_NEGATIVE:
            value = getattr(self, name)
            is_fine = value >= 0 and math.isfinite(value)
            yield not is_fine, f"model.{name}={value}: must be 0 or more"
        drop = self.head_dropout_prob
        yield not 0 <= drop < 1, f"model.head_dropout_prob={drop}: must be 0 or more and below 1"
        states = self.speech_states
        is_known = states in ("last", "weighted") or STATES.fullmatch(states)
        wanted = "last, weighted, a layer's number or a range as 2-5"
        yield not is_known, f"model.speech_states={states!r}: must be {wanted}"
        yield not self.max_seconds > 0, f"model.max_seconds={self.max_seconds}: must be above 0"
        yield from self._encoder_checks("speech", self.speech, SPEECH_TYPES, self.hears)
        yield from self._encoder_checks("text", self.text, TEXT_TYPES, self.reads)
        is_idle = self.audio_tokens == "words" and not self.kind.is_text_stack
        yield is_idle, f"model.audio_tokens=words is of model.fusion=joint, not {self.fusion}"
        yield from self.kind.checks(self)
        for lacks, what, names in self._objective_checks():
            yield (
                lacks and bool(names),
                f"task.objectives: {' and '.join(names)} need {what}; with"
                f" model.fusion={self.fusion} allowed are {', '.join(self._allowed()) or 'none'}",
            )
        yield from self._layer_checks()

    def _objective_checks(self) -> Iterator[tuple[bool, str, list[str]]]:
        """Parts that the model may lack, in words, and the objectives that need them."""
        names = list(self.objectives) if self.head == "pretraining" else []
        yield not self.kind.pretrains, "another model.fusion, whose layers they train", names
        yield not self.reads, "text", need(names, "text")
        yield not self.hears, "audio", need(names, "audio")
        is_apart = not self.kind.is_text_stack
        yield is_apart, "one stack of both (model.fusion=joint)", need(names, "pairs")
        yield not self._shares_units, "model=speechlm", need(names, "shared")
        is_merged = self.kind.is_text_stack and self.frames_per_token > 1
        yield is_merged, "model.frames_per_token=1", masking(names)
        yield self.audio_tokens == "words", "model.audio_tokens=frames", masking(names)

    def _allowed(self) -> list[str]:
        """Objectives that the fusion allows."""
        return [
            name
            for name, entry in OBJECTIVES.items()
            if self.kind.pretrains
            and (self.reads or not entry.of_text)
            and (self.hears or not entry.of_audio)
            and (self.kind.is_text_stack or not entry.of_pairs)
            and (self._shares_units or not entry.of_shared)
        ]

    @property
    def _shares_units(self) -> bool:
        """True if the speech encoder has layers that units pass as well."""
        if self.fusion != "audio" or self.speech.get("model_type") != "speechlm":
            return False
        speech: Any = self.of_speech
        return speech.num_hidden_layers > speech.num_speech_layers

    def _encoder_checks(
        self, name: str, fields: Mapping[str, Any], known: Collection[str], is_used: bool
    ) -> Iterator[tuple[bool, str]]:
        if not is_used:
            return
        kind = fields.get("model_type")
        yield (
            kind is None,
            f"model.{name} is empty, and model.fusion={self.fusion} has {name}: give"
            f" init.{name}_model=<Hub name or folder>, or choose another model=",
        )
        message = f"model.{name}.model_type={kind!r}: allowed are {', '.join(known)}"
        yield kind not in known, message
        of_type = AutoConfig.for_model(kind)
        wrong = next((field for field in fields if not hasattr(of_type, field)), None)
        yield wrong is not None, f"model.{name}.{wrong}: {kind} has no such option"

    def _layer_checks(self) -> Iterator[tuple[bool, str]]:
        if not self.hears:
            return
        has = num_layers(AutoConfig.for_model(**self.speech))
        first, last = self.named_states or (0, 0)
        for name, value in (("speech_layers", self.speech_layers), ("speech_states", last)):
            yield value > has, f"model.{name}={value}: the speech encoder has {has} layers"
        yield first > last, f"model.speech_states={self.speech_states}: the first is above the last"

    @property
    def kind(self) -> type[Fusion]:
        """The class of the fusion."""
        return FUSIONS[self.fusion]

    @property
    def hears(self) -> bool:
        """False for text alone."""
        return self.kind.hears

    @property
    def reads(self) -> bool:
        """False for audio alone."""
        return self.kind.reads

    @property
    def needs_word_times(self) -> str:
        """The option by which words are aligned with frames; "" if they are not."""
        return (
            "model.audio_tokens=words"
            if self.audio_tokens == "words"
            else self.kind.needs_word_times
        )

    @property
    def of_speech(self) -> PreTrainedConfig:
        """The speech encoder's configuration, cut to the layers that are read."""
        config = encoder_config(self.speech)
        named = self.named_states
        kept = named[1] if named else self.speech_layers or num_layers(config)
        setattr(config, LAYERS.get(config.model_type, "num_hidden_layers"), kept)
        return config

    @property
    def named_states(self) -> tuple[int, int] | None:
        """First and last layer that `speech_states` names; None if it names none."""
        named = STATES.fullmatch(self.speech_states)
        return (int(named[1]), int(named[2] or named[1])) if named else None

    @property
    def first_mixed(self) -> int | None:
        """The first state of a weighted mean; None if one state is read."""
        if self.speech_states == "weighted":
            return 0
        named = self.named_states
        return named[0] if named and "-" in self.speech_states else None

    @property
    def of_text(self) -> PreTrainedConfig:
        """The text encoder's configuration."""
        config = encoder_config(self.text)
        if self.text_layers:
            config.num_hidden_layers = self.text_layers
        return config

    @property
    def max_audio_positions(self) -> int:
        """Audio tokens of a joint stack."""
        return math.ceil(self.max_seconds * FRAMES_PER_SECOND / self.frames_per_token)

    @property
    def max_text_positions(self) -> float:
        """Word pieces that are read at most."""
        return max_text_positions(self.of_text) if self.reads else math.inf


# model_type -> the field that counts layers, if it is not num_hidden_layers
LAYERS = {"whisper": "encoder_layers"}


def num_layers(config: PreTrainedConfig) -> int:
    """Layers of an encoder."""
    return getattr(config, LAYERS.get(config.model_type, "num_hidden_layers"))


def encoder_config(fields: Mapping[str, Any]) -> PreTrainedConfig:
    """transformers' configuration of `model.speech` or `model.text`."""
    config = AutoConfig.for_model(**fields)
    for name, value in ENCODER_FIELDS.items():
        if hasattr(config, name):
            setattr(config, name, value)
    return config
