"""The contract of all models: one call, `model(batch) -> Output`, and parts by name.

Shapes: B batch, L word pieces, N audio tokens, D width.
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from .batch import Batch


class AudioTokens(NamedTuple):
    """Audio tokens of a model that is pre-trained on them."""

    hidden: Tensor  # (B, N, D) behind all layers
    mask: Tensor  # (B, N)
    features: Tensor  # (B, N, C) of the convolutions
    normed: Tensor  # (B, N, C) the same behind their LayerNorm; nothing of them is masked
    acoustic: Tensor | None = None  # (B, N, A) log-mels of each token, if an objective reads them
    between: Tensor | None = None  # (B, N, D) behind SpeechLM's speech layers, before the shared


class UnitStates(NamedTuple):
    """Embeddings of units behind the stack that speech and units share (SpeechLM)."""

    hidden: Tensor  # (B, N, D)
    mask: Tensor  # (B, N)


class AudioSizes(NamedTuple):
    """Widths of audio tokens."""

    hidden: int  # D behind all layers
    features: int  # C of the convolutions
    inputs: int  # before the first layer, where tokens are masked
    acoustic: int  # A log-mels of a token
    between: int = 0  # of SpeechLM: behind its speech layers


class TokenGrid(NamedTuple):
    """The middles of audio tokens, in seconds: `first`, `first + step`, ..."""

    first: float
    step: float
    rows: int = 1  # tokens in a row that are of one time (SpectroBERT's frequency patches)


@dataclass
class Output:
    """Output of a model for a batch; a field is None if the model does not give it."""

    # (B, L + N, D); the head's input alone, (B, 1, D), if it reads one vector; of a generation head
    # the states (B, M, D) that its decoder attends to
    hidden: Tensor
    mask: Tensor  # (B, L + N), (B, 1) or (B, M)
    logits: Tensor | None = None  # (B, num_logits); (B, C - 1, V) of a generation head
    masked_words: Tensor | None = None  # (K, vocabulary), where `mlm_labels` is not IGNORED
    match: Tensor | None = None  # (B,)
    embedding: Tensor | None = None  # (B, E), of models with `model.embedding_size`
    audio: AudioTokens | None = None  # of a pre-training head with objectives that need audio
    units: UnitStates | None = None  # of one with an objective of units
    losses: dict[str, Tensor] = field(default_factory=dict)  # more of them, weighted, to be added


class Activations(NamedTuple):
    """Activations below the first part that trains, of each modality; either may have none."""

    words: Tensor  # (B, L, D of words)
    word_mask: Tensor  # (B, L)
    sounds: Tensor  # (B, N, D of sounds)
    sound_mask: Tensor  # (B, N)


@dataclass(frozen=True)
class FrozenPrefix:
    """The frozen layers of a model whose activations may be cached."""

    depth: int  # layers behind the activations
    what: str  # for people
    parts: tuple[str, ...]  # whose weights decide the values
    widths: tuple[int, int]  # of words and sounds; 0: none are cached
    is_word_vector: bool = False  # one vector in place of the word pieces
    is_sound_vector: bool = False


class Model(PreTrainedModel):
    """A network with a head. Options of its configuration are in config/model.py."""

    supports_gradient_checkpointing = True
    main_input_name = "input_ids"
    _supports_sdpa = True
    _supports_attention_backend = True
    # Batches of cached activations hold `hidden`, words and sounds in one sequence; else they hold
    # `word_states` and `sound_states`, or `input_ids` in place of the former
    is_joint: ClassVar[bool] = True
    # Options that change no cached value
    inactive: ClassVar[frozenset[str]] = frozenset()
    # Options that change no tensor: a run from a checkpoint may have others
    free: ClassVar[frozenset[str]] = frozenset()
    # Options of what lies between the layers and a head, which pre-training does not train: a run
    # from a pre-trained checkpoint may have others; and how names of its weights begin
    behind_layers: ClassVar[frozenset[str]] = frozenset()
    weights_behind_layers: ClassVar[tuple[str, ...]] = ()
    hears: bool = True  # False: no audio need be read
    sees: bool = False  # True: it reads the video of clips that have some
    reads_phones: bool = False

    @abstractmethod
    def forward(self, batch: Batch) -> Output:
        """Logits and hidden states of a batch."""

    @abstractmethod
    def parts(self) -> dict[str, list[nn.Module]]:
        """Disjoint parts that may train or be frozen, by name, in the order of the computation.

        Together they are the model.
        """

    @abstractmethod
    def frozen_prefix(self) -> FrozenPrefix | str:
        """The layers below the first part that trains, or the reason why there are none."""

    @abstractmethod
    def run_frozen(self, batch: Batch, prefix: FrozenPrefix) -> Activations:
        """The activations behind `frozen_prefix`."""

    def draw(
        self, generator: np.random.Generator, masked: np.ndarray, frames: int
    ) -> dict[str, np.ndarray]:
        """Whatever else a row draws in pre-training, by field of the batch; padded and stacked.

        Args:
            masked: (n,) True at the masked ones of the row's audio tokens; may be drawn again.
            frames: of the row's video.
        """
        return {}

    def fixed_parameters(self) -> Iterator[nn.Parameter]:
        """Parameters that never train, such as sinusoidal positions."""
        return iter(())

    @abstractmethod
    def count_tokens(self, num_samples: Tensor) -> Tensor:
        """Audio tokens of clips of (P,) samples: (P,)."""

    @property
    def word_table(self) -> Tensor:
        """Word embeddings (vocabulary, D) of the stack that reads text; (0,) without one."""
        return torch.empty(0, device=self.device)

    @property
    def token_grid(self) -> TokenGrid:
        """The times of audio tokens."""
        raise NotImplementedError(f"{type(self).__name__} has no audio tokens of known times")

    @property
    def least_samples(self) -> int:
        """Samples of the shortest clip that is heard without silence behind it; 0: of any."""
        return 0

    @classmethod
    def is_custom_code(cls) -> bool:
        """False: first values are drawn by transformers' functions, which keep what was loaded.

        Else transformers passes over modules without parameters of their own, such as objectives.
        """
        return False

    def enable_input_require_grads(self) -> None:
        """Do nothing: only re-entrant activation checkpoints need inputs that require gradients."""

    def frozen_parts(self) -> Iterator[str]:
        """Parts below the first that trains."""
        parts = self.parts().items()
        return (name for name, modules in takewhile(lambda p: not any(map(trains, p[1])), parts))


def trains(module: nn.Module) -> bool:
    """True if a parameter of the module gets gradients."""
    return any(parameter.requires_grad for parameter in module.parameters())
