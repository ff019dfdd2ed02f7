"""A rival of the same size: text and audio never attend to each other (late fusion).

What it lacks against SpectroBERT is the thesis' claim: one stack in which the two modalities mix.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from .spectrobert import SpectroBert


class LateFusion(SpectroBert):
    """SpectroBERT's parts and parameters; [CLS] meets the mean audio token only after the stack."""

    def encode(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The sequence after the stack (B, L + N, D), audio added to [CLS], and its mask."""
        joint, mask = self.joint(batch)
        length = batch["input_ids"].shape[1]
        is_text = torch.arange(mask.shape[1], device=mask.device) < length
        same = is_text[:, None] == is_text  # (L + N, L + N)
        attention = torch.zeros_like(same, dtype=joint.dtype)[None, None]
        attention = attention.masked_fill(
            ~(same & mask[:, None, None]), torch.finfo(joint.dtype).min
        )
        hidden = self.encoder(joint, attention_mask=attention).last_hidden_state
        heard = mask[:, length:, None].to(hidden.dtype)  # (B, N, 1)
        mean = (hidden[:, length:] * heard).sum(dim=1) / heard.sum(dim=1)
        return torch.cat([hidden[:, :1] + mean[:, None], hidden[:, 1:]], dim=1), mask
