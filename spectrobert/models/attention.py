"""Attention over a clip's words and sound, and the spectrogram that it is drawn on.

Shapes: B batch, L word pieces, N audio tokens (time x frequency), D width, H heads.
"""

import math

import numpy as np
import torch
from torch import Tensor

from ..audio.features import LogMel
from ..config import ModelOptions
from .batch import Batch
from .composite import Composite
from .model import Model
from .spectrobert import SpectroBert

NO_WEIGHTS = "this model has no attention that stands for its answer"
POOLED = "red: the weight of each moment in the pooled vector"


def log_mel(model: Model) -> LogMel:
    """The model's own spectrogram; of an encoder of another kind AST's, for the picture."""
    if isinstance(model, SpectroBert):
        return model.log_mel
    constants = ModelOptions()
    return LogMel(constants.num_mel_bins, constants.audio_mean, constants.audio_std)


def attention(model: Model, batch: Batch) -> tuple[list[float], np.ndarray, str]:
    """Weights of the word pieces and of the audio (frequency, time), and a note on them.

    Of a composite model those of its attentive pooling. The words of a model that reads none are
    left out.
    """
    if isinstance(model, SpectroBert):
        weights, shape = cls_attention(model, batch)
        length = batch["input_ids"].shape[1]
        return weights[:length].tolist(), weights[length:].reshape(shape).T.numpy(), ""
    words = [0.0] * (batch["input_ids"].shape[1] if model.config.reads else 0)
    pooled = model.pooling_weights(batch) if isinstance(model, Composite) else None
    if pooled is None:
        return words, np.zeros((1, 1)), NO_WEIGHTS
    return words, pooled[:1].numpy(), POOLED


def cls_attention(model: SpectroBert, batch: Batch) -> tuple[Tensor, tuple[int, int]]:
    """Attention of [CLS] in the last layer, mean over heads: (L + N,), and (time, frequency).

    Of the first clip of `batch`; 0 for tokens that the model's attention mask hides from [CLS].
    Computed from the layer's own projections, since SDPA returns no weights.
    """
    layers = model.encoder.layer
    sequence = model.run_layers(model.start(batch), len(layers) - 1)
    audio, _ = model.audio_tokens(batch)
    hidden = sequence.hidden[0]  # (L + N, D)
    attention = layers[-1].attention.self
    heads = attention.num_attention_heads
    query = attention.query(hidden[:1]).unflatten(-1, (heads, -1))[0]  # (H, D / H)
    keys = attention.key(hidden).unflatten(-1, (heads, -1))  # (L + N, H, D / H)
    scores = torch.einsum("hd,nhd->hn", query, keys) / math.sqrt(query.shape[-1])
    allowed = model.attention_mask(sequence)
    if allowed is not None:
        row = allowed[0, 0, 0]  # (L + N,) True: [CLS] may look; or added to its scores
        is_hidden = ~row if row.dtype == torch.bool else row < 0
        scores = scores.masked_fill(is_hidden, float("-inf"))
    return scores.softmax(dim=-1).mean(dim=0), (audio.shape[1], audio.shape[2])
