"""CTAL's audio input (Li et al. 2021): log-mels with deltas, one Linear, learned positions.

Its layers are those of the fusion; `num_hidden_layers` may put BERT's below them.

Shapes: B batch, N frames of 12.5 ms, D width.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, BertConfig, PreTrainedConfig, PreTrainedModel
from transformers.models.bert.modeling_bert import BertLayer

from ..audio import delta_mel
from ..audio.features import SAMPLE_RATE
from .model import TokenGrid
from .speech_encoder import SpeechEncoder, layer_parts


class LogMelConfig(BertConfig):
    """BERT's fields, of which a text's have no meaning here. The defaults are CTAL's."""

    model_type: ClassVar[str] = "logmel"

    num_hidden_layers: int = 0
    max_frames: int = 3000  # with positions of their own: 37.5 s; later ones share the last


class LogMelModel(PreTrainedModel):
    """Linear, positions, LayerNorm and dropout (the last two a reading of ours), and layers."""

    config_class = LogMelConfig
    config: LogMelConfig
    base_model_prefix = "logmel"
    _supports_sdpa = True

    def __init__(self, config: LogMelConfig):
        super().__init__(config)
        self.projection = nn.Linear(2 * delta_mel.BINS, config.hidden_size)
        self.positions = nn.Embedding(config.max_frames, config.hidden_size)
        self.layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        layers: list[Any] = [BertLayer(config) for _ in range(config.num_hidden_layers)]
        self.layers = nn.ModuleList(layers)
        self.post_init()


class LogMelEncoder(SpeechEncoder):
    """Log-mels in the contract of speech encoders. Masked acoustic modelling predicts its input."""

    predicts_input = True

    def __init__(self, config: PreTrainedConfig, normalize: bool):
        super().__init__(config, normalize)
        self.model: Any = AutoModel.from_config(config)
        self.feature_width = 2 * delta_mel.BINS

    @property
    def layers(self) -> nn.ModuleList:
        return self.model.layers

    def convolve(self, waveform: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        values, mask = delta_mel.delta_mels(waveform, num_samples)  # loudness plays no part
        return values.to(self.model.projection.weight.dtype), mask

    def project(self, features: Tensor) -> Tensor:
        return self.model.projection(features)

    def place(self, hidden: Tensor, mask: Tensor) -> Tensor:
        model = self.model
        most = model.positions.num_embeddings - 1
        places = torch.arange(hidden.shape[1], device=hidden.device).clamp(max=most)
        return model.dropout(model.layer_norm(hidden + model.positions(places)))

    def finish(self, hidden: Tensor) -> Tensor:
        return hidden

    def num_frames(self, num_samples: Tensor) -> Tensor:
        return delta_mel.num_frames(num_samples)

    @property
    def grid(self) -> TokenGrid:
        return TokenGrid(self.receptive_field / 2 / SAMPLE_RATE, delta_mel.HOP / SAMPLE_RATE)

    @property
    def receptive_field(self) -> int:
        return delta_mel.WINDOW

    def parts(self) -> dict[str, list[nn.Module]]:
        model = self.model
        before = [model.projection, model.positions, model.layer_norm, model.dropout]
        return {"conv": [], "projection": before, **layer_parts(self.layers)}


# So that transformers' Auto classes build and load one
AutoConfig.register(LogMelConfig.model_type, LogMelConfig, exist_ok=True)
AutoModel.register(LogMelConfig, LogMelModel, exist_ok=True)
