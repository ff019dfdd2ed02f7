"""wav2vec 2.0's objective (Baevski et al. 2020): the quantised features of each masked audio token.

Among them, and those of other masked tokens of the same clip,

    loss = -log( exp(cos(c_t, q_t) / k) / sum_q exp(cos(c_t, q) / k) )
           + a (G V - perplexity) / (G V)

is the mean over masked tokens, where transformers' Wav2Vec2ForPreTraining has a sum. c_t is a
Linear of the token behind all layers, q_t a Linear of its convolved and normed features, each
replaced by one of V codewords in each of G codebooks. fairseq adds a penalty of the features.

Shapes: B batch, N audio tokens, K masked tokens, M negatives, C width of features, E width of c.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Wav2Vec2Config
from transformers import initialization as init
from transformers.models.wav2vec2.modeling_wav2vec2 import Wav2Vec2GumbelVectorQuantizer

from ..batch import Batch
from ..model import AudioSizes, Output
from .base import Objective, Terms, audio_of, feature_penalty
from .counting import mean_of


class Contrastive(Objective):
    """The features of masked audio tokens, among those of others."""

    name: ClassVar[str] = "contrastive"
    unit: ClassVar[str] = "masked audio tokens"
    mask_share: ClassVar[float] = 0.65
    needs_audio: ClassVar[bool] = True

    def __init__(self, options: Mapping[str, Any], sizes: AudioSizes | None):
        super().__init__(options, sizes)
        assert sizes is not None
        self.options = dict(options)
        books = Wav2Vec2Config(
            conv_dim=(sizes.features,),
            conv_kernel=(1,),
            conv_stride=(1,),
            num_feat_extract_layers=1,
            num_codevector_groups=options["codebooks"],
            num_codevectors_per_group=options["codewords"],
            codevector_dim=options["codebook_size"],
        )
        self.quantizer = Wav2Vec2GumbelVectorQuantizer(books)
        self.project_q = nn.Linear(options["codebook_size"], options["size"])
        self.project_hid = nn.Linear(sizes.hidden, options["size"])

    def reset(self) -> None:
        init.normal_(self.quantizer.weight_proj.weight, mean=0.0, std=1.0)
        init.zeros_(self.quantizer.weight_proj.bias)
        init.uniform_(self.quantizer.codevectors)
        for layer in (self.project_q, self.project_hid):  # as torch begins a Linear
            bound = layer.in_features**-0.5
            init.uniform_(layer.weight, -bound, bound)
            init.uniform_(layer.bias, -bound, bound)

    def at_step(self, step: int) -> None:
        """Cool the Gumbel softmax: 2 * decay ** step, not below its least."""
        highest, least = self.options["gumbel"]
        heat = highest * self.options["gumbel_decay"] ** step
        self.quantizer.temperature = max(heat, least)

    def draw(self, generator: np.random.Generator, masked: np.ndarray) -> dict[str, np.ndarray]:
        """`negatives` (n, M): other masked tokens of the row, for each masked one.

        A row with one masked token has none: the token itself stands for them, and is ignored.
        """
        places = np.flatnonzero(masked)  # (m,)
        negatives = np.zeros((len(masked), self.options["negatives"]), dtype=np.int64)
        others = max(1, len(places) - 1)
        drawn = generator.integers(0, others, (len(places), negatives.shape[1]))
        drawn += (drawn >= np.arange(len(places))[:, None]) & (len(places) > 1)
        negatives[places] = places[drawn] if len(places) else 0
        return {"negatives": negatives}

    def quantised(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Normed features (K, C) -> (K, E), and the perplexity of the codebooks, G V at most."""
        if not len(features):
            return self.project_q(features.new_zeros(0, self.project_q.in_features)), torch.ones(())
        codes, perplexity = self.quantizer(features[None])
        return self.project_q(codes[0].to(self.project_q.weight.dtype)), perplexity

    def terms(self, output: Output, batch: Batch) -> Terms:
        return self.compared(output, batch)[0]

    def compared(self, output: Output, batch: Batch) -> tuple[Terms, Tensor]:
        """Costs of the masked tokens, and the perplexity of their codes."""
        audio, masked = audio_of(output), batch["masked"]
        row, token = torch.nonzero(masked, as_tuple=True)  # (K,)
        place = masked.flatten().cumsum(0).sub(1).view(masked.shape)  # of masked tokens among K
        negatives = place[row[:, None], batch["negatives"][row, token]]  # (K, M)
        context = self.project_hid(audio.hidden[row, token])  # (K, E)
        codes, perplexity = self.quantised(audio.normed[row, token])
        logits = self._logits(context, codes, negatives)
        cost = F.cross_entropy(logits, torch.zeros_like(row), reduction="none")
        return Terms(cost, logits.argmax(dim=-1) == 0, row), perplexity

    def _logits(self, context: Tensor, codes: Tensor, negatives: Tensor) -> Tensor:
        """(K, 1 + M) cosines over the temperature, in float32, without negatives of its code."""
        units = F.normalize(codes.float(), dim=-1)
        candidates = torch.cat([units[:, None], units[negatives]], dim=1)  # (K, 1 + M, E)
        cosines = torch.einsum("ke,kme->km", F.normalize(context.float(), dim=-1), candidates)
        is_same = (codes[negatives] == codes[:, None]).all(dim=-1)  # (K, M)
        is_out = F.pad(is_same, (1, 0), value=False)
        return (cosines / self.options["temperature"]).masked_fill(is_out, -torch.inf)

    def losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        terms, perplexity = self.compared(output, batch)
        codes = self.options["codebooks"] * self.options["codewords"]
        cross_entropy = mean_of(terms.cost.sum(), terms.cost)
        diversity, penalty = (codes - perplexity) / codes, feature_penalty(audio_of(output))
        weights = self.options["diversity"], self.options["feature_penalty"]
        return {
            "loss": cross_entropy + weights[0] * diversity + weights[1] * penalty,
            "cross_entropy": cross_entropy,
            "perplexity": perplexity,
            "penalty": penalty,
            "accuracy": mean_of(terms.is_right.float().sum(), terms.cost),
        }
