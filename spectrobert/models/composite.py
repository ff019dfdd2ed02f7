"""Composite models: a speech encoder and a text encoder by name, a fusion, a pooling and a head.

    speech -> (hidden, mask) \\
                              fusion -> pooling -> norm, dense layer -> head
    text   -> (hidden, mask) /

Shapes: B batch, L word pieces, T samples, N frames, D width of speech, W width of text, S states of
a weighted mean, P and Q pooled widths, E width of what the head reads. In every mask True means a
real token.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from ..audio.features import SAMPLE_RATE
from ..config.fusion_options import MultOptions
from ..kernels import adopt
from . import composite_generation, composite_prefix, composite_pretraining, lora
from .augmentation import augment_waveform
from .batch import Batch
from .composite_configuration import CompositeConfig
from .fusions.base import Fusion, Sequence
from .generation import GenerationHead
from .heads import CLASSIFIERS, HEADS, PretrainingHead, embedding_layer, head_parts
from .model import (
    Activations,
    FrozenPrefix,
    Model,
    Output,
    TokenGrid,
)
from .objectives.base import Objective
from .pooling import POOLINGS, AttentiveStatistics, LayerWeights, normed, pooled_norm
from .speech_encoder import SpeechEncoder
from .speech_types import SPEECH_TYPES
from .text_encoder import TextEncoder

MULT_OPTIONS = tuple(option.name for option in fields(MultOptions))


class Composite(Model):
    """The network that its configuration describes."""

    config_class = CompositeConfig
    config: CompositeConfig
    base_model_prefix = "composite"
    is_joint = False
    free = frozenset(
        (
            *("speech_model", "text_model", "initializer_range", "head_dropout_prob"),
            *("orthogonality", "detach_head", "max_seconds"),
            *(name for name in MULT_OPTIONS if name.endswith("dropout")),
        )
    )
    behind_layers = frozenset(
        (
            *("pooling", "text_pooling", "pooled_norm", "embedding_size", "embedding_act"),
            *("classifier", "speech_states", "norm_states", "layer_pooler"),
        )
    )
    weights_behind_layers = (
        *("pooling.", "text_pooling.", "embedding.", "layer_weights.", "ctal.pools_of_both."),
        *("cross.layer_pooler.", "ctal.layer_pooler."),
    )
    inactive: ClassVar[frozenset[str]] = frozenset(
        (
            *("speech_model", "text_model", "initializer_range", "head_dropout_prob"),
            *("orthogonality", "detach_head", "pooled_norm", "embedding_size", "embedding_act"),
            "norm_states",
            *("classifier", "fusion_layers", "layer_pooler", "frames_per_token", "audio_tokens"),
            *MULT_OPTIONS,
        )
    )

    def __init__(self, config: CompositeConfig):
        super().__init__(config)
        self.hears = config.hears
        self.has_text_encoder = config.reads and not config.kind.is_text_stack
        sound = words = 0
        if config.hears:
            self.speech = self._speech_encoder()
            sound = self.speech.width
            self.first_mixed = config.first_mixed
            states = self.num_states(len(self.speech.layers))
            self.layer_weights = None if self.first_mixed is None else LayerWeights(states)
        if self.has_text_encoder:
            self.text = TextEncoder(config.of_text)
            words = self.text.width
        fusion = config.kind(config, sound, words)
        self.add_module(config.kind.attribute, fusion)
        if config.hears:
            fusion.grid = self.speech.grid
        sound, words = (fusion.sound_width, fusion.word_width) if fusion.pools else (0, 0)
        self.pooling = POOLINGS[config.pooling](sound) if sound else None
        self.text_pooling = POOLINGS[config.text_pooling](words) if words else None
        self.pooled_norm = pooled_norm(config.pooled_norm, fusion.width)
        self.embedding = embedding_layer(config, fusion.width)
        self.head = self._head(config.embedding_size or fusion.width)
        if config.lora_rank:
            lora.add_adapters(self, config.lora_rank, config.lora_alpha, config.lora_parts)
        adopt(self)
        self.post_init()

    @property
    def fusion(self) -> Fusion:
        """The layers between the encoders and the head."""
        fusion: Any = getattr(self, self.config.kind.attribute)
        return fusion

    @property
    def text_stack(self) -> Any:
        """The owner of the word table: the text encoder, or a fusion in its place."""
        return self.text if self.has_text_encoder else self.fusion

    def _speech_encoder(self) -> SpeechEncoder:
        speech = self.config.of_speech
        return SPEECH_TYPES[speech.model_type](speech, self.config.normalize)

    def _head(self, width: int) -> nn.Module:
        config = self.config
        if config.head == "pretraining":
            return composite_pretraining.head(self)
        if config.head == "generation":
            return composite_generation.head(self)
        is_chosen = config.head == "classification"
        return (CLASSIFIERS[config.classifier] if is_chosen else HEADS[config.head])(config, width)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, (Objective, Fusion)):
            module.reset()

    def forward(self, batch: Batch) -> Output:
        if isinstance(self.head, PretrainingHead):
            return composite_pretraining.output(self, batch, self.head)
        if isinstance(self.head, GenerationHead):
            return composite_generation.output(self, batch, self.head)
        vector, losses = self.fusion(self, batch)
        embedding = self.embedding(normed(self.pooled_norm, vector, batch))  # (B, E)
        read = embedding.detach() if self.config.detach_head else embedding
        hidden = embedding[:, None]
        mask = torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device)
        heads = self.head(read[:, None], batch, hidden)
        return Output(hidden, mask, embedding=embedding, losses=losses, **heads)

    def _states(self, batch: Batch) -> tuple[list[Tensor], Tensor]:
        """The frames of the states that are mixed, S times (B, N, D), else one; their mask."""
        last = len(self.speech.layers)
        if "sound_states" in batch:
            states = list(batch["sound_states"].split(self.speech.width, dim=2))
            return self.run(states, batch["audio_mask"], batch["depth"], last)
        _, hidden, mask = self.start(batch)
        return self.run([hidden], mask, 0, last)

    def start(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Convolved features (B, N, C), frames before the first layer (B, N, D), their mask (B, N).

        In pre-training some of the frames are masked.
        """
        waveform = augment_waveform(batch, SAMPLE_RATE)
        features, mask = self.speech.convolve(waveform, batch["num_samples"])
        hidden = self.speech.project(features)
        if isinstance(self.head, PretrainingHead):
            hidden = self.head.mask(hidden, batch)
        return features, self.speech.place(hidden, mask), mask

    def run(
        self, states: list[Tensor], mask: Tensor, first: int, last: int
    ) -> tuple[list[Tensor], Tensor]:
        """The states that are mixed, from layer `first` up to `last`, and their mask."""
        run = self.speech.run_layers(states[-1], mask, first, last)
        for depth, state in enumerate(run, start=first + 1):
            is_first = self.first_mixed is None or depth <= self.first_mixed
            states = [state] if is_first else [*states, state]
        return states, mask

    def num_states(self, depth: int) -> int:
        """States that are kept behind so many layers."""
        return 1 if self.first_mixed is None else max(1, depth - self.first_mixed + 1)

    def _finished(self, state: Tensor) -> Tensor:
        """The encoder's output; a state of a weighted mean, or of a named layer, as it is."""
        return self.speech.finish(state) if self.config.speech_states == "last" else state

    def frames(self, batch: Batch) -> Sequence:
        """The speech encoder's frames, states mixed: (B, N, D)."""
        return self.mixture(*self._states(batch))

    def behind(self, hidden: Tensor, mask: Tensor) -> Sequence:
        """The same of frames before the first layer."""
        return self.mixture(*self.run([hidden], mask, 0, len(self.speech.layers)))

    def mixture(self, states: list[Tensor], mask: Tensor) -> Sequence:
        if self.layer_weights is None:
            return Sequence(self._finished(states[0]), mask)
        return Sequence(self.mixed(states), mask)

    def mixed(self, states: list[Tensor]) -> Tensor:
        """The learned mean of frames, S times (B, N, D) -> (B, N, D)."""
        assert self.layer_weights is not None
        stacked = torch.stack(states)
        if self.config.norm_states:
            stacked = F.layer_norm(stacked, stacked.shape[-1:])
        return self.layer_weights(stacked)

    def sound_vector(self, batch: Batch) -> Tensor:
        """(B, P). A pooling without weights pools each state, and the mixture is of vectors.

        For a mean over frames that is the same; it can be cached in a few values per clip.
        """
        assert self.pooling is not None
        if self.pooling.is_weightless:
            vectors = self.pooled_states(batch)  # (B, S, P)
            if self.layer_weights is None:
                return vectors[:, 0]
            if self.config.norm_states:  # the means by themselves, and the deviations
                each = vectors.unflatten(2, (self.pooling.widths, -1))
                vectors = F.layer_norm(each, each.shape[-1:]).flatten(2)
            return self.layer_weights(vectors.transpose(0, 1))
        return self.pooling(*self.frames(batch))

    def pooled_states(self, batch: Batch) -> Tensor:
        """Each state, pooled by itself: (B, S, P)."""
        assert self.pooling is not None
        if batch.get("depth", 0) > len(self.speech.layers):
            count = self.num_states(len(self.speech.layers))
            return batch["sound_states"][:, 0].unflatten(1, (count, -1))
        states, mask = self._states(batch)
        return torch.stack([self.pooling(self._finished(s), mask) for s in states], dim=1)

    def pooling_weights(self, batch: Batch) -> Tensor | None:
        """Weights (B, N) of the frames in an attentive pooling of audio; None of another."""
        if not (self.fusion.is_late and isinstance(self.pooling, AttentiveStatistics)):
            return None
        return self.pooling.weights(*self.frames(batch))

    def words(self, batch: Batch) -> Sequence:
        """The text encoder's hidden states (B, L, W)."""
        mask = batch["text_mask"]
        if "word_states" in batch:
            return Sequence(batch["word_states"], mask)
        return Sequence(self.text(batch["input_ids"], mask), mask)

    def word_vector(self, batch: Batch) -> Tensor:
        """(B, Q)."""
        assert self.text_pooling is not None
        return self.text_pooling(*self.words(batch))

    def count_tokens(self, num_samples: Tensor) -> Tensor:
        return self.speech.num_frames(num_samples) if self.hears else torch.zeros_like(num_samples)

    @property
    def word_table(self) -> Tensor:
        return self.text_stack.word_table if self.config.reads else super().word_table

    @property
    def token_grid(self) -> TokenGrid:
        return self.speech.grid

    @property
    def least_samples(self) -> int:
        return self.speech.receptive_field if self.hears else 0

    def fixed_parameters(self) -> Iterator[nn.Parameter]:
        """Whisper's sinusoidal positions."""
        named = self.named_parameters()
        return (value for name, value in named if name.endswith("embed_positions.weight"))

    def parts(self) -> dict[str, list[nn.Module]]:
        config = self.config
        parts: dict[str, list[nn.Module]] = {}
        if config.hears:
            parts |= {f"audio.{name}": modules for name, modules in self.speech.parts().items()}
        if self.has_text_encoder:
            parts |= {f"text.{name}": modules for name, modules in self.text.parts().items()}
        parts |= self.fusion.parts()
        pooling = [getattr(self, "layer_weights", None), self.pooling, self.text_pooling]
        parts["pooling"] = [module for module in pooling if module is not None]
        return parts | head_parts(self.head, [self.pooled_norm, self.embedding])

    def frozen_prefix(self) -> FrozenPrefix | str:
        return composite_prefix.frozen_prefix(self)

    def run_frozen(self, batch: Batch, prefix: FrozenPrefix) -> Activations:
        return composite_prefix.run_frozen(self, batch, prefix)


# So that transformers' Auto classes know a saved composite model
AutoConfig.register(CompositeConfig.model_type, CompositeConfig, exist_ok=True)
AutoModel.register(CompositeConfig, Composite, exist_ok=True)
