"""CM-BERT's fusion: BERT's states, weighed by what words have in common in text and in voice.

Yang et al. 2020 (ACM Multimedia), written from the paper's equations.

Shapes: B batch, L word pieces, N frames, W width of text, D width of speech, C channels.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import initialization as init

from ..batch import Batch
from ..word_alignment import word_frames, word_means
from .base import Fusion, Sequence

CHANNELS = 30  # of both modalities, as published
DROPOUT = 0.3  # of the attention's weights, as published


class CmBert(Fusion):
    """Attention whose scores sum the likenesses of two modalities ("masked multimodal attention").

    X_t, BERT's states, and X_a, the mean frame in the time of each word piece (0 at [CLS], [SEP]
    and punctuation), pass a convolution of kernel 1 to C channels and are divided by the root of
    their norm. With alpha = ReLU(X_t X_t^T), beta = ReLU(X_a X_a^T) and three learned numbers, the
    scores are w_t alpha + w_a beta + b, minus infinity at padding; their softmax over a row, with
    dropout, weighs BERT's states. The residual, a dense layer, dropout and a LayerNorm follow, and
    `model.text_pooling` takes [CLS].

    Where the paper and its authors' code differ, or are silent, this is this project's reading:
    X_a are frames of a pre-trained encoder in place of COVAREP's features. Both modalities are
    scaled (the code scales the text alone), by the Frobenius norm of a clip's own real word pieces
    (the code takes that of the whole batch, detached), so that a clip is the same alone and in a
    batch. The convolutions have a bias that is drawn as torch draws it: without one, or with one of
    0, [CLS], which has no audio of its own, would be as like as 0 to all that is said, and hear
    nothing. b moves all scores of a row alike and so changes nothing; it is kept as published.
    """

    attribute = "cm_bert"
    needs_word_times = "model.fusion=cm_bert"
    pretrains = False

    def __init__(self, config: Any, sound: int, words: int):
        super().__init__(config, 0, words)  # word pieces alone are pooled
        text = config.of_text
        # a convolution of kernel 1 is a Linear of each word piece
        self.text_projection = nn.Linear(words, CHANNELS)
        self.audio_projection = nn.Linear(sound, CHANNELS)
        self.text_weight = nn.Parameter(torch.ones(()))
        self.audio_weight = nn.Parameter(torch.ones(()))
        self.bias = nn.Parameter(torch.zeros(()))
        self.attention_dropout = nn.Dropout(DROPOUT)
        self.dense = nn.Linear(words, words)
        self.dropout = nn.Dropout(getattr(text, "hidden_dropout_prob", 0.1))
        self.layer_norm = nn.LayerNorm(words, eps=getattr(text, "layer_norm_eps", 1e-12))

    def reset(self) -> None:
        for layer in (self.text_projection, self.audio_projection):
            bound = layer.in_features**-0.5
            init.uniform_(layer.weight, -bound, bound)
            init.uniform_(layer.bias, -bound, bound)

    def mix(
        self, sound: Sequence | None, words: Sequence | None, batch: Batch
    ) -> tuple[Sequence | None, Sequence | None]:
        """Word pieces that have heard how they are said: (B, L, W)."""
        assert sound is not None
        assert words is not None
        frames = word_frames(batch["piece_times"], sound.mask, self.grid)
        audio = word_means(sound.hidden, frames)  # (B, L, D)
        shares = self.attention_dropout(self.shares(words, audio))
        attended = shares.to(words.hidden.dtype) @ words.hidden
        hidden = self.layer_norm(self.dropout(self.dense(attended + words.hidden)))
        return None, Sequence(hidden, words.mask)

    def shares(self, words: Sequence, audio: Tensor) -> Tensor:
        """Shares that each piece (row) takes of each other: (B, L, L), 0 at padding."""
        alpha = likeness(self.text_projection(words.hidden), words.mask)
        beta = likeness(self.audio_projection(audio), words.mask)
        scores = self.text_weight * alpha + self.audio_weight * beta + self.bias
        return scores.masked_fill(~words.mask[:, None], -torch.inf).softmax(dim=2)


def likeness(states: Tensor, mask: Tensor) -> Tensor:
    """ReLU(X X^T) of X / sqrt(|X|): (B, L, C), (B, L) -> (B, L, L); |X| of the real pieces."""
    real = states.float().masked_fill(~mask[..., None], 0.0)
    squared = real.square().sum(dim=(1, 2), keepdim=True)
    # both factors of a product are divided by the root. No audio at all is like nothing
    norm = torch.where(squared > 0, squared, 1.0).sqrt()
    return (real @ real.transpose(1, 2) / norm).relu()
