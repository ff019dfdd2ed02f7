"""Whisper's encoder on clips as long as they are, in place of 30 s (Radford et al. 2022).

Shapes: B batch, T samples, M mel bins, N frames of 20 ms, D width.
"""

import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedConfig
from transformers.models.whisper import modeling_whisper

from ..audio.features import SAMPLE_RATE
from ..audio.whisper_mel import HOP, WhisperMel
from .model import TokenGrid
from .speech_encoder import SpeechEncoder, layer_parts, real_tokens

STRIDE = 2 * HOP  # samples per frame: the second convolution takes every other mel frame
SILENT_FRAMES = 4  # behind a clip: as many mel frames as its last frame sees of what follows


class WhisperEncoder(SpeechEncoder):
    """Mels, two convolutions, sinusoidal positions, layers and a final LayerNorm.

    Whisper was trained on 30 s, the clip and silence. Here a clip ends after the silence that its
    last frame sees; the attention is among the clip's own frames.
    """

    def __init__(self, config: PreTrainedConfig, normalize: bool):
        super().__init__(config, normalize)
        self.model = modeling_whisper.WhisperEncoder._from_config(config)
        self.width = self.feature_width = config.d_model
        self.mel = WhisperMel(config.num_mel_bins)

    @property
    def layers(self) -> nn.ModuleList:
        return self.model.layers

    def convolve(self, waveform: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        lengths = self.num_frames(num_samples)
        mask = real_tokens(lengths, int(lengths.max()))
        frames = 2 * mask.shape[1] + SILENT_FRAMES
        mels = self.mel(waveform, frames).transpose(1, 2)  # (B, M, 2 N + 4)
        model = self.model
        mels = mels.to(model.conv1.weight.dtype)
        x = F.gelu(model.conv2(F.gelu(model.conv1(mels)))).transpose(1, 2)  # (B, N + 2, D)
        return x[:, : mask.shape[1]], mask

    def project(self, features: Tensor) -> Tensor:
        return features

    def place(self, hidden: Tensor, mask: Tensor) -> Tensor:
        model = self.model
        x = hidden + model.embed_positions.weight[: hidden.shape[1]]
        # The encoder's own dropout is no module: its convolutions stand for what trains here
        return F.dropout(x, model.dropout, model.conv2.training)

    @property
    def grid(self) -> TokenGrid:
        return TokenGrid(0.0, STRIDE / SAMPLE_RATE)

    def finish(self, hidden: Tensor) -> Tensor:
        return self.model.layer_norm(hidden)

    def num_frames(self, num_samples: Tensor) -> Tensor:
        frames = (num_samples + STRIDE - 1) // STRIDE
        return frames.clamp(min=1, max=self.config.max_source_positions)

    @property
    def receptive_field(self) -> int:
        return 1

    def parts(self) -> dict[str, list[nn.Module]]:
        model = self.model
        before = [model.embed_positions, *([] if len(self.layers) else [model.layer_norm])]
        layers = layer_parts(self.layers, model.layer_norm)
        return {"conv": [model.conv1, model.conv2], "projection": before, **layers}
