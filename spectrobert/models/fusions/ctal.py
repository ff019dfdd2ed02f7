"""CTAL (Li et al. 2021): cross-modal layers over log-mels and words, and a head of two poolings.

Shapes: B batch, N frames, L word pieces, D width of speech, W width of text.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ..batch import Batch
from ..pooling import First, Max, Pooling
from .base import Encoders
from .cross import CrossModal, orthogonality


class Ctal(CrossModal):
    """CMT's layers; what the head reads are sums of the modalities' pooled vectors: (B, 2 D).

    From the publication's code: a dense layer and tanh per modality; of audio an attentive mean and
    the maximum, of text the first token and the maximum; the sum of the former next to the sum of
    the latter; the mean |cos| between the two of either sum is a loss of weight 1. Readings of
    ours: the attentive mean is weighed by the softmax of one Linear; that loss has the weight
    `model.orthogonality`; frames look both ways, which the released layers may not.
    """

    attribute = "ctal"
    pools = False

    def __init__(self, config: Any, sound: int, words: int):
        super().__init__(config, sound, words)
        # others read frames and word pieces
        is_read = config.head not in ("pretraining", "generation")
        self.pools_of_both = CtalPools(sound, words) if is_read else None
        self.width = 2 * sound

    @classmethod
    def checks(cls, config: Any) -> Iterator[tuple[bool, str]]:
        return iter(())

    def forward(self, encoders: Encoders, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        assert self.pools_of_both is not None
        sound, words = self.mixed(encoders, batch)
        assert sound is not None
        assert words is not None
        pairs = self.pools_of_both(sound.hidden, sound.mask, words.hidden, words.mask)
        vector = torch.cat([heard + read for heard, read in pairs], dim=1)
        if not self.weight:
            return vector, {}
        cosines = torch.stack([orthogonality(*pair) for pair in pairs])
        return vector, {"orthogonality": self.weight * cosines.sum()}


class CtalPools(nn.Module):
    """Pairs of pooled vectors, each of audio and text, behind a dense layer and tanh.

    Args:
        sound: D, and width of all vectors.
        words: W.
    """

    def __init__(self, sound: int, words: int):
        super().__init__()
        self.sound = nn.Linear(sound, sound)
        self.words = nn.Linear(words, sound)
        self.attentive = AttentiveMean(sound)

    def forward(
        self, sound: Tensor, sound_mask: Tensor, words: Tensor, word_mask: Tensor
    ) -> list[tuple[Tensor, Tensor]]:
        """Attentive mean with first token, maximum with maximum: (B, D) each."""
        heard, read, most = self.sound(sound).tanh(), self.words(words).tanh(), Max(0)
        first = (self.attentive(heard, sound_mask), First(0)(read, word_mask))
        return [first, (most(heard, sound_mask), most(read, word_mask))]


class AttentiveMean(Pooling):
    """The mean of the real tokens by weights softmax(w . x + b)."""

    def __init__(self, width: int):
        super().__init__(width)
        self.score = nn.Linear(width, 1)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        scores = self.score(hidden).squeeze(-1)  # (B, N)
        weights = scores.masked_fill(~mask, float("-inf")).softmax(dim=1)
        return torch.einsum("bn,bnd->bd", weights, hidden)
