"""Pre-trained speech encoders, layer by layer, in batches whose padding changes nothing.

The modules and weights are transformers'; what is here is the order in which they are called, so
that lower layers can be cached, states weighted, and clips of any lengths padded together.

Shapes: B batch, T samples, C channels of the convolutions, N frames, D width.
"""

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModel, PreTrainedConfig
from transformers.masking_utils import create_bidirectional_mask

from ..audio.features import SAMPLE_RATE
from .model import TokenGrid

NORMALISED_VARIANCE = 1e-7  # is added to a clip's variance, as Wav2Vec2FeatureExtractor does


class SpeechEncoder(nn.Module):
    """A stack of layers over frames of a waveform.

    Args:
        config: transformers' configuration of the encoder.
        normalize: bring each clip to mean 0 and variance 1 first.
    """

    predicts_input: ClassVar[bool] = False  # masked acoustic modelling, of its features

    def __init__(self, config: PreTrainedConfig, normalize: bool):
        super().__init__()
        self.config = config
        self.normalize = normalize
        self.width: int = config.hidden_size
        self.feature_width: int = config.conv_dim[-1] if hasattr(config, "conv_dim") else self.width

    @property
    @abstractmethod
    def layers(self) -> nn.ModuleList:
        """The stack."""

    def forward(self, waveform: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) at 16 kHz, zero beyond (B,) -> frames (B, N, D) behind all layers, mask (B, N)."""
        hidden, mask = self.start(waveform, num_samples)
        for state in self.run_layers(hidden, mask, 0, len(self.layers)):
            hidden = state
        return self.finish(hidden), mask

    def start(self, waveform: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        """Frames before the first layer (B, N, D), and their mask (B, N)."""
        features, mask = self.convolve(waveform, num_samples)
        return self.place(self.project(features), mask), mask

    @abstractmethod
    def convolve(self, waveform: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        """Features of the convolutions (B, N, C), and the mask of real frames (B, N)."""

    @abstractmethod
    def project(self, features: Tensor) -> Tensor:
        """(B, N, C) -> frames (B, N, D), which pre-training masks."""

    @abstractmethod
    def place(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Frames (B, N, D) with their positions."""

    def norm_features(self, features: Tensor) -> Tensor:
        """(B, N, C) behind the LayerNorm that the projection begins with, if it does."""
        return features

    @property
    @abstractmethod
    def grid(self) -> TokenGrid:
        """The times of frames."""

    def run_layers(self, hidden: Tensor, mask: Tensor, first: int, last: int) -> Iterator[Tensor]:
        """The frames (B, N, D) behind each of the layers from `first` up to `last`."""
        attention = create_bidirectional_mask(self.config, hidden, mask)
        for layer in self.layers[first:last]:
            hidden = layer(hidden, attention)
            yield hidden

    @abstractmethod
    def finish(self, hidden: Tensor) -> Tensor:
        """The final LayerNorm, if the encoder has one behind its layers."""

    @abstractmethod
    def num_frames(self, num_samples: Tensor) -> Tensor:
        """Frames of clips of (B,) samples."""

    @abstractmethod
    def parts(self) -> dict[str, list[nn.Module]]:
        """`conv`, `projection` and `encoder.<n>`."""

    @property
    @abstractmethod
    def receptive_field(self) -> int:
        """Samples that the first frame spans: shorter clips are continued by silence."""


def layer_parts(layers: nn.Module, *behind: nn.Module) -> dict[str, list[nn.Module]]:
    """`encoder.<n>` of a stack; modules behind it go with its last layer, if it has one."""
    parts = {f"encoder.{i}": [layer] for i, layer in enumerate(layers.children())}
    if parts:
        parts[f"encoder.{len(parts) - 1}"] += behind
    return parts


def normalised(waveform: Tensor, num_samples: Tensor) -> Tensor:
    """Each clip's real samples with mean 0 and variance 1, zero beyond: (B, T), (B,) -> (B, T)."""
    real = real_tokens(num_samples, waveform.shape[1])
    count = num_samples[:, None].to(waveform.dtype)
    mean = waveform.sum(dim=1, keepdim=True) / count  # zero beyond the clip
    apart = (waveform - mean).masked_fill(~real, 0.0)
    variance = apart.square().sum(dim=1, keepdim=True) / count
    return apart / (variance + NORMALISED_VARIANCE).sqrt()


def real_tokens(lengths: Tensor, longest: int) -> Tensor:
    """The mask (B, longest) of sequences of these lengths (B,)."""
    return torch.arange(longest, device=lengths.device) < lengths[:, None]


