"""CM-BERT's fusion: what words say of each other, and what their voices do, weigh BERT's states.

Yang et al. 2020 (ACM Multimedia), written from the paper's equations.

Shapes: B batch, L word pieces, W width of text, D width of speech, C channels.
"""

import torch
from torch import Tensor, nn

CHANNELS = 30  # of both modalities, as published
DROPOUT = 0.3  # of the attention's weights, as published


class MaskedAttention(nn.Module):
    """Attention whose scores sum the likenesses of two modalities ("masked multimodal attention").

    X_t, BERT's states, and X_a, the audio of each word piece, pass a convolution of kernel 1 to
    C channels and are divided by the root of their norm. With alpha = ReLU(X_t X_t^T),
    beta = ReLU(X_a X_a^T) and three learned numbers, the scores are w_t alpha + w_a beta + b, minus
    infinity at padding; their softmax over a row, with dropout, weighs BERT's states. The residual,
    a dense layer, dropout and a LayerNorm follow.

    Where the paper and its authors' code differ, or are silent, this is this project's reading:
    both modalities are scaled (the code scales the text alone), by the Frobenius norm of a clip's
    own real word pieces (the code takes that of the whole batch, detached), so that a clip is the
    same alone and in a batch; the convolutions have no bias, so that a piece without audio is as
    like as 0 to all others. b moves all scores of a row alike and so changes nothing; it is kept
    because it is published.
    """

    def __init__(self, text_width: int, speech_width: int, dropout: float, norm_eps: float):
        super().__init__()
        # a convolution of kernel 1 is a Linear of each word piece
        self.text_projection = nn.Linear(text_width, CHANNELS, bias=False)
        self.audio_projection = nn.Linear(speech_width, CHANNELS, bias=False)
        self.text_weight = nn.Parameter(torch.ones(()))
        self.audio_weight = nn.Parameter(torch.ones(()))
        self.bias = nn.Parameter(torch.zeros(()))
        self.attention_dropout = nn.Dropout(DROPOUT)
        self.dense = nn.Linear(text_width, text_width)
        self.dropout = nn.Dropout(dropout)
        self.layer_norm = nn.LayerNorm(text_width, eps=norm_eps)

    def forward(self, words: Tensor, audio: Tensor, mask: Tensor) -> Tensor:
        """(B, L, W), (B, L, D), 0 at pieces without audio, and (B, L) -> (B, L, W)."""
        attended = self.attention_dropout(self.weights(words, audio, mask)) @ words
        return self.layer_norm(self.dropout(self.dense(attended + words)))

    def weights(self, words: Tensor, audio: Tensor, mask: Tensor) -> Tensor:
        """What each piece (row) takes of each other: (B, L, L), 0 at padding."""
        alpha = likeness(self.text_projection(words), mask)
        beta = likeness(self.audio_projection(audio), mask)
        scores = self.text_weight * alpha + self.audio_weight * beta + self.bias
        return scores.masked_fill(~mask[:, None], -torch.inf).softmax(dim=2).to(words.dtype)


def likeness(states: Tensor, mask: Tensor) -> Tensor:
    """ReLU(X X^T) of X / sqrt(|X|): (B, L, C), (B, L) -> (B, L, L); |X| of the real pieces."""
    real = states.float().masked_fill(~mask[..., None], 0.0)
    squared = real.square().sum(dim=(1, 2), keepdim=True)
    # |X| divides the products once. No audio at all is like nothing
    norm = torch.where(squared > 0, squared, 1.0).sqrt()
    return (real @ real.transpose(1, 2) / norm).relu()
