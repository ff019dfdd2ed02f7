"""The configuration of a SpectroBERT model: its options, checked, and derived sizes."""

import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from transformers import PreTrainedConfig
from transformers.activations import ACT2FN

from ..audio import features
from ..config.model import ARCHITECTURES, NORMALIZATIONS, ModelOptions
from ..config.objectives import DEFAULT, need
from .heads import HEADS
from .pooling import NORMS


class SpectroBertConfig(ModelOptions, PreTrainedConfig):
    """ModelOptions, checked, as transformers saves and loads them.

    Raises ValueError if a value is not allowed, naming field, value and what is allowed.
    """

    model_type: ClassVar[str] = "spectrobert"

    # also read by transformers' BertLayer
    is_decoder: ClassVar[bool] = False
    add_cross_attention: ClassVar[bool] = False
    pad_token_id: ClassVar[int] = 0

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        self.objectives = objectives_of(self)
        for is_wrong, message in self._checks():
            if is_wrong:
                raise ValueError(message)
        for name in ("patch", "stride", "conv_kernels", "conv_strides"):
            setattr(self, name, tuple(getattr(self, name)))

    def _checks(self) -> Iterator[tuple[bool, str]]:
        """Conditions that must not hold, with their messages; each relies on those before it."""
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            is_wrong = value not in allowed
            yield is_wrong, f"model.{name}={value!r}: allowed are {', '.join(allowed)}"
        for name, (is_allowed, wanted) in BOUNDS.items():
            value = getattr(self, name)
            yield not is_allowed(value), f"model.{name}={value}: must be {wanted}"
        yield (
            self.hidden_size % self.num_attention_heads > 0,
            f"model.hidden_size={self.hidden_size} is not a multiple of"
            f" model.num_attention_heads={self.num_attention_heads}",
        )
        for name in ("patch", "stride"):
            pair = list(getattr(self, name))
            is_wrong = len(pair) != 2 or min(pair) < 1
            yield is_wrong, f"model.{name}={pair}: two positive numbers, [mel bins, frames]"
        strange = need(self.objectives, "shared") if self.head == "pretraining" else []
        yield bool(strange), f"task.objectives: {' and '.join(strange)} need model=speechlm"
        patch, bins = list(self.patch), self.num_mel_bins
        yield patch[0] > bins, f"model.patch={patch} is taller than model.num_mel_bins={bins}"
        yield (
            self.pad_to_max and self.max_frames < patch[1],
            f"model.max_frames={self.max_frames} is shorter than the {patch[1]} frames of"
            " model.patch",
        )
        for name in ("conv_kernels", "conv_strides"):
            values = list(getattr(self, name))
            is_wrong = not values or min(values) < 1
            yield is_wrong, f"model.{name}={values}: positive numbers, one per layer"
        kernels = list(self.conv_kernels)
        is_wrong = len(kernels) != len(self.conv_strides)
        yield is_wrong, "model.conv_kernels and model.conv_strides differ in length"
        yield (
            self.conv_frames < 1,
            f"model.patch={patch} holds {patch[0] * patch[1]} values, too few for {len(kernels)}"
            f" conv layers with kernels {kernels}",
        )

    @property
    def conv_frames(self) -> int:
        """Conv frames that a patch leaves: 1 of 16x16 by six layers; below 1: it is too small."""
        values = self.patch[0] * self.patch[1]
        for kernel, stride in zip(self.conv_kernels, self.conv_strides):
            values = (values - kernel) // stride + 1
        return values

    @property
    def audio_width(self) -> int:
        """Width of a patch after pooling, before the projection."""
        return self.conv_dim * (self.conv_frames if self.conv_pooling == "concat" else 1)

    @property
    def frequency_patches(self) -> int:
        """Patches along the mel axis."""
        return (self.num_mel_bins - self.patch[0]) // self.stride[0] + 1

    @property
    def max_text_positions(self) -> int:
        """Word pieces that are read at most."""
        return self.max_position_embeddings

    @property
    def max_seconds(self) -> float:
        """The longest clip that is read to its end: by the time table, or by `pad_to_max`."""
        frames = (self.max_audio_positions - 1) * self.stride[1] + self.patch[1]
        if self.pad_to_max:
            frames = min(frames, self.max_frames)
        return features.samples_in(frames) / features.SAMPLE_RATE


def objectives_of(config: Any) -> dict[str, Any]:
    """Objectives of a configuration; a pre-training head that names none has mlm and sap."""
    is_default = config.head == "pretraining" and not config.objectives
    return {name: {} for name in DEFAULT} if is_default else dict(config.objectives)


CHOICES = {
    "architecture": tuple(ARCHITECTURES),
    "conv_norm": ("layer", "group"),
    "conv_pooling": ("mean", "concat"),
    "audio_positions": ("learned", "none"),
    "normalization": NORMALIZATIONS,
    "pooling": ("cls", "mean", "max", "statistics"),
    "pooled_norm": NORMS,
    "head": tuple(HEADS),
}
POSITIVE = (
    *("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"),
    *("vocab_size", "max_position_embeddings", "type_vocab_size", "num_mel_bins", "max_frames"),
    *("max_audio_positions", "conv_dim"),
)
SHARES = (
    *("hidden_dropout_prob", "attention_probs_dropout_prob", "head_dropout_prob"),
    "stochastic_depth",
)
# field -> (check, what it allows); NaN passes none
BOUNDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(POSITIVE, (lambda value: value >= 1, "1 or more")),
    **dict.fromkeys(SHARES, (lambda value: 0 <= value < 1, "0 or more and below 1")),
    **dict.fromkeys(
        ("layer_norm_eps", "audio_std"),
        (lambda value: 0 < value < math.inf, "above 0 and finite"),
    ),
    "initializer_range": (lambda value: 0 <= value < math.inf, "0 or more and finite"),
    "audio_mean": (math.isfinite, "finite"),
    "hidden_act": (lambda value: value in ACT2FN, f"one of {', '.join(sorted(ACT2FN))}"),
}