class WaveEncoder(SpeechEncoder):
    """wav2vec 2.0, HuBERT, WavLM, data2vec audio: convolutions on the waveform."""

    def __init__(self, config: PreTrainedConfig, normalize: bool):
        super().__init__(config, normalize)
        self.model = AutoModel.from_config(config)
        self.is_pre_norm = bool(getattr(config, "do_stable_layer_norm", False))
        self.is_group_norm = getattr(config, "feat_extract_norm", "layer") == "group"

    @property
    def layers(self) -> nn.ModuleList:
        return self.model.encoder.layers

    @property
    def conv_layers(self) -> nn.ModuleList:
        """The convolutions on the waveform."""
        return self.model.feature_extractor.conv_layers

    def convolve(self, waveform: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        if self.normalize:
            waveform = normalised(waveform, num_samples)
        least = self.receptive_field
        num_samples = num_samples.clamp(min=least)
        waveform = F.pad(waveform, (0, max(0, least - waveform.shape[1])))
        features = self._convolve(waveform, num_samples).transpose(1, 2)  # (B, N, C)
        return features, real_tokens(self.num_frames(num_samples), features.shape[1])

    def project(self, features: Tensor) -> Tensor:
        projected = self.model.feature_projection(features)
        return projected[0] if isinstance(projected, tuple) else projected

    def norm_features(self, features: Tensor) -> Tensor:
        norm = getattr(self.model.feature_projection, "layer_norm", None)
        return features if norm is None else norm(features)

    def place(self, hidden: Tensor, mask: Tensor) -> Tensor:
        encoder = self.model.encoder
        hidden = hidden.masked_fill(~mask[..., None], 0.0)
        hidden = hidden + self._positions(hidden, mask)
        if not self.is_pre_norm:
            hidden = encoder.layer_norm(hidden)
        return encoder.dropout(hidden)

    def finish(self, hidden: Tensor) -> Tensor:
        return self.model.encoder.layer_norm(hidden) if self.is_pre_norm else hidden

    def _convolve(self, waveform: Tensor, num_samples: Tensor) -> Tensor:
        """(B, T) -> (B, C, N)."""
        if waveform.device.type != "cpu":
            return self._convolve_together(waveform, num_samples)
        # A CPU convolves one clip as fast as many, and no padding then
        each = zip(waveform.split(1), num_samples.split(1))
        features = [self._convolve_together(wave[:, : int(n)], n)[0].T for wave, n in each]
        return pad_sequence(features, batch_first=True).transpose(1, 2)

    def _convolve_together(self, waveform: Tensor, num_samples: Tensor) -> Tensor:
        """(B, T) -> (B, C, N). A clip's real frames see no padding but through a GroupNorm."""
        x = waveform[:, None]
        for number, layer in enumerate(self.conv_layers):
            if number == 0 and self.is_group_norm and len(x) > 1:
                conv = layer.conv
                lengths = (num_samples - conv.kernel_size[0]) // conv.stride[0] + 1
                x = layer.activation(masked_group_norm(layer.layer_norm, conv(x), lengths))
            else:
                x = layer(x)
        return x

    def _positions(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """The convolutional position embeddings (B, N, D)."""
        return self.model.encoder.pos_conv_embed(hidden)

    def num_frames(self, num_samples: Tensor) -> Tensor:
        for kernel, stride in zip(self.config.conv_kernel, self.config.conv_stride):
            num_samples = (num_samples - kernel) // stride + 1
        return num_samples.clamp(min=1)

    @property
    def grid(self) -> TokenGrid:
        step = math.prod(self.config.conv_stride)
        return TokenGrid(self.receptive_field / 2 / SAMPLE_RATE, step / SAMPLE_RATE)

    @property
    def receptive_field(self) -> int:
        samples = 1
        for kernel, stride in zip(self.config.conv_kernel[::-1], self.config.conv_stride[::-1]):
            samples = (samples - 1) * stride + kernel
        return samples

    def parts(self) -> dict[str, list[nn.Module]]:
        model, encoder = self.model, self.model.encoder
        before = [model.feature_projection, encoder.pos_conv_embed, encoder.dropout]
        is_last = self.is_pre_norm and len(self.layers) > 0
        if not is_last:
            before.append(encoder.layer_norm)
        layers = layer_parts(self.layers, *([encoder.layer_norm] if is_last else []))
        return {"conv": [model.feature_extractor], "projection": before, **layers}


def masked_group_norm(norm: nn.GroupNorm, x: Tensor, lengths: Tensor) -> Tensor:
    """A GroupNorm of one channel per group over the first (B,) positions of (B, C, N) alone.

    So a clip has the same values alone and padded. In float32: half precision loses the variance.
    """
    real = real_tokens(lengths, x.shape[2])[:, None]  # (B, 1, N)
    count = lengths[:, None, None].float()
    values = x.float().masked_fill(~real, 0.0)
    mean = values.sum(dim=2, keepdim=True) / count
    apart = (values - mean).masked_fill(~real, 0.0)
    variance = apart.square().sum(dim=2, keepdim=True) / count
    scaled = apart * (variance + norm.eps).rsqrt()
    return (scaled * norm.weight[:, None] + norm.bias[:, None]).to(x.dtype)


class HubertEncoder(WaveEncoder):
    """HuBERT, which may have a BatchNorm before the position convolution, as mHuBERT does."""

    def _positions(self, hidden: Tensor, mask: Tensor) -> Tensor:
        embed = self.model.encoder.pos_conv_embed
        if embed.batch_norm is None:
            return embed(hidden)
        # of the real frames alone: the norm of padding is not 0, and its statistics would count it
        normed = embed.batch_norm(hidden[mask])  # (K, D)
        x = torch.zeros_like(hidden).masked_scatter(mask[..., None], normed.to(hidden.dtype))
        return embed.activation(embed.padding(embed.conv(x.transpose(1, 2)))).transpose(1, 2)


class WavLmEncoder(WaveEncoder):
    """WavLM, whose layers share a gated bias of relative positions."""

    def run_layers(self, hidden: Tensor, mask: Tensor, first: int, last: int) -> Iterator[Tensor]:
        frames = hidden.shape[1]
        owner: Any = self.layers[0].attention  # of the table that all layers share
        bias = owner.compute_bias(frames, frames).repeat(len(hidden), 1, 1)  # (B heads, N, N)
        for layer in self.layers[first:last]:
            hidden, _ = layer(hidden, attention_mask=mask, position_bias=bias)
            yield hidden


class Data2VecEncoder(WaveEncoder):
    """data2vec audio, whose position convolutions are stacked: each would read its padding."""

    def _positions(self, hidden: Tensor, mask: Tensor) -> Tensor:
        x, padding = hidden.transpose(1, 2), ~mask[:, None]
        for layer in self.model.encoder.pos_conv_embed.layers:
            x = layer(x).masked_fill(padding, 0.0)
        return x.transpose(1, 2)
