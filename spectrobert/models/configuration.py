"""The configuration of a SpectroBERT model: its options, checked, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

from transformers import PreTrainedConfig
from transformers.activations import ACT2FN

from ..audio import features
from ..config.model import ARCHITECTURES, ModelOptions
from .heads import HEADS


class SpectroBertConfig(ModelOptions, PreTrainedConfig):
    """ModelOptions, checked, as transformers saves and loads them.

    Raises ValueError where a value is not allowed; the message names the field, the value and what
    is allowed.
    """

    model_type: ClassVar[str] = "spectrobert"

    # what transformers' BertLayer also asks for
    is_decoder: ClassVar[bool] = False
    add_cross_attention: ClassVar[bool] = False
    pad_token_id: ClassVar[int] = 0

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"model.{name}={getattr(self, name)!r}: allowed are {', '.join(allowed)}"
                )
        for name, (is_allowed, wanted) in BOUNDS.items():
            if not is_allowed(getattr(self, name)):
                raise ValueError(f"model.{name}={getattr(self, name)}: must be {wanted}")
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"model.hidden_size={self.hidden_size} is not a multiple of"
                f" model.num_attention_heads={self.num_attention_heads}"
            )
        for name in ("patch", "stride"):
            pair = tuple(getattr(self, name))
            if len(pair) != 2 or min(pair) < 1:
                raise ValueError(
                    f"model.{name}={list(pair)}: two positive numbers, [mel bins, frames]"
                )
            setattr(self, name, pair)
        if self.patch[0] > self.num_mel_bins:
            raise ValueError(
                f"model.patch={list(self.patch)} is taller than"
                f" model.num_mel_bins={self.num_mel_bins}"
            )
        if self.pad_to_max and self.max_frames < self.patch[1]:
            raise ValueError(
                f"model.max_frames={self.max_frames} is shorter than the {self.patch[1]} frames of"
                " model.patch"
            )
        self.conv_kernels, self.conv_strides = tuple(self.conv_kernels), tuple(self.conv_strides)
        for name in ("conv_kernels", "conv_strides"):
            values = getattr(self, name)
            if not values or min(values) < 1:
                raise ValueError(f"model.{name}={list(values)}: positive numbers, one per layer")
        if len(self.conv_kernels) != len(self.conv_strides):
            raise ValueError("model.conv_kernels and model.conv_strides differ in length")
        if self.conv_frames < 1:
            raise ValueError(
                f"model.patch={list(self.patch)} holds {self.patch[0] * self.patch[1]} values,"
                f" too few for {len(self.conv_kernels)} conv layers with kernels"
                f" {list(self.conv_kernels)}"
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
    def max_seconds(self) -> float:
        """The longest clip that is read to its end: by the time table, or by `pad_to_max`."""
        frames = (self.max_audio_positions - 1) * self.stride[1] + self.patch[1]
        if self.pad_to_max:
            frames = min(frames, self.max_frames)
        return features.samples_in(frames) / features.SAMPLE_RATE


CHOICES = {
    "architecture": tuple(ARCHITECTURES),
    "conv_norm": ("layer", "group"),
    "conv_pooling": ("mean", "concat"),
    "audio_positions": ("learned", "none"),
    "head": tuple(HEADS),
}
POSITIVE = (
    *("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"),
    *("vocab_size", "max_position_embeddings", "type_vocab_size", "num_mel_bins", "max_frames"),
    *("max_audio_positions", "conv_dim"),
)
SHARES = ("hidden_dropout_prob", "attention_probs_dropout_prob", "head_dropout_prob")
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
