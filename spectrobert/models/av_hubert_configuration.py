"""The configuration of an AV-HuBERT or a VATLM: its options, checked."""

import math
from collections.abc import Iterator
from typing import Any, ClassVar

from ..config.model import AvHubertOptions
from .composite_configuration import CompositeConfig

STREAMS = ("audio", "video", "phones")
MASKINGS = ("substitution", "embedding")
# Fields of transformers' HubertConfig that are the stack's; the others are of what precedes it
STACK_FIELDS = (
    *("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"),
    *("hidden_act", "hidden_dropout", "attention_dropout", "activation_dropout"),
    *("layer_norm_eps", "num_conv_pos_embeddings", "num_conv_pos_embedding_groups"),
)
SHARES = (
    *("modality_dropout", "audio_dropout", "phones_alone", "video_mask_share"),
    "front_end_gradient",
)


class AvHubertConfig(AvHubertOptions, CompositeConfig):
    """AvHubertOptions, checked: a composite model whose one encoder has several streams.

    Raises ValueError if a value is not allowed, naming field, value and what is allowed.
    """

    model_type: ClassVar[str] = "spectrobert_av_hubert"

    def __post_init__(self, **kwargs: Any) -> None:
        fields = {name: value for name, value in self.speech.items() if name != "model_type"}
        if wrong := [name for name in fields if name not in STACK_FIELDS]:
            raise ValueError(f"model.speech.{wrong[0]}: allowed are {', '.join(STACK_FIELDS)}")
        self.speech = {"model_type": "hubert", **fields}
        super().__post_init__(**kwargs)
        for name in ("streams", "video_channels", "video_blocks"):
            setattr(self, name, tuple(getattr(self, name)))

    def _checks(self) -> Iterator[tuple[bool, str]]:
        yield from super()._checks()
        streams = list(self.streams)
        is_known = streams and set(streams) <= set(STREAMS) and len(set(streams)) == len(streams)
        wanted = f"some of {', '.join(STREAMS)}, each once"
        yield not is_known, f"model.streams={streams}: must be {wanted}"
        lacks = "phones" in streams and not self.num_phones
        yield lacks, f"model.streams={streams}: model.num_phones=0 has no phones"
        yield self.num_phones < 0, f"model.num_phones={self.num_phones}: must be 0 or more"
        channels, blocks = list(self.video_channels), list(self.video_blocks)
        is_fine = channels and len(channels) == len(blocks) and min(channels + blocks) > 0
        yield (
            not is_fine,
            f"model.video_channels={channels} and model.video_blocks={blocks}: as many positive"
            " numbers, one per stage",
        )
        is_fine = 0 < self.video_std < math.inf and math.isfinite(self.video_mean)
        yield not is_fine, f"model.video_std={self.video_std}: must be above 0 and finite"
        is_known = self.masking in MASKINGS
        yield not is_known, f"model.masking={self.masking!r}: allowed are {', '.join(MASKINGS)}"
        for name in SHARES:
            value = getattr(self, name)
            yield not 0 <= value <= 1, f"model.{name}={value}: must be from 0 to 1"
        seconds = self.video_mask_seconds
        yield not seconds > 0, f"model.video_mask_seconds={seconds}: must be above 0"
