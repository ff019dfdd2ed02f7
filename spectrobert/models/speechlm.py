"""SpeechLM's encoder (Zhang et al. 2022): a speech Transformer, and above it one shared with units.

Convolutions, projection and convolutional positions are HuBERT's; both stacks are SpeechT5's
layers, whose keys have relative positions; the input of the shared stack gets learned positions and
a LayerNorm. Every module is transformers' own.

Shapes: B batch, N frames or units, D width.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, HubertConfig, SpeechT5Config
from transformers.masking_utils import create_bidirectional_mask
from transformers.models.hubert import modeling_hubert as hubert
from transformers.models.speecht5.modeling_speecht5 import SpeechT5Encoder

from .speech_encoder import WaveEncoder, layer_parts

# Of HuBERT's configuration, under other names in SpeechT5's
SHARED_FIELDS = {
    "hidden_size": "hidden_size",
    "encoder_attention_heads": "num_attention_heads",
    "encoder_ffn_dim": "intermediate_size",
    "hidden_act": "hidden_act",
    "hidden_dropout": "hidden_dropout",
    "attention_dropout": "attention_dropout",
    "activation_dropout": "activation_dropout",
    "layer_norm_eps": "layer_norm_eps",
    "initializer_range": "initializer_range",
    "encoder_max_relative_position": "max_relative_position",
}


class SpeechLmConfig(HubertConfig):
    """HuBERT's fields, and those of the two stacks. The defaults are SpeechLM base.

    Raises ValueError for the norms of SpeechLM large, whose layers are not built.
    """

    model_type: ClassVar[str] = "speechlm"

    num_attention_heads: int = 8
    num_speech_layers: int = 6  # the lower ones of num_hidden_layers; the others are shared
    max_relative_position: int = 160  # further keys share one position
    max_unit_positions: int = 3000  # frames or units that the shared stack reads at most

    def __post_init__(self, **kwargs: Any):
        super().__post_init__(**kwargs)
        if self.do_stable_layer_norm:
            raise ValueError("speechlm has post-norm layers alone: do_stable_layer_norm=false")


def stack_config(config: SpeechLmConfig, layers: int) -> SpeechT5Config:
    """SpeechT5's configuration of one stack."""
    fields = {theirs: getattr(config, ours) for theirs, ours in SHARED_FIELDS.items()}
    stack = SpeechT5Config(**fields, encoder_layers=layers, encoder_layerdrop=0.0)
    stack._attn_implementation = "eager"  # SpeechT5 has no other
    return stack


class SpeechStack(SpeechT5Encoder):
    """The lower layers, behind convolutional positions and a LayerNorm."""

    def __init__(self, config: SpeechLmConfig, layers: int):
        super().__init__(stack_config(config, layers))
        self.pos_conv_embed = hubert.HubertPositionalConvEmbedding(config)


class SharedStack(SpeechT5Encoder):
    """The layers that speech and units share, behind learned positions and a LayerNorm."""

    def __init__(self, config: SpeechLmConfig, layers: int):
        super().__init__(stack_config(config, layers))
        self.positions = nn.Embedding(config.max_unit_positions, config.hidden_size)

    def start(self, hidden: Tensor) -> Tensor:
        """States of speech or embeddings of units as the first shared layer reads them."""
        # Frames beyond the table share its last row
        most = self.positions.num_embeddings - 1
        places = torch.arange(hidden.shape[1], device=hidden.device).clamp(max=most)
        return self.dropout(self.layer_norm(hidden + self.positions(places)))


class SpeechLmModel(hubert.HubertPreTrainedModel):
    """The modules of the encoder, by the names that HuBERT has for them."""

    config_class = SpeechLmConfig
    config: SpeechLmConfig
    base_model_prefix = "speechlm"

    def __init__(self, config: SpeechLmConfig):
        super().__init__(config)
        lower = min(config.num_speech_layers, config.num_hidden_layers)
        self.feature_extractor = hubert.HubertFeatureEncoder(config)
        self.feature_projection = hubert.HubertFeatureProjection(config)
        self.encoder = SpeechStack(config, lower)
        upper = config.num_hidden_layers - lower
        self.shared = SharedStack(config, upper) if upper else None
        self.post_init()


class SpeechLmEncoder(WaveEncoder):
    """SpeechLM in the contract of speech encoders: its layers are those of both stacks in turn."""

    model: SpeechLmModel

    @property
    def layers(self) -> nn.ModuleList:
        shared = self.model.shared
        return nn.ModuleList([*self.model.encoder.layers, *(shared.layers if shared else ())])

    @property
    def num_speech_layers(self) -> int:
        """Layers below those that speech and units share."""
        return len(self.model.encoder.layers)

    def run_layers(self, hidden: Tensor, mask: Tensor, first: int, last: int) -> Iterator[Tensor]:
        """The frames (B, N, D) behind each of the layers from `first` up to `last`.

        From layer `num_speech_layers` on they may as well be embeddings of units.
        """
        model, lower, state = self.model, self.num_speech_layers, hidden
        for state in run_stack(model.encoder, hidden, mask, first, min(last, lower)):
            yield state
        if last <= lower:
            return
        assert model.shared is not None
        if first <= lower:
            state = model.shared.start(state)
        yield from run_stack(model.shared, state, mask, max(0, first - lower), last - lower)

    def parts(self) -> dict[str, list[nn.Module]]:
        model, encoder = self.model, self.model.encoder
        before = [model.feature_projection, encoder.pos_conv_embed, encoder.embed_positions]
        before += [encoder.dropout, encoder.layer_norm]
        layers = layer_parts(self.layers)
        if shared := model.shared:
            own = [shared.positions, shared.embed_positions, shared.layer_norm, shared.dropout]
            layers[f"encoder.{self.num_speech_layers}"] += own
        return {"conv": [model.feature_extractor], "projection": before, **layers}


def run_stack(
    stack: SpeechT5Encoder, hidden: Tensor, mask: Tensor, first: int, last: int
) -> Iterator[Tensor]:
    """The states (B, N, D) behind each of a stack's layers from `first` up to `last`."""
    if first >= last:
        return
    attention = create_bidirectional_mask(stack.config, hidden, mask)
    bias = stack.embed_positions(hidden)  # (N, N, D / heads)
    for layer in stack.layers[first:last]:
        hidden = layer(hidden, attention_mask=attention, position_bias=bias)[0]
        yield hidden


# So that transformers' Auto classes build and load one
AutoConfig.register(SpeechLmConfig.model_type, SpeechLmConfig, exist_ok=True)
AutoModel.register(SpeechLmConfig, SpeechLmModel, exist_ok=True)
