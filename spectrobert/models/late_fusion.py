"""A rival of the same size: text and audio never attend to each other (late fusion).

What it lacks against SpectroBERT is the thesis' claim: one stack in which the two modalities mix.
"""

import torch
from torch import Tensor

from .batch import Batch
from .spectrobert import Sequence, SpectroBert


class LateFusion(SpectroBert):
    """SpectroBERT's parts and parameters; [CLS] meets the mean audio token only after the stack."""

    def attention_mask(self, sequence: Sequence) -> Tensor:
        """(B, 1, L + N, L + N), added to the scores: text looks at text, audio at audio."""
        mask, hidden = sequence.mask, sequence.hidden
        is_text = torch.arange(mask.shape[1], device=mask.device) < sequence.num_words
        same = is_text[:, None] == is_text  # (L + N, L + N)
        attention = torch.zeros_like(same, dtype=hidden.dtype)[None, None]
        return attention.masked_fill(~(same & mask[:, None, None]), torch.finfo(hidden.dtype).min)

    def behind(self, sequence: Sequence) -> tuple[Tensor, Tensor]:
        """The sequence after the stack (B, L + N, D), audio added to [CLS], and its mask."""
        sequence = self.run_layers(sequence, len(self.encoder.layer))
        hidden, mask, length = sequence.hidden, sequence.mask, sequence.num_words
        heard = mask[:, length:, None].to(hidden.dtype)  # (B, N, 1)
        mean = (hidden[:, length:] * heard).sum(dim=1) / heard.sum(dim=1)
        return torch.cat([hidden[:, :1] + mean[:, None], hidden[:, 1:]], dim=1), mask

    def cls(self, batch: Batch) -> Tensor:
        """h_[CLS]: (B, 1, D). The mean needs the last layer at every audio token."""
        is_done = batch.get("depth") == len(self.encoder.layer)
        return batch["hidden"] if is_done else self.encode(batch)[0][:, :1]
