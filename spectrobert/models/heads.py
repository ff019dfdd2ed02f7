"""Heads: `Head(config, width)` on states of this width. Each returns logits, by field of `Output`
(thesis 2.2.6, 2.3, 2.4).
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.activations import ACT2FN
from transformers.models.bert.modeling_bert import BertPooler, BertPredictionHeadTransform

from ..config.model import CompositeOptions
from .batch import IGNORED, Batch
from .generation import GenerationHead
from .model import AudioSizes
from .objectives import registry
from .objectives.masking import HIDDEN


class NoHead(nn.Module):
    """The sequence alone."""

    reads_one_token: ClassVar[bool] = False

    def __init__(self, config: Any, width: int):
        super().__init__()

    def forward(self, hidden: Tensor, batch: Batch, words: Tensor) -> dict[str, Tensor]:
        return {}


class PretrainingHead(nn.Module):
    """Layers of the objectives of pre-training.

    Those of masked language modelling, tied to the word table, and of sentence-audio prediction
    have BERT's names.

    Args:
        config: of the text's stack; None if the model reads nothing.
        width: of the first token, which SAP reads.
        chosen: objectives with their options.
        sizes: of audio tokens; None if the model hears nothing.
    """

    reads_one_token: ClassVar[bool] = False
    kernels: ClassVar = {"masked_words": "masked_words"}

    def __init__(
        self,
        config: Any,
        width: int,
        chosen: Mapping[str, Mapping[str, Any]] = MappingProxyType({"mlm": {}, "sap": {}}),
        sizes: AudioSizes | None = None,
    ):
        super().__init__()
        if "mlm" in chosen:
            self.transform = BertPredictionHeadTransform(config)
            self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        if "sap" in chosen:
            self.pooler = BertPooler(config)
            self.sap = nn.Linear(width, 1)
        self.objectives = nn.ModuleDict(registry.build(chosen, sizes))
        if any(objective.mask_share for objective in self.objectives.values()):
            assert sizes is not None
            self.masked_token = nn.Parameter(torch.rand(sizes.inputs))  # of fairseq and HuggingFace

    def forward(self, hidden: Tensor, batch: Batch, words: Tensor) -> dict[str, Tensor]:
        """(B, L + N, D) and the word table (vocabulary, D) -> `masked_words` and `match`."""
        given = {}
        if "mlm" in self.objectives:
            text = hidden[:, : batch["input_ids"].shape[1]]
            masked = text[batch["mlm_labels"] != IGNORED]  # (K, D)
            given["masked_words"] = self.masked_words(masked, words)
        if "sap" in self.objectives:
            given["match"] = self.match(hidden)
        return given

    def masked_words(self, hidden: Tensor, word_embeddings: Tensor) -> Tensor:
        """(K, D) hidden states of masked positions -> (K, vocabulary) logits."""
        return F.linear(self.transform(hidden), word_embeddings, self.bias)

    def match(self, hidden: Tensor) -> Tensor:
        """(B, L + N, D) -> (B,) one logit: the audio belongs to the text."""
        return self.sap(self.pooler(hidden)).squeeze(-1)

    @property
    def needs_audio(self) -> bool:
        """True if an objective reads `Output.audio`."""
        return any(objective.needs_audio for objective in self.objectives.values())

    @property
    def needs_acoustic(self) -> bool:
        """True if an objective reads `Output.audio.acoustic`."""
        return any(objective.needs_acoustic for objective in self.objectives.values())

    def swap(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Frames (B, N, D) between SpeechLM's stacks, some replaced by their units' vectors."""
        known: Any = self.objectives
        return known["unit_ctc"].swap(hidden, batch) if "unit_ctc" in known else hidden

    def embed_units(self, batch: Batch) -> Tensor | None:
        """Embeddings of units (B, N, D), some masked; None without an objective that reads them."""
        known: Any = self.objectives
        if "unit_ctc" not in known:
            return None
        return known["unit_ctc"].embed(batch, self.masked_token)

    def mask(self, tokens: Tensor, batch: Batch) -> Tensor:
        """(B, N, D) audio tokens before the first layer, masked ones replaced by one vector.

        Those of which `shown` names another token are replaced by that one.
        """
        if "masked" not in batch or not hasattr(self, "masked_token"):
            return tokens
        hidden = batch["masked"]
        if "shown" in batch:
            places = batch["shown"]  # (B, N)
            hidden = hidden & (places == HIDDEN)
            seen = places.clamp(min=0)[..., None].expand_as(tokens)
            tokens = torch.where(batch["masked"][..., None], tokens.gather(1, seen), tokens)
        return torch.where(hidden[..., None], self.masked_token.to(tokens.dtype), tokens)


