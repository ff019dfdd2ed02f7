"""From patches to audio tokens: wav2vec 2.0's conv stack on each flat patch (thesis 2.2.2).

Shapes: V real patches of the whole batch, P values in a patch, L conv frames, C conv channels,
D width.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .configuration import SpectroBertConfig


class ConvLayer(nn.Module):
    """Conv1d, norm, GELU, named as in transformers' Wav2Vec2FeatureEncoder: checkpoints fit.

    The arithmetic runs channels-last, as one matrix product: a patch has few frames and many
    channels, and the LayerNorm then needs no transpose.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, norm: str | None, bias: bool
    ):
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride, bias=bias)
        self.layer_norm: nn.Module
        if norm == "layer":
            self.layer_norm = nn.LayerNorm(outputs)
        elif norm == "group":
            self.layer_norm = nn.GroupNorm(outputs, outputs)
        else:
            self.layer_norm = nn.Identity()
        self.channels_last_norm = norm != "group"

    def forward(self, x: Tensor) -> Tensor:
        """(V, L, C_in) -> (V, L_out, C_out)."""
        kernel = self.conv.kernel_size[0]
        windows = x.unfold(1, kernel, self.conv.stride[0])  # (V, L_out, C_in, kernel)
        x = F.linear(windows.flatten(2), self.conv.weight.flatten(1), self.conv.bias)
        if self.channels_last_norm:
            x = self.layer_norm(x)
        else:
            x = self.layer_norm(x.transpose(1, 2)).transpose(1, 2)
        return F.gelu(x)


class AudioEncoder(nn.Module):
    """Conv stack, then LayerNorm and Linear to the width of the BERT stack."""

    def __init__(self, config: SpectroBertConfig):
        super().__init__()
        layers = []
        inputs = 1
        for i, (kernel, stride) in enumerate(zip(config.conv_kernels, config.conv_strides)):
            # wav2vec 2.0 base: GroupNorm after the first conv alone, no biases;
            # large: LayerNorm and biases throughout
            norm = "layer" if config.conv_norm == "layer" else ("group" if i == 0 else None)
            layers.append(
                ConvLayer(
                    inputs, config.conv_dim, kernel, stride, norm, bias=config.conv_norm == "layer"
                )
            )
            inputs = config.conv_dim
        self.conv_layers = nn.ModuleList(layers)
        self.pooling = config.conv_pooling
        self.layer_norm = nn.LayerNorm(config.audio_width, eps=config.layer_norm_eps)
        self.projection = nn.Linear(config.audio_width, config.hidden_size)

    def forward(self, patches: Tensor) -> Tensor:
        """(V, P) -> (V, D)."""
        x = patches.unsqueeze(-1)  # (V, P, 1)
        for layer in self.conv_layers:
            x = layer(x)  # (V, L, C)
        x = x.flatten(1) if self.pooling == "concat" else x.mean(dim=1)
        return self.projection(self.layer_norm(x))
