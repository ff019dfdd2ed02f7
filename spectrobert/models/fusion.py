"""Fusions: from the frames of speech and the word pieces of text to one vector.

Shapes: B batch, L word pieces, N frames, D width of speech, W width of text.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BertConfig, PreTrainedConfig
from transformers.masking_utils import create_bidirectional_mask
from transformers.models.bert.modeling_bert import BertEncoder, BertLayer

from .embeddings import JointEmbeddings
from .pooling import LayerWeights


class Sequence(NamedTuple):
    """Hidden states and their mask: (B, N, D), (B, N)."""

    hidden: Tensor
    mask: Tensor


class CrossModal(nn.Module):
    """Layers in which frames attend to each other, then to the word pieces (CMT, equations 1-5).

    Chu et al. 2022. The text stays as its encoder gives it. A text of another width than the
    speech passes a Linear first (this project's reading).

    Args:
        config: of the layers, whose width is that of speech.
        text_width: W.
        has_pooler: the learned mean of the layers ("layer pooler") in place of the last one.
    """

    def __init__(self, config: BertConfig, text_width: int, has_pooler: bool):
        super().__init__()
        self.config = config
        width = config.hidden_size
        same = text_width == width
        self.text_projection = nn.Identity() if same else nn.Linear(text_width, width)
        self.layers = nn.ModuleList(BertLayer(config) for _ in range(config.num_hidden_layers))
        for layer in self.layers:
            # A decoder's self-attention looks back alone; frames look both ways
            layer.attention.self.is_causal = False
        self.layer_pooler = LayerWeights(len(self.layers)) if has_pooler else None

    def forward(self, sound: Sequence, words: Sequence) -> Sequence:
        """Frames that have looked at the text: (B, N, D)."""
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
        return Sequence(hidden, sound.mask)


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


class JointStack(nn.Module):
    """SpectroBERT's stack over [CLS] text [SEP] and frames of a speech encoder (thesis 2.2.4).

    Its names are SpectroBERT's, so that BERT's weights load into it.

    Args:
        config: BERT's, with the fields that JointEmbeddings reads.
        speech_width: D of the frames.
        frames_per_token: frames that are averaged into one audio token.
    """

    def __init__(self, config: BertConfig, speech_width: int, frames_per_token: int):
        super().__init__()
        self.config = config
        self.frames_per_token = frames_per_token
        self.layer_norm = nn.LayerNorm(speech_width)
        self.projection = nn.Linear(speech_width, config.hidden_size)
        self.embeddings = JointEmbeddings(config)
        self.encoder = BertEncoder(config)

    def forward(self, sound: Sequence, input_ids: Tensor, text_mask: Tensor) -> Sequence:
        """The sequence behind the stack: (B, L + N, W)."""
        frames, mask = averaged(sound, self.frames_per_token)
        tokens = self.projection(self.layer_norm(frames))[:, :, None]  # (B, N, 1, W)
        joint = self.embeddings(input_ids, tokens)
        mask = torch.cat([text_mask, mask], dim=1)
        attention = create_bidirectional_mask(self.config, joint, mask)
        for layer in self.encoder.layer:
            joint = layer(joint, attention)
        return Sequence(joint, mask)


def stack_config(config: Any) -> Any:
    """BERT's configuration of a composite, with the fields that the joint embeddings read.

    Args:
        config: a CompositeConfig, whose module imports this one.
    """
    stack = config.of_text
    stack.vocab_size = config.vocab_size
    stack.audio_positions = "learned"
    stack.max_audio_positions = config.max_audio_positions
    stack.frequency_patches = 1
    stack._attn_implementation = "sdpa"  # which a whole model of transformers would choose itself
    return stack


def averaged(sound: Sequence, frames: int) -> Sequence:
    """Means of so many frames in a row, without padding: (B, N, D) -> (B, ceil(N / frames), D)."""
    if frames == 1:
        return sound
    hidden, mask = sound
    short = -hidden.shape[1] % frames
    real = F.pad(mask, (0, short)).unflatten(1, (-1, frames))  # (B, N', frames)
    values = F.pad(hidden, (0, 0, 0, short)).unflatten(1, (-1, frames))
    weights = real.to(hidden.dtype)
    sums = torch.einsum("bnf,bnfd->bnd", weights, values)
    count = weights.sum(dim=2, keepdim=True).clamp(min=1.0)
    return Sequence(sums / count, real.any(dim=2))


FUSIONS = ("audio", "text", "concat", "cross", "joint")
