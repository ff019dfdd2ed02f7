"""Pre-trained text encoders: BERT, RoBERTa, DeBERTa and their like.

Shapes: B batch, L word pieces, D width.
"""

from typing import Any

from torch import Tensor, nn
from transformers import AutoModel, PreTrainedConfig

from .speech_encoder import layer_parts

# model.text.model_type -> where the embeddings and the layers are
TEXT_TYPES: dict[str, tuple[str, str]] = {
    "bert": ("embeddings", "encoder.layer"),
    "roberta": ("embeddings", "encoder.layer"),
    "xlm-roberta": ("embeddings", "encoder.layer"),
    "camembert": ("embeddings", "encoder.layer"),
    "deberta": ("embeddings", "encoder.layer"),
    "deberta-v2": ("embeddings", "encoder.layer"),
    "mpnet": ("embeddings", "encoder.layer"),
    "distilbert": ("embeddings", "transformer.layer"),
}
# Position tables that begin behind the number of [PAD]
OFFSET_TYPES = ("roberta", "xlm-roberta", "camembert", "mpnet")


class TextEncoder(nn.Module):
    """Word pieces -> hidden states behind the last layer."""

    def __init__(self, config: PreTrainedConfig):
        super().__init__()
        self.config = config
        self.width: int = config.hidden_size
        options = {"add_pooling_layer": False} if config.model_type in POOLED_TYPES else {}
        self.model = AutoModel.from_config(config, **options)

    def forward(self, input_ids: Tensor, mask: Tensor) -> Tensor:
        """(B, L) word pieces and their mask -> (B, L, D)."""
        return self.run(input_ids, mask).last_hidden_state

    def run(self, input_ids: Tensor, mask: Tensor, **options: Any) -> Any:
        """The output of transformers' model; `options` are its own."""
        # RoBERTa counts positions by what is no padding, whose number is its own
        ids = input_ids.masked_fill(~mask, self.config.pad_token_id or 0)
        return self.model(ids, attention_mask=mask.long(), **options)

    @property
    def word_table(self) -> Tensor:
        """Word embeddings (vocabulary, D)."""
        return self.model.get_input_embeddings().weight

    @property
    def layers(self) -> nn.Module:
        return self.model.get_submodule(TEXT_TYPES[self.config.model_type][1])

    def parts(self) -> dict[str, list[nn.Module]]:
        """`embeddings` and `encoder.<n>`; other modules of the stack go with the first."""
        path, stack = TEXT_TYPES[self.config.model_type]
        owner = self.model.get_submodule(stack.split(".")[0])
        others = [child for name, child in owner.named_children() if name != stack.split(".")[1]]
        return {"embeddings": [self.model.get_submodule(path), *others], **layer_parts(self.layers)}


POOLED_TYPES = ("bert", "roberta", "xlm-roberta", "camembert", "mpnet")


def max_text_positions(config: PreTrainedConfig) -> int:
    """Word pieces that a text encoder's position table has room for."""
    offset = config.pad_token_id + 1 if config.model_type in OFFSET_TYPES else 0
    return config.max_position_embeddings - offset
