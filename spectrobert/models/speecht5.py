"""SpeechT5 as a classifier of speech and of text (Ao et al. 2022; speech to class as released).

    speech -> speech pre-net \
                              one encoder -> decoder, fed one zero vector -> head
    text   -> text pre-net   /

The modules are transformers'. Text to class is the same path behind the text pre-net, as seed 000
("Cross Modal Knowledge Transfer on Sentiment Analysis", 2023) adds it. `model.modality` says which
of the two a run reads; the weights of both are always there, so that a run of one starts from a run
of the other. Our reading: the head is a Linear with a bias, where the release has none; layer drop
and SpecAugment are off; the release's pooling "decoder LAS" is not offered, its form being unknown
to us.

Shapes: B batch, L characters, T samples, N tokens of either modality, D width, P pooled width.
"""

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig
from transformers.masking_utils import create_bidirectional_mask
from transformers.models.speecht5.modeling_speecht5 import (
    SpeechT5Decoder,
    SpeechT5Encoder,
    SpeechT5PreTrainedModel,
    SpeechT5SpeechEncoderPrenet,
    SpeechT5TextEncoderPrenet,
)

from ..audio.features import SAMPLE_RATE
from ..kernels import adopt
from . import lora
from .augmentation import augment_waveform
from .batch import Batch
from .heads import HEADS
from .model import Activations, FrozenPrefix, Model, Output
from .pooling import POOLINGS
from .speech_encoder import SpeechEncoder, WaveEncoder, layer_parts
from .speecht5_configuration import DECODER, SpeechT5ClassConfig


class SpeechPrenet(WaveEncoder):
    """Convolutions, projection and positions, of which a clip's padding changes no frame."""

    def __init__(self, config: PreTrainedConfig):
        SpeechEncoder.__init__(self, config, normalize=False)
        self.model = SpeechT5SpeechEncoderPrenet(config)
        self.is_group_norm = config.feat_extract_norm == "group"

    @property
    def conv_layers(self) -> nn.ModuleList:
        return self.model.feature_encoder.conv_layers

    def place(self, hidden: Tensor, mask: Tensor) -> Tensor:
        hidden = hidden.masked_fill(~mask[..., None], 0.0)  # the position convolution reads it
        hidden = hidden + self.model.pos_conv_embed(hidden)
        positions = self.model.pos_sinusoidal_embed
        # it counts what is not the number of padding, which transformers takes to be 1 here
        return hidden + positions(mask.long() + positions.padding_idx)

    @property
    def projection(self) -> list[nn.Module]:
        """The modules between the convolutions and the encoder."""
        return [self.model.feature_projection, self.model.pos_conv_embed]


