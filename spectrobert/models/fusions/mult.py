"""Multimodal transformer (MulT, Tsai et al. 2019) of audio and text.

Shapes: B batch, N queries, M keys, d width, H heads, V width of what the head reads.
"""

import math
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn
from transformers import initialization as init

from ...config.fusion_options import MultOptions
from ..batch import Batch
from .base import Encoders, Fusion, Sequence

MEMORY_LAYERS = 3  # at least, behind the cross-modal ones
INNER = 4  # width of a feed-forward layer, over that of its input


class MulT(Fusion):
    """Each modality looks at the other in layers of its own, then at itself; a residual block.

    From the publication: projections of width 30 without bias, 5 pre-norm layers of 5 heads and a
    ReLU layer of 4 times the width in each direction, as many (3 at least) of self-attention behind
    them, inputs times sqrt(d) with sinusoidal positions, the last time step of both. Readings of
    ours: audio and text alone, of its three modalities, from any encoders; "last" is the last real
    token of `model.pooling=last`; attention to audio has a dropout of its own; positions count from
    1, their first half sines and their second half cosines; layers begin as Xavier's.

    The future mask lets query i see keys up to i + |difference of the lengths|. The publication's
    lengths are those of padded arrays; here they are each clip's own, so that padding changes
    nothing.
    """

    attribute = "mult"
    pretrains = False

    def __init__(self, config: Any, sound: int, words: int):
        width = config.mult_width
        super().__init__(config, width, width)
        self.sound_projection = nn.Linear(sound, width, bias=False)
        self.word_projection = nn.Linear(words, width, bias=False)
        layers, own = config.fusion_layers, max(config.fusion_layers, MEMORY_LAYERS)
        to_text, to_sound = config.mult_attention_dropout, config.mult_audio_attention_dropout
        self.sound_at_words = CrossStack(config, layers, to_text)
        self.words_at_sound = CrossStack(config, layers, to_sound)
        self.sound_memory = CrossStack(config, own, config.mult_attention_dropout)
        self.word_memory = CrossStack(config, own, config.mult_attention_dropout)
        self.block = nn.Sequential(
            nn.Linear(self.width, self.width),
            nn.ReLU(),
            nn.Dropout(config.mult_output_dropout),
            nn.Linear(self.width, self.width),
        )

    @classmethod
    def checks(cls, config: Any) -> Iterator[tuple[bool, str]]:
        yield from super().checks(config)
        width, heads = config.mult_width, config.mult_heads
        for name, value in (("mult_width", width), ("mult_heads", heads)):
            yield value < 1, f"model.{name}={value}: must be 1 or more"
        yield (
            heads > 0 and width % heads > 0,
            f"model.mult_width={width} is not a multiple of model.mult_heads={heads}",
        )
        for option in fields(MultOptions):
            value = getattr(config, option.name)
            yield (
                option.name.endswith("dropout") and not 0 <= value < 1,
                f"model.{option.name}={value}: must be 0 or more and below 1",
            )

    def reset(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                init.xavier_uniform_(module.weight)

    def mix(
        self, sound: Sequence | None, words: Sequence | None, batch: Batch
    ) -> tuple[Sequence | None, Sequence | None]:
        """The two memories: (B, N, d) and (B, L, d)."""
        assert sound is not None
        assert words is not None
        sound = sound._replace(hidden=self.sound_projection(sound.hidden))
        words = words._replace(hidden=self.word_projection(words.hidden))
        heard, read = self.sound_at_words(sound, words), self.words_at_sound(words, sound)
        return self.sound_memory(heard, heard), self.word_memory(read, read)

    def forward(self, encoders: Encoders, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        vector, losses = super().forward(encoders, batch)
        return vector + self.block(vector), losses


class CrossStack(nn.Module):
    """Layers in which one sequence looks at another, or at itself, and a LayerNorm behind them.

    Args:
        config: a CompositeConfig.
        layers: how many.
        dropout: of the attention weights.
    """

    def __init__(self, config: Any, layers: int, dropout: float):
        super().__init__()
        self.is_masked = config.mult_future_mask
        self.heads = config.mult_heads
        self.dropout = nn.Dropout(config.mult_embedding_dropout)
        self.layers = nn.ModuleList(CrossLayer(config, dropout) for _ in range(layers))
        self.layer_norm = nn.LayerNorm(config.mult_width)

    def forward(self, queries: Sequence, keys: Sequence) -> Sequence:
        """(B, N, d), (B, M, d) -> (B, N, d)."""
        hidden = self.dropout(placed(queries.hidden))
        is_own = keys is queries
        context = hidden if is_own else self.dropout(placed(keys.hidden))
        hides = hidden_keys(queries.mask, keys.mask, self.is_masked)
        hides = hides.repeat_interleave(self.heads, dim=0)  # (B H, N, M)
        for layer in self.layers:
            hidden = layer(hidden, hidden if is_own else context, hides)
        return Sequence(self.layer_norm(hidden), queries.mask)


class CrossLayer(nn.Module):
    """Attention, then a ReLU layer; a LayerNorm before each, the same for queries and keys."""

    def __init__(self, config: Any, dropout: float):
        super().__init__()
        width = config.mult_width
        self.attention_norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(
            width, config.mult_heads, dropout=dropout, batch_first=True
        )
        self.inner_norm = nn.LayerNorm(width)
        self.inner = nn.Sequential(
            nn.Linear(width, INNER * width),
            nn.ReLU(),
            nn.Dropout(config.mult_relu_dropout),
            nn.Linear(INNER * width, width),
        )
        self.dropout = nn.Dropout(config.mult_residual_dropout)

    def forward(self, hidden: Tensor, context: Tensor, hides: Tensor) -> Tensor:
        """(B, N, d), (B, M, d) and the keys that are hidden (B H, N, M) -> (B, N, d)."""
        query, key = self.attention_norm(hidden), self.attention_norm(context)
        seen, _ = self.attention(query, key, key, attn_mask=hides, need_weights=False)
        hidden = hidden + self.dropout(seen)
        return hidden + self.dropout(self.inner(self.inner_norm(hidden)))


def placed(hidden: Tensor) -> Tensor:
    """(B, N, d), times sqrt(d), with sinusoidal positions 1, 2, ..."""
    length, width = hidden.shape[1:]
    half = width // 2
    rates = torch.arange(half, device=hidden.device) * (-math.log(10_000) / max(1, half - 1))
    angles = torch.arange(1, length + 1, device=hidden.device)[:, None] * rates.exp()
    table = torch.cat([angles.sin(), angles.cos()], dim=1)  # (N, 2 half)
    table = nn.functional.pad(table, (0, width - 2 * half))
    return hidden * math.sqrt(width) + table.to(hidden.dtype)


def hidden_keys(queries: Tensor, keys: Tensor, is_masked: bool) -> Tensor:
    """The keys that each query does not see, by the masks (B, N) and (B, M): (B, N, M).

    Padding, and if `is_masked` the keys of later times than the query's.
    """
    hides = ~keys[:, None, :].expand(-1, queries.shape[1], -1)
    if not is_masked:
        return hides
    further = (keys.sum(dim=1) - queries.sum(dim=1)).abs()  # (B,)
    times = torch.arange(queries.shape[1], device=keys.device)[:, None] + further[:, None, None]
    return hides | (torch.arange(keys.shape[1], device=keys.device) > times)
