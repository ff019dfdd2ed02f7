"""The obvious build of the same model from Hugging Face parts: the rival of the benchmarks.

Every clip is 1024 frames, as AST pads it; every patch goes through wav2vec 2.0's conv layers as
transformers computes them; audio tokens stand behind BERT's embeddings in BERT's encoder. Nothing
in here is tuned, and nothing in here is slowed down.

Shapes: B batch, L word pieces, T samples, F = 1024 frames, N audio tokens, P values in a patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BertConfig, BertModel, Wav2Vec2Config
from transformers.models.bert.modeling_bert import BertOnlyMLMHead
from transformers.models.wav2vec2.modeling_wav2vec2 import Wav2Vec2FeatureEncoder

if TYPE_CHECKING:  # it needs torchaudio or is slow without; gpu.py measures neither
    from transformers import ASTFeatureExtractor

SAMPLE_RATE = 16_000
PATCH, STRIDE = 16, 10
CONV_KERNELS, CONV_STRIDES = (10, 3, 3, 3, 3, 2), (5, 2, 2, 2, 2, 2)


def conv_encoder(channels: int = 512) -> Wav2Vec2FeatureEncoder:
    """wav2vec 2.0's conv stack, cut to the six layers that 256 values can pass."""
    return Wav2Vec2FeatureEncoder(
        Wav2Vec2Config(
            conv_dim=(channels,) * len(CONV_KERNELS),
            conv_kernel=CONV_KERNELS,
            conv_stride=CONV_STRIDES,
            num_feat_extract_layers=len(CONV_KERNELS),
            feat_extract_norm="layer",
            conv_bias=True,
        )
    )


def features(extractor: ASTFeatureExtractor, clips: Sequence[np.ndarray]) -> Tensor:
    """Clips of (T,) samples -> (B, F, 128), clip by clip."""
    found = [
        extractor(clip, sampling_rate=SAMPLE_RATE, return_tensors="pt")["input_values"]
        for clip in clips
    ]
    return torch.cat(found)


class Rival(nn.Module):
    """Audio and text in one BERT encoder, with a classification head on [CLS]."""

    def __init__(self, bert: BertConfig, channels: int = 512, classes: int = 8):
        super().__init__()
        bert._attn_implementation = "sdpa"
        self.conv = conv_encoder(channels)
        self.projection = nn.Linear(channels, bert.hidden_size)
        self.bert = BertModel(bert, add_pooling_layer=False)
        self.dropout = nn.Dropout(bert.hidden_dropout_prob)
        self.head = nn.Linear(bert.hidden_size, classes)

    def encode(self, input_values: Tensor, input_ids: Tensor, text_mask: Tensor) -> Tensor:
        """(B, F, 128), (B, L), (B, L) True where real -> (B, L + N, D)."""
        pictures = input_values.transpose(1, 2).unsqueeze(1)  # (B, 1, 128, F)
        patches = F.unfold(pictures, PATCH, stride=STRIDE).transpose(1, 2)  # (B, N, P)
        frames = self.conv(patches.flatten(0, 1)).squeeze(-1)  # (B * N, channels)
        audio = self.projection(frames).unflatten(0, patches.shape[:2])  # (B, N, D)
        joint = torch.cat([self.bert.embeddings(input_ids), audio], dim=1)
        heard = text_mask.new_ones(audio.shape[:2])
        mask = torch.cat([text_mask, heard], dim=1)
        hidden = torch.zeros_like(mask, dtype=joint.dtype)
        hidden = hidden.masked_fill(~mask, torch.finfo(joint.dtype).min)[:, None, None]
        return self.bert.encoder(joint, attention_mask=hidden).last_hidden_state

    def forward(self, input_values: Tensor, input_ids: Tensor, text_mask: Tensor) -> Tensor:
        """As `encode`, then -> (B, classes) logits."""
        return self.head(self.dropout(self.encode(input_values, input_ids, text_mask)[:, 0]))


class PretrainingRival(Rival):
    """The same with BERT's word head on all word pieces, and one logit on [CLS] for SAP."""

    def __init__(self, bert: BertConfig, channels: int = 512):
        super().__init__(bert, channels, classes=1)
        self.words = BertOnlyMLMHead(bert)

    def loss(
        self,
        input_values: Tensor,
        input_ids: Tensor,
        text_mask: Tensor,
        mlm_labels: Tensor,
        matched: Tensor,
    ) -> Tensor:
        """0.5 MLM + 0.5 SAP; `mlm_labels` (B, L) are -100 for words that are not masked."""
        hidden = self.encode(input_values, input_ids, text_mask)
        words = self.words(hidden[:, : input_ids.shape[1]])  # (B, L, vocabulary)
        mlm = F.cross_entropy(words.flatten(0, 1).float(), mlm_labels.flatten())
        match = self.head(hidden[:, 0]).squeeze(-1).float()
        return 0.5 * mlm + 0.5 * F.binary_cross_entropy_with_logits(match, matched.float())
