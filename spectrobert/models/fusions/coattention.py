"""First tokens that look at the other modality once (Siriwardhana et al. 2020, `--stack-up`).

Shapes: B batch, D width of speech, W width of text.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ..batch import Batch
from .base import Encoders, Fusion, Sequence

HEADS, INNER, DROPOUT = 2, 1024, 0.1


class CoAttention(Fusion):
    """The first token of each modality attends to all tokens of the other: (B, D + W).

    From the published options: one layer, 2 heads, a feed-forward layer of 1024. Readings of ours:
    keys of the other width go through the attention's own projections, the norms are behind the
    residuals as BERT's, and dropout is .1. (The published head reads the raw first tokens: that is
    `fusion: concat` with `pooling: first`.)
    """

    attribute = "coattention"
    pretrains = False
    pools = False

    def __init__(self, config: Any, sound: int, words: int):
        super().__init__(config, sound, words)
        self.width = sound + words
        self.sound = FirstTokenLayer(sound, words)
        self.words = FirstTokenLayer(words, sound)

    @classmethod
    def checks(cls, config: Any) -> Iterator[tuple[bool, str]]:
        yield from super().checks(config)
        widths = {"speech": encoder_width(config.of_speech), "text": config.of_text.hidden_size}
        for name, width in widths.items():
            yield width % HEADS > 0, f"model.{name}: a width of {width} is no multiple of {HEADS}"

    def forward(self, encoders: Encoders, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        sound, words = self.mixed(encoders, batch)
        assert sound is not None
        assert words is not None
        return torch.cat([self.sound(sound, words), self.words(words, sound)], dim=1), {}


class FirstTokenLayer(nn.Module):
    """One layer whose only query is a sequence's first token.

    Args:
        width: of the query.
        context: of the other modality's tokens.
    """

    def __init__(self, width: int, context: int):
        super().__init__()
        self.attention = nn.MultiheadAttention(
            width, HEADS, dropout=DROPOUT, kdim=context, vdim=context, batch_first=True
        )
        self.attention_norm = nn.LayerNorm(width)
        self.inner = nn.Sequential(nn.Linear(width, INNER), nn.GELU(), nn.Linear(INNER, width))
        self.inner_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, own: Sequence, other: Sequence) -> Tensor:
        """(B, N, width), (B, M, context) -> (B, width)."""
        first, keys = own.hidden[:, :1], other.hidden
        seen, _ = self.attention(
            first, keys, keys, key_padding_mask=~other.mask, need_weights=False
        )
        hidden = self.attention_norm(first + self.dropout(seen))[:, 0]
        return self.inner_norm(hidden + self.dropout(self.inner(hidden)))


def encoder_width(config: Any) -> int:
    """Width of a speech encoder's frames, by its configuration."""
    return config.d_model if config.model_type == "whisper" else config.hidden_size
