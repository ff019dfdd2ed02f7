"""The configuration of a SpeechT5: its options, checked, and transformers' own configuration."""

import math
from collections.abc import Collection, Iterator
from typing import Any, ClassVar

from transformers import AutoConfig, PreTrainedConfig

from ..config.model import SpeechT5Options
from .pooling import POOLINGS

DECODER = "decoder"  # the pooling of the release
HEADS = ("none", "classification")
CHOICES: dict[str, Collection[str]] = {
    "modality": ("audio", "text"),
    "shared": ("speech", "text"),
    "pooling": (DECODER, *POOLINGS),
}
# Fields of transformers' configuration that are the same for every run
FIXED: dict[str, Any] = {
    "encoder_layerdrop": 0.0,  # released: 0.05; a layer that is dropped has no gradient
    "decoder_layerdrop": 0.0,
    "apply_spec_augment": False,  # masked frames are augmentation, not a property of the model
    "mask_time_prob": 0.0,
    "mask_feature_prob": 0.0,
}


class SpeechT5ClassConfig(SpeechT5Options, PreTrainedConfig):
    """SpeechT5Options, checked, as transformers saves and loads them.

    Raises ValueError if a value is not allowed, naming field, value and what is allowed.
    """

    model_type: ClassVar[str] = "spectrobert_speecht5"

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        self.lora_parts = tuple(self.lora_parts)
        for is_wrong, message in self._checks():
            if is_wrong:
                raise ValueError(message)

    def _checks(self) -> Iterator[tuple[bool, str]]:
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            yield value not in allowed, f"model.{name}={value!r}: allowed are {', '.join(allowed)}"
        yield (
            self.head == "generation",
            "--task caption: model=speecht5 has a decoder of its own, for classes; choose another"
            " model=",
        )
        yield (
            self.head not in HEADS,
            "--task pre: model=speecht5 has no pre-training objective here; it starts from"
            " published weights, or at random",
        )
        drop = self.head_dropout_prob
        yield not 0 <= drop < 1, f"model.head_dropout_prob={drop}: must be 0 or more and below 1"
        yield not self.max_seconds > 0, f"model.max_seconds={self.max_seconds}: must be above 0"
        layers = self.speecht5.get("encoder_layers", 1)
        yield layers < 1, f"model.speecht5.encoder_layers={layers}: must be 1 or more"
        yield self.lora_rank < 0, f"model.lora_rank={self.lora_rank}: must be 0 or more"
        known = AutoConfig.for_model("speecht5")
        wrong = next((field for field in self.speecht5 if not hasattr(known, field)), None)
        yield wrong is not None, f"model.speecht5.{wrong}: SpeechT5 has no such option"

    @property
    def network(self) -> PreTrainedConfig:
        """transformers' configuration of the pre-nets, the encoder and the decoder."""
        return AutoConfig.for_model("speecht5", **(self.speecht5 | FIXED))

    @property
    def hears(self) -> bool:
        """False for text to class."""
        return self.modality == "audio"

    @property
    def reads(self) -> bool:
        """False for speech to class."""
        return not self.hears

    @property
    def max_text_positions(self) -> float:
        """Characters that are read at most."""
        return math.inf if self.hears else self.network.max_text_positions
