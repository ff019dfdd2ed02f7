"""The contract of a fusion.

Shapes: B batch, L word pieces, N frames, D width of speech, W width of text, P and Q pooled widths,
V width of what the head reads. In every mask True means a real token.
"""

from collections.abc import Collection, Iterator
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from ..batch import Batch
from ..model import TokenGrid
from ..pooling import POOLINGS, Pooling
from ..text_encoder import TEXT_TYPES


class Sequence(NamedTuple):
    """Hidden states and their mask: (B, N, D), (B, N)."""

    hidden: Tensor
    mask: Tensor


class Encoders(Protocol):
    """A model's encoders and poolings, as a fusion reads them."""

    pooling: Pooling | None  # of frames
    text_pooling: Pooling | None

    def frames(self, batch: Batch) -> Sequence:
        """Frames behind the speech encoder: (B, N, D)."""

    def words(self, batch: Batch) -> Sequence:
        """Word pieces behind the text encoder: (B, L, W)."""

    def sound_vector(self, batch: Batch) -> Tensor:
        """Pooled frames (B, P), from a cache if there is one."""

    def word_vector(self, batch: Batch) -> Tensor:
        """Pooled word pieces (B, Q), likewise."""


class Fusion(nn.Module):
    """Layers between the encoders and the head.

    A subclass gives `mix`, or `forward` if its vector is no pooled sequence.

    Args:
        config: a CompositeConfig, whose module imports the registry of these classes.
        sound: D; 0 if the model hears nothing.
        words: W; 0 if it reads nothing, or if the fusion itself is the text encoder.
    """

    attribute: ClassVar[str]  # of the model, with which the names of its weights begin
    hears: ClassVar[bool] = True  # it needs a speech encoder
    reads: ClassVar[bool] = True  # it needs a text encoder
    is_late: ClassVar[bool] = False  # pooled vectors alone meet, which may then be cached
    is_text_stack: ClassVar[bool] = False  # `model.text` is its own stack; no other reads text
    pretrains: ClassVar[bool] = True  # objectives of pre-training can read what it mixes
    pools: ClassVar[bool] = True  # by `model.pooling` and `model.text_pooling`
    needs_word_times: ClassVar[str] = ""  # the option by which it aligns words with frames, if any
    text_types: ClassVar[Collection[str]] = tuple(TEXT_TYPES)  # model_type of its text encoder

    def __init__(self, config: Any, sound: int, words: int):
        super().__init__()
        self.sound_width, self.word_width = sound, words
        self.grid = TokenGrid(0.0, 0.0)  # times of frames, which a model that hears sets
        self.width = self.pooled_width(config)

    @classmethod
    def checks(cls, config: Any) -> Iterator[tuple[bool, str]]:
        """Conditions that a configuration with this fusion must not meet, each with a message."""
        yield (
            config.orthogonality > 0,
            (f"model.orthogonality is of model.fusion=cross and ctal, not {config.fusion}"),
        )

    def pooled_width(self, config: Any) -> int:
        """V of pooled frames next to pooled word pieces, of the widths that are pooled."""
        pairs = ((self.sound_width, config.pooling), (self.word_width, config.text_pooling))
        return sum(width * POOLINGS[name].widths for width, name in pairs)

    def mix(
        self, sound: Sequence | None, words: Sequence | None, batch: Batch
    ) -> tuple[Sequence | None, Sequence | None]:
        """Frames and word pieces that have met, each of its pooling's width.

        Args:
            sound: None if the fusion does not hear.
            words: None if it reads no text encoder's.
        """
        return sound, words

    def forward(self, encoders: Encoders, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The vector that the head reads (B, V), and losses, weighted."""
        sound, words = self.mixed(encoders, batch)
        return pooled(encoders, sound, words), self.losses(sound, words)

    def mixed(self, encoders: Encoders, batch: Batch) -> tuple[Sequence | None, Sequence | None]:
        """`mix` of what the encoders give."""
        sound = encoders.frames(batch) if self.hears else None
        reads = self.reads and not self.is_text_stack
        return self.mix(sound, encoders.words(batch) if reads else None, batch)

    def reset(self) -> None:
        """Draw first values of parameters that do not begin as transformers' do."""

    def losses(self, sound: Sequence | None, words: Sequence | None) -> dict[str, Tensor]:
        """Losses of mixed frames and word pieces, weighted."""
        return {}

    def states(
        self, sound: Sequence | None, words: Sequence | None, batch: Batch
    ) -> tuple[Sequence, Sequence | None]:
        """Inputs of objectives of pre-training: a sequence that begins with the words, if there are
        some, and frames.
        """
        sound, words = self.mix(sound, words, batch)
        first = words or sound
        assert first is not None
        return first, sound

    def parts(self) -> dict[str, list[nn.Module]]:
        """Parts that may train or be frozen, as `Model.parts`."""
        return {"fusion": [self] if any(True for _ in self.parameters()) else []}


class Late(Fusion):
    """Encoders of which pooled vectors alone meet."""

    attribute = "late"
    is_late = True

    def forward(self, encoders: Encoders, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        vectors = [encoders.sound_vector(batch)] if self.hears else []
        vectors += [encoders.word_vector(batch)] if self.reads else []
        return torch.cat(vectors, dim=1), {}


def pooled(encoders: Encoders, sound: Sequence | None, words: Sequence | None) -> Tensor:
    """Pooled frames next to pooled word pieces: (B, P + Q)."""
    pairs = ((encoders.pooling, sound), (encoders.text_pooling, words))
    vectors = [pool(*of) for pool, of in pairs if pool is not None and of is not None]
    return torch.cat(vectors, dim=1)