class SpeechT5(Model, SpeechT5PreTrainedModel):
    """Both pre-nets, one encoder, one decoder and a head."""

    config_class = SpeechT5ClassConfig
    config: SpeechT5ClassConfig
    base_model_prefix = "spectrobert_speecht5"
    is_joint = False
    _supports_sdpa = False  # relative positions are added to the scores
    _supports_attention_backend = False
    free = frozenset(
        ("speech_model", "text_model", "shared", "modality", "head_dropout_prob", "max_seconds")
    )
    inactive: ClassVar[frozenset[str]] = frozenset(
        ("speech_model", "text_model", "shared", "pooling", "head_dropout_prob")
    )

    def __init__(self, config: SpeechT5ClassConfig):
        super().__init__(config)
        self.hears = config.hears
        network = config.network
        self.speech = SpeechPrenet(network)
        self.text = SpeechT5TextEncoderPrenet(network)
        self.encoder = SpeechT5Encoder(network)
        self.decoder = SpeechT5Decoder(network)
        self.width: int = network.hidden_size
        is_decoded = config.pooling == DECODER
        self.pooling = None if is_decoded else POOLINGS[config.pooling](self.width)
        self.head = HEADS[config.head](config, self.width * getattr(self.pooling, "widths", 1))
        if config.lora_rank:
            lora.add_adapters(self, config.lora_rank, config.lora_alpha, config.lora_parts)
        adopt(self)
        self.post_init()

    def forward(self, batch: Batch) -> Output:
        vector = self._pooled(*self._states(batch))[:, None]  # (B, 1, P)
        mask = torch.ones(vector.shape[:2], dtype=torch.bool, device=vector.device)
        heads = self.head(vector, batch, vector)
        return Output(vector, mask, embedding=vector[:, 0], **heads)

    def _states(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The encoder's output (B, N, D) and its mask (B, N)."""
        last = len(self.encoder.layers)
        if "word_states" in batch:
            hidden, mask, depth = batch["word_states"], batch["text_mask"], batch["depth"]
        elif "sound_states" in batch:
            hidden, mask, depth = batch["sound_states"], batch["audio_mask"], batch["depth"]
        else:
            (hidden, mask), depth = self._start(batch), 0
        return self._run_layers(hidden, mask, depth, last), mask

    def _start(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The pre-net's output (B, N, D) and its mask (B, N)."""
        if self.hears:
            waveform = augment_waveform(batch, SAMPLE_RATE)
            hidden, mask = self.speech.start(waveform, batch["num_samples"])
        else:
            mask = batch["text_mask"]
            padding = self.encoder.config.pad_token_id
            hidden = self.text(batch["input_ids"].masked_fill(~mask, padding))
        return hidden, mask

    def _run_layers(self, hidden: Tensor, mask: Tensor, first: int, last: int) -> Tensor:
        """(B, N, D) behind the layers from `first` up to `last`; the first begins with a norm."""
        if first == 0 < last:
            hidden = self.encoder.dropout(self.encoder.layer_norm(hidden))
        attention = create_bidirectional_mask(self.encoder.config, hidden, mask)
        positions = self.encoder.embed_positions(hidden)  # (N, N, D of a head)
        for layer in self.encoder.layers[first:last]:
            (hidden,) = layer(hidden, attention, positions)
        return hidden

    def _pooled(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """(B, P)."""
        if self.pooling is not None:
            return self.pooling(hidden, mask)
        start = hidden.new_zeros(len(hidden), 1, self.width)
        decoded = self.decoder(
            hidden_states=start,
            encoder_hidden_states=hidden,
            encoder_attention_mask=mask.long(),
            use_cache=False,
        )
        return decoded.last_hidden_state[:, 0]

    def count_tokens(self, num_samples: Tensor) -> Tensor:
        return self.speech.num_frames(num_samples) if self.hears else torch.zeros_like(num_samples)

    @property
    def least_samples(self) -> int:
        return self.speech.receptive_field if self.hears else 0

    def fixed_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the pre-net that is not read, and of a decoder that does not pool."""
        idle: list[nn.Module] = [self.text if self.hears else self.speech]
        idle += [] if self.pooling is None else [self.decoder]
        return (value for module in idle for value in module.parameters())

    def parts(self) -> dict[str, list[nn.Module]]:
        encoder = self.encoder
        layers = layer_parts(encoder.layers)
        layers["encoder.0"] += [encoder.layer_norm, encoder.dropout, encoder.embed_positions]
        decoder = {f"decoder.{i}": [layer] for i, layer in enumerate(self.decoder.layers)}
        return {
            "audio.conv": [self.speech.model.feature_encoder],
            "audio.projection": self.speech.projection,
            "text.embeddings": [self.text],
            **layers,
            **decoder,
            "pooling": [] if self.pooling is None else [self.pooling],
            "head": [self.head],
        }

    def frozen_prefix(self) -> FrozenPrefix | str:
        named = [name for name in self.frozen_parts() if self._is_read(name)]
        if ("audio.projection" if self.hears else "text.embeddings") not in named:
            return f"{'audio.conv or audio.projection' if self.hears else 'text.embeddings'} trains"
        depth = sum(name.startswith("encoder.") for name in named)
        what = f"states behind {depth} of {len(self.encoder.layers)} layers of SpeechT5's encoder"
        widths = (0, self.width) if self.hears else (self.width, 0)
        return FrozenPrefix(depth, what, tuple(named), widths)

    def _is_read(self, part: str) -> bool:
        """True for parts up to the encoder's end, without the other modality's."""
        return part.startswith(("audio." if self.hears else "text.", "encoder."))

    def run_frozen(self, batch: Batch, prefix: FrozenPrefix) -> Activations:
        hidden, mask = self._start(batch)
        states = self._run_layers(hidden, mask, 0, prefix.depth)
        if self.hears:
            return Activations(states[:, :0], mask[:, :0], states, mask)
        return Activations(states, mask, states[:, :0], mask[:, :0])


# So that transformers' Auto classes know a saved model
AutoConfig.register(SpeechT5ClassConfig.model_type, SpeechT5ClassConfig, exist_ok=True)
AutoModel.register(SpeechT5ClassConfig, SpeechT5, exist_ok=True)
