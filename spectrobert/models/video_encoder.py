"""AV-HuBERT's video branch: a convolution over time and space, a ResNet on each frame, a Linear.

    grey frames -> Conv3d 5x7x7, BatchNorm, PReLU, max pooling -> ResNet-18 with PReLU -> Linear

Read from the published description alone. Our readings: a PReLU has a slope per channel, and
BatchNorm sees the real frames of a batch alone, so that padding changes nothing.

Shapes: B batch, F frames, S height and width, K real frames of a batch, C channels, D width.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions next to a shortcut (He et al. 2016), PReLU in place of ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.act1 = nn.PReLU(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.act2 = nn.PReLU(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(K, C_in, S, S) -> (K, C_out, S / stride, S / stride)."""
        inner = self.act1(self.norm1(self.conv1(x)))
        return self.act2(self.norm2(self.conv2(inner)) + self.shortcut(x))


class VideoEncoder(nn.Module):
    """Grey frames into features of one width.

    Args:
        channels, blocks: of each stage of the ResNet.
        mean, std: by which grey values from 0 to 1 are normalised.
        width: D.
    """

    def __init__(
        self,
        channels: Sequence[int],
        blocks: Sequence[int],
        mean: float,
        std: float,
        width: int,
    ):
        super().__init__()
        self.mean, self.std, self.width = mean, std, width
        first = channels[0]
        self.conv = nn.Conv3d(1, first, (5, 7, 7), (1, 2, 2), padding=(2, 3, 3), bias=False)
        self.norm = nn.BatchNorm2d(first)  # of 3 dimensions, over real frames alone
        self.act = nn.PReLU(first)
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        self.resnet = nn.Sequential(*_stages(channels, blocks))
        self.projection = nn.Linear(channels[-1], width)

    def forward(self, frames: Tensor, real: Tensor) -> Tensor:
        """(B, F, S, S) from 0 to 255, and the mask (B, F) -> (B, F, D), zeros at no real frame."""
        features = frames.new_zeros(*real.shape, self.width, dtype=self.projection.weight.dtype)
        if not real.any():
            return features
        grey = (frames.to(features.dtype) / 255.0 - self.mean) / self.std
        grey = grey.masked_fill(~real[..., None, None], 0.0)  # as a convolution pads a clip alone
        moved = self.conv(grey[:, None]).transpose(1, 2)[real]  # (K, C, S / 2, S / 2)
        x = self.resnet(self.pool(self.act(self.norm(moved))))
        vectors = self.projection(x.mean(dim=(2, 3)))  # (K, D)
        return features.to(vectors.dtype).masked_scatter(real[..., None], vectors)


def _stages(channels: Sequence[int], blocks: Sequence[int]) -> list[nn.Module]:
    """The blocks of all stages; each stage but the first halves the frames."""
    made: list[nn.Module] = []
    inputs = channels[0]
    for stage, (outputs, number) in enumerate(zip(channels, blocks, strict=True)):
        for block in range(number):
            stride = 2 if stage > 0 and block == 0 else 1
            made.append(ResidualBlock(inputs, outputs, stride))
            inputs = outputs
    return made


class PhoneEncoder(nn.Module):
    """VATLM's text branch: an embedding per phone of 10 ms, two convolutions to 25 per second.

    Shapes: P phones of a clip, N steps.
    """

    def __init__(self, num_phones: int, width: int):
        super().__init__()
        self.embedding = nn.Embedding(num_phones, width)
        self.conv1 = nn.Conv1d(width, width, 3, 2, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, 2, padding=1)

    def forward(self, phones: Tensor, lengths: Tensor) -> Tensor:
        """(B, P) numbers, of which (B,) are real -> (B, N, D), zeros behind a clip's own."""
        x = _within(self.embedding(phones), lengths)
        x = F.relu(self.conv1(x.transpose(1, 2))).transpose(1, 2)
        x = _within(x, halved(lengths))
        x = self.conv2(x.transpose(1, 2)).transpose(1, 2)
        return _within(x, halved(halved(lengths)))


def halved(lengths: Tensor) -> Tensor:
    """Steps that a convolution of stride 2 leaves of so many."""
    return -(-lengths // 2)


def _within(x: Tensor, lengths: Tensor) -> Tensor:
    """(B, P, D) with zeros behind the first (B,)."""
    real = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
    return x.masked_fill(~real[..., None], 0.0)
