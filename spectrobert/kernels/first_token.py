"""A BERT layer at its first position alone: all that a head on h_[CLS] needs of the last layer.

Shapes: B batch, S tokens, H heads, W width of a head, D = H * W.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.models.bert.modeling_bert import BertLayer


def first_token(layer: BertLayer, hidden: Tensor, attention_mask: Tensor | None) -> Tensor:
    """The output of `layer` at position 0: (B, S, D) -> (B, 1, D), as `layer(...)[:, :1]`.

    One query needs no key and no value of its own: with keys K x + k and values V x + v,

        q . (K x + k)         = (K' q) . x + q . k
        sum_s a_s (V x_s + v) = V sum_s a_s x_s + v sum_s a_s

    so that a token costs 2 H D multiplications in place of 2 D D. Dropout falls on the same
    quantities as in the layer, in smaller masks.

    Args:
        attention_mask: (B or 1, 1, 1, S), True where [CLS] may look or a number added to its
            scores; None: everywhere.
    """
    attention = layer.attention.self
    heads, width = attention.num_attention_heads, attention.attention_head_size
    first = hidden[:, :1]  # (B, 1, D)
    query = attention.query(first).unflatten(-1, (heads, width))[:, 0]  # (B, H, W)
    probe = torch.einsum("bhw,hwd->bhd", query, attention.key.weight.unflatten(0, (heads, width)))
    offset = (query * attention.key.bias.unflatten(0, (heads, width))).sum(-1, keepdim=True)
    scores = (probe @ hidden.transpose(1, 2) + offset) * attention.scaling  # (B, H, S)
    if attention_mask is not None:
        allowed = attention_mask[:, 0]  # (B or 1, 1, S)
        if allowed.dtype == torch.bool:
            scores = scores.masked_fill(~allowed, torch.finfo(scores.dtype).min)
        else:
            scores = scores + allowed
    weights = F.dropout(scores.softmax(dim=-1), attention.dropout.p, attention.training)
    mixed = weights @ hidden  # (B, H, D)
    value = torch.einsum("bhd,hwd->bhw", mixed, attention.value.weight.unflatten(0, (heads, width)))
    shift = attention.value.bias.unflatten(0, (heads, width)) * weights.sum(-1, keepdim=True)
    context = (value + shift).flatten(1)[:, None]  # (B, 1, D)
    return layer.feed_forward_chunk(layer.attention.output(context, first))


def last_layer_at_cls(model: Any, hidden: Tensor, attention_mask: Tensor | None) -> Tensor:
    """`first_token` of a model's last layer, given the mask of all S queries (B or 1, 1, S, S)."""
    row = None if attention_mask is None else attention_mask[:, :, :1]
    return first_token(model.encoder.layer[-1], hidden, row)