class ClassificationHead(nn.Module):
    """Dropout and one Linear on h_[CLS] (thesis 2.4.2), or on a pooled vector."""

    reads_one_token: ClassVar[bool] = True

    def __init__(self, config: Any, width: int):
        super().__init__()
        self.dropout = nn.Dropout(config.head_dropout_prob)
        self.linear = nn.Linear(width, config.num_logits)

    def forward(self, hidden: Tensor, batch: Batch, words: Tensor) -> dict[str, Tensor]:
        """(B, 1, D) -> `logits` (B, num_logits)."""
        return {"logits": self.linear(self.dropout(hidden[:, 0]))}


class ClassMeansHead(nn.Module):
    """The nearest mean of a class: cosine of an embedding with each class' mean, over 0.07.

    The means are of the training embeddings seen so far, of which older ones fade; nothing here
    has a gradient of its own.
    """

    reads_one_token: ClassVar[bool] = True
    sums: Tensor
    counts: Tensor

    def __init__(self, config: Any, width: int):
        super().__init__()
        self.register_buffer("sums", torch.zeros(config.num_logits, width))
        self.register_buffer("counts", torch.zeros(config.num_logits))

    def forward(self, hidden: Tensor, batch: Batch, words: Tensor) -> dict[str, Tensor]:
        """(B, 1, E) -> `logits` (B, num_logits)."""
        unit = F.normalize(hidden[:, 0].float(), dim=1)
        if self.training:
            self._remember(unit.detach(), batch["label"])
        return {"logits": F.linear(unit, F.normalize(self.sums, dim=1)) / TEMPERATURE}

    @torch.no_grad()
    def _remember(self, unit: Tensor, label: Tensor) -> None:
        new = torch.bincount(label, minlength=len(self.counts)).to(unit.dtype)
        kept = REMEMBERED / (self.counts + new).clamp(min=REMEMBERED)  # (C,)
        self.sums.index_add_(0, label, unit).mul_(kept[:, None])
        self.counts.add_(new).mul_(kept)


TEMPERATURE = 0.07  # Khosla et al. 2020
REMEMBERED = 500.0  # embeddings of a class, after which older ones fade


def embedding_layer(config: CompositeOptions, width: int) -> nn.Module:
    """Dropout, dense layer and activation (Wagner et al. 2022), if the model has an embedding."""
    if not config.embedding_size:
        return nn.Identity()
    layers: list[nn.Module] = [
        nn.Dropout(config.head_dropout_prob),
        nn.Linear(width, config.embedding_size),
    ]
    if config.embedding_act != "none":
        layers.append(ACT2FN[config.embedding_act])
    return nn.Sequential(*layers)


# model.classifier -> class, of a composite model's classification head
CLASSIFIERS: dict[str, type[nn.Module]] = {
    "linear": ClassificationHead,
    "class_means": ClassMeansHead,
}
# model.head -> class
HEADS: dict[str, type[nn.Module]] = {
    "none": NoHead,
    "pretraining": PretrainingHead,
    "classification": ClassificationHead,
    "generation": GenerationHead,  # of a configuration of its own (`generation_head` of a model)
}


def head_parts(head: nn.Module, before: Iterable[nn.Module] = ()) -> dict[str, list[nn.Module]]:
    """The part `head`, with modules before it; of a generation head also its decoder's parts."""
    parts = head.parts() if isinstance(head, GenerationHead) else {"head": [head]}
    return parts | {"head": [*before, *parts["head"]]}
