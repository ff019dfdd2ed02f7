"""Composite models: a speech encoder and a text encoder by name, a fusion, a pooling and a head.

    speech -> (hidden, mask) \\
                              fusion -> pooling -> norm, dense layer -> head
    text   -> (hidden, mask) /

Shapes: B batch, L word pieces, T samples, N frames, D width of speech, W width of text, S states of
a weighted mean, P and Q pooled widths, E width of what the head reads. In every mask True means a
real token.
"""

from collections.abc import Iterator
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from ..audio.features import SAMPLE_RATE
from ..kernels import adopt
from . import composite_pretraining, lora
from .augmentation import augment_waveform
from .batch import Batch
from .composite_configuration import CompositeConfig
from .fusion import CrossModal, JointStack, Sequence, cross_config, orthogonality, stack_config
from .heads import CLASSIFIERS, HEADS, PretrainingHead, embedding_layer
from .model import (
    Activations,
    FrozenPrefix,
    Model,
    Output,
    TokenGrid,
    trains,
)
from .objectives.base import Objective
from .pooling import POOLINGS, AttentiveStatistics, LayerWeights, normed, pooled_norm
from .speech_types import SPEECH_TYPES
from .text_encoder import TextEncoder

# Poolings that leave a sequence of one vector as it is
OF_ONE = ("first", "last", "mean", "max")


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
        )
    )
    behind_layers = frozenset(
        (
            *("pooling", "text_pooling", "pooled_norm", "embedding_size", "embedding_act"),
            *("classifier", "speech_states", "norm_states"),
        )
    )
    weights_behind_layers = ("pooling.", "text_pooling.", "embedding.", "layer_weights.")
    inactive: ClassVar[frozenset[str]] = frozenset(
        (
            *("speech_model", "text_model", "initializer_range", "head_dropout_prob"),
            *("orthogonality", "detach_head", "pooled_norm", "embedding_size", "embedding_act"),
            "norm_states",
            *("classifier", "fusion_layers", "layer_pooler", "frames_per_token"),
        )
    )

    def __init__(self, config: CompositeConfig):
        super().__init__(config)
        self.hears = config.hears
        self.has_vectors = config.fusion in ("audio", "text", "concat")
        sound = words = 0
        if config.hears:
            speech = config.of_speech
            self.speech = SPEECH_TYPES[speech.model_type](speech, config.normalize)
            sound = self.speech.width
            self.first_mixed = config.first_mixed
            states = self._num_states(len(self.speech.layers))
            self.layer_weights = None if self.first_mixed is None else LayerWeights(states)
        if config.fusion == "joint":
            self.stack = JointStack(stack_config(config), sound, config.frames_per_token)
            sound, words = self.stack.config.hidden_size, 0
        elif config.reads:
            self.text = TextEncoder(config.of_text)
            words = self.text.width
        if config.fusion == "cross":
            layers = cross_config(speech, sound, config.fusion_layers)
            self.cross = CrossModal(layers, words, config.layer_pooler)
        self.pooling = POOLINGS[config.pooling](sound) if sound else None
        self.text_pooling = POOLINGS[config.text_pooling](words) if words else None
        pooled = sound * getattr(self.pooling, "widths", 0)
        pooled += words * getattr(self.text_pooling, "widths", 0)
        self.pooled_norm = pooled_norm(config.pooled_norm, pooled)
        self.embedding = embedding_layer(config, pooled)
        self.head = self._head(config.embedding_size or pooled)
        if config.lora_rank:
            lora.add_adapters(self, config.lora_rank, config.lora_alpha, config.lora_parts)
        adopt(self)
        self.post_init()

    def _head(self, width: int) -> nn.Module:
        config = self.config
        if config.head == "pretraining":
            return composite_pretraining.head(self)
        is_chosen = config.head == "classification"
        return (CLASSIFIERS[config.classifier] if is_chosen else HEADS[config.head])(config, width)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, Objective):
            module.reset()

    def forward(self, batch: Batch) -> Output:
        if isinstance(self.head, PretrainingHead):
            return composite_pretraining.output(self, batch, self.head)
        vector, losses = self._vector(batch)
        embedding = self.embedding(normed(self.pooled_norm, vector, batch))  # (B, E)
        read = embedding.detach() if self.config.detach_head else embedding
        hidden = embedding[:, None]
        mask = torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device)
        heads = self.head(read[:, None], batch, hidden)
        return Output(hidden, mask, embedding=embedding, losses=losses, **heads)

    def _vector(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The fused and pooled vector (B, P), (B, Q) or (B, P + Q), and losses of the fusion."""
        fusion = self.config.fusion
        if fusion == "audio":
            return self._sound_vector(batch), {}
        if fusion == "text":
            return self._word_vector(batch), {}
        if fusion == "concat":
            return torch.cat([self._sound_vector(batch), self._word_vector(batch)], dim=1), {}
        assert self.pooling is not None
        if fusion == "joint":
            return self.pooling(*self._joint(batch)), {}
        words = self.words(batch)
        sound = self.cross(self._frames(batch), words)
        return self._crossed(sound, words)

    def _crossed(self, sound: Sequence, words: Sequence) -> tuple[Tensor, dict[str, Tensor]]:
        """CMT's equation 6, and 7 if it is weighed."""
        assert self.pooling is not None
        assert self.text_pooling is not None
        vector = torch.cat([self.pooling(*sound), self.text_pooling(*words)], dim=1)
        weight = self.config.orthogonality
        if not weight:
            return vector, {}
        text = words._replace(hidden=self.cross.text_projection(words.hidden))
        means = (POOLINGS["mean"](0)(*sequence) for sequence in (sound, text))
        return vector, {"orthogonality": weight * orthogonality(*means)}

    def _joint(self, batch: Batch) -> Sequence:
        return self.stack(self._frames(batch), batch["input_ids"], batch["text_mask"])

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

    def _num_states(self, depth: int) -> int:
        """States that are kept behind so many layers."""
        return 1 if self.first_mixed is None else max(1, depth - self.first_mixed + 1)

    def _finished(self, state: Tensor) -> Tensor:
        """The encoder's output; a state of a weighted mean, or of a named layer, as it is."""
        return self.speech.finish(state) if self.config.speech_states == "last" else state

    def _frames(self, batch: Batch) -> Sequence:
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

    def _sound_vector(self, batch: Batch) -> Tensor:
        """(B, P). A pooling without weights pools each state, and the mixture is of vectors.

        For a mean over frames that is the same; it can be cached in a few values per clip.
        """
        assert self.pooling is not None
        if trains_nothing(self.pooling):
            vectors = self._pooled_states(batch)  # (B, S, P)
            if self.layer_weights is None:
                return vectors[:, 0]
            if self.config.norm_states:  # the means by themselves, and the deviations
                each = vectors.unflatten(2, (self.pooling.widths, -1))
                vectors = F.layer_norm(each, each.shape[-1:]).flatten(2)
            return self.layer_weights(vectors.transpose(0, 1))
        return self.pooling(*self._frames(batch))

    def _pooled_states(self, batch: Batch) -> Tensor:
        """Each state, pooled by itself: (B, S, P)."""
        assert self.pooling is not None
        if batch.get("depth", 0) > len(self.speech.layers):
            count = self._num_states(len(self.speech.layers))
            return batch["sound_states"][:, 0].unflatten(1, (count, -1))
        states, mask = self._states(batch)
        return torch.stack([self.pooling(self._finished(s), mask) for s in states], dim=1)

    def pooling_weights(self, batch: Batch) -> Tensor | None:
        """Weights (B, N) of the frames in an attentive pooling of audio; None of another."""
        is_heard = self.config.fusion in ("audio", "concat")
        if not (is_heard and isinstance(self.pooling, AttentiveStatistics)):
            return None
        return self.pooling.weights(*self._frames(batch))

    def words(self, batch: Batch) -> Sequence:
        """The text encoder's hidden states (B, L, W)."""
        mask = batch["text_mask"]
        if "word_states" in batch:
            return Sequence(batch["word_states"], mask)
        return Sequence(self.text(batch["input_ids"], mask), mask)

    def _word_vector(self, batch: Batch) -> Tensor:
        """(B, Q)."""
        assert self.text_pooling is not None
        return self.text_pooling(*self.words(batch))

    def count_tokens(self, num_samples: Tensor) -> Tensor:
        return self.speech.num_frames(num_samples) if self.hears else torch.zeros_like(num_samples)

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
        if config.fusion == "joint":
            stack = self.stack
            parts["text.embeddings"] = [stack.embeddings]
            parts["fusion.projection"] = [stack.layer_norm, stack.projection]
            parts |= {f"fusion.{i}": [layer] for i, layer in enumerate(stack.encoder.layer)}
        elif config.reads:
            parts |= {f"text.{name}": modules for name, modules in self.text.parts().items()}
        if config.fusion == "cross":
            parts["fusion"] = [self.cross]
        elif config.fusion != "joint":
            parts["fusion"] = []
        pooling = [getattr(self, "layer_weights", None), self.pooling, self.text_pooling]
        parts["pooling"] = [module for module in pooling if module is not None]
        return parts | {"head": [self.pooled_norm, self.embedding, self.head]}

    def frozen_prefix(self) -> FrozenPrefix | str:
        parts = self.parts()
        frozen = {name for name, modules in parts.items() if not any(map(trains, modules))}
        text = tuple(name for name in parts if name.startswith("text."))
        is_text_frozen = self.config.fusion != "joint" and frozen.issuperset(text)
        if not self.hears and not is_text_frozen:
            return "the text encoder trains"
        named = [name for name in self.frozen_parts() if name.startswith("audio.")]
        if self.hears and "audio.projection" not in named:
            return "audio.conv or audio.projection trains"
        depth = sum(name.startswith("audio.encoder.") for name in named)
        is_vector = self._caches_vectors(depth)
        word_width, is_word_vector = self._word_prefix(is_text_frozen)
        if word_width:
            named += text
        what = [self._sound_words(depth, is_vector)] if self.hears else []
        what += ["states of the text encoder"] if word_width else []
        return FrozenPrefix(
            depth + is_vector,
            " and ".join(what),
            tuple(named),
            (word_width, self._sound_width(depth, is_vector)),
            is_word_vector,
            is_vector,
        )

    def _caches_vectors(self, depth: int) -> bool:
        """True if all of the speech encoder is frozen, and behind it a pooling without weights."""
        if not (self.hears and self.has_vectors) or depth < len(self.speech.layers):
            return False
        assert self.pooling is not None
        return trains_nothing(self.pooling)

    def _sound_width(self, depth: int, is_vector: bool) -> int:
        if not self.hears:
            return 0
        states = self._num_states(depth)
        widths = self.pooling.widths if is_vector and self.pooling is not None else 1
        return states * widths * self.speech.width

    def _word_prefix(self, is_frozen: bool) -> tuple[int, bool]:
        """Width of cached words (0: none), and True if they are one vector."""
        if not (is_frozen and self.config.reads):
            return 0, False
        is_vector = self.has_vectors and self.config.text_pooling in OF_ONE
        return self.text.width, is_vector

    def _sound_words(self, depth: int, is_vector: bool) -> str:
        states = "states" if self.layer_weights is None else "the mixed states"
        if is_vector:
            return f"pooled {states} of the speech encoder"
        return f"{states} behind {depth} of {len(self.speech.layers)} layers of the speech encoder"

    def run_frozen(self, batch: Batch, prefix: FrozenPrefix) -> Activations:
        words, word_mask = self._frozen_words(batch, prefix)
        if not self.hears:
            return Activations(words, word_mask, words[:, :0], word_mask[:, :0])
        if prefix.is_sound_vector:
            sounds = self._pooled_states(batch).flatten(1)[:, None]  # (B, 1, S P)
            mask = torch.ones(sounds.shape[:2], dtype=torch.bool, device=sounds.device)
        else:
            hidden, mask = self.speech.start(batch["waveform"], batch["num_samples"])
            states, mask = self.run([hidden], mask, 0, prefix.depth)
            sounds = torch.cat(states, dim=2)  # (B, N, S D)
        return Activations(words, word_mask, sounds, mask)

    def _frozen_words(self, batch: Batch, prefix: FrozenPrefix) -> tuple[Tensor, Tensor]:
        mask = batch["text_mask"]
        if not prefix.widths[0]:
            empty = torch.zeros(len(mask), 0, 1, device=mask.device)
            return empty, mask[:, :0]
        if prefix.is_word_vector:
            vector = self._word_vector(batch)[:, None]
            return vector, torch.ones(vector.shape[:2], dtype=torch.bool, device=mask.device)
        return self.words(batch).hidden, mask


def trains_nothing(pooling: nn.Module) -> bool:
    """True for a pooling that has no weights."""
    return not any(True for _ in pooling.parameters())


# So that transformers' Auto classes know a saved composite model
AutoConfig.register(CompositeConfig.model_type, CompositeConfig, exist_ok=True)
AutoModel.register(CompositeConfig, Composite, exist_ok=True)
