"""Deep fusion: frames of speech attend to the word pieces of a text encoder (CMT).

Shapes: B batch, L word pieces, N frames, D width of speech, W width of text.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BertConfig, PreTrainedConfig
from transformers.masking_utils import create_bidirectional_mask
from transformers.models.bert.modeling_bert import BertLayer

from ..batch import Batch
from ..pooling import POOLINGS, LayerWeights
from .base import Fusion, Sequence


class CrossModal(Fusion):
    """Layers in which frames attend to each other, then to the word pieces (CMT, equations 1-5).

    Chu et al. 2022. The text stays as its encoder gives it. A text of another width than the
    speech passes a Linear first (this project's reading).
    """

    attribute = "cross"

    def __init__(self, config: Any, sound: int, words: int):
        super().__init__(config, sound, words)
        self.config = cross_config(config.of_speech, sound, config.fusion_layers)
        self.weight = config.orthogonality
        same = words == sound
        self.text_projection = nn.Identity() if same else nn.Linear(words, sound)
        self.layers = nn.ModuleList(BertLayer(self.config) for _ in range(config.fusion_layers))
        for layer in self.layers:
            # A decoder's self-attention looks back alone; frames look both ways
            layer.attention.self.is_causal = False
        self.layer_pooler = LayerWeights(len(self.layers)) if config.layer_pooler else None

    @classmethod
    def checks(cls, config: Any) -> Iterator[tuple[bool, str]]:
        return iter(())

    def mix(
        self, sound: Sequence | None, words: Sequence | None, batch: Batch
    ) -> tuple[Sequence | None, Sequence | None]:
        """Frames that have looked at the text (B, N, D), and the text."""
        assert sound is not None
        assert words is not None
        hidden, text = sound.hidden, self.text_projection(words.hidden)
        own = create_bidirectional_mask(self.config, hidden, sound.mask)
        cross = create_bidirectional_mask(
            self.config, hidden, words.mask, encoder_hidden_states=text
        )
        states = []
        for layer in self.layers:
            hidden = layer(hidden, own, text, cross)
            states.append(hidden)
        if self.layer_pooler is not None:
            hidden = self.layer_pooler(torch.stack(states))
        return Sequence(hidden, sound.mask), words

    def losses(self, sound: Sequence | None, words: Sequence | None) -> dict[str, Tensor]:
        """CMT's equation 7, if it is weighed."""
        if not self.weight or sound is None or words is None:
            return {}
        text = words._replace(hidden=self.text_projection(words.hidden))
        means = (POOLINGS["mean"](0)(*sequence) for sequence in (sound, text))
        return {"orthogonality": self.weight * orthogonality(*means)}


def cross_config(speech: PreTrainedConfig, width: int, layers: int) -> BertConfig:
    """Sizes of CMT's layers: those of the speech encoder's own layers."""
    of_whisper = speech.model_type == "whisper"
    heads, inner = (
        (speech.encoder_attention_heads, speech.encoder_ffn_dim)
        if of_whisper
        else (speech.num_attention_heads, speech.intermediate_size)
    )
    config = BertConfig(
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        is_decoder=True,
        add_cross_attention=True,
    )
    config._attn_implementation = "sdpa"
    return config


def orthogonality(sound: Tensor, words: Tensor) -> Tensor:
    """|cos| of the angle between the modalities' vectors, mean of the batch (CMT, equation 7).

    (B, D), (B, D) -> ().
    """
    return F.cosine_similarity(sound.float(), words.float(), dim=1).abs().mean()
