"""AV-HuBERT (Shi et al. 2022) and VATLM (Zhu et al. 2022): speech from sound, lips and phones.

A reading from the papers alone, without weights: the owners' code and weights may not be used in an
open project, so none of it is here, and no published checkpoint fits. Sizes, losses, probabilities
and the order of what is computed are the papers'; what they leave open is named as our reading
where it is computed. Trained here are its classifiers and its masked units; layers are never
dropped (0.05 there), as in all models here. VATLM's losses of audio alone, of audio and video and
of phones are one loss on rows that have these streams.

Shapes: B batch, N steps of 40 ms, D width.
"""

from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from ..audio.features import SAMPLE_RATE
from . import composite_prefix
from .augmentation import augment_waveform
from .av_encoder import AvEncoder
from .av_hubert_configuration import AvHubertConfig
from .batch import Batch
from .composite import Composite
from .heads import PretrainingHead
from .model import FrozenPrefix
from .objectives import masking
from .objectives.counting import unused
from .speech_encoder import SpeechEncoder
from .substitution import sources

# Options that change no tensor and nothing in evaluation
IN_TRAINING = (
    *("modality_dropout", "audio_dropout", "phones_alone", "masking", "video_mask_share"),
    *("video_mask_seconds", "front_end_gradient"),
)


class AvHubert(Composite):
    """A composite model whose one encoder has the streams of `model.streams`."""

    config_class = AvHubertConfig  # type: ignore[assignment]  # its options are others
    config: AvHubertConfig
    base_model_prefix = "spectrobert_av_hubert"
    free = frozenset((*Composite.free, *IN_TRAINING, "streams"))
    inactive: ClassVar[frozenset[str]] = frozenset((*Composite.inactive, *IN_TRAINING))

    def __init__(self, config: AvHubertConfig):
        super().__init__(config)
        self.sees = "video" in config.streams
        self.reads_phones = "phones" in config.streams

    def _speech_encoder(self) -> SpeechEncoder:
        return AvEncoder(self.config)

    def start(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Fused streams (B, N, C), steps before the first layer (B, N, D), their mask (B, N)."""
        encoder: Any = self.speech
        heard: Any = {**batch, "waveform": augment_waveform(batch, SAMPLE_RATE)}
        features, mask = encoder.fuse(heard)
        hidden = encoder.project(features)
        if isinstance(self.head, PretrainingHead):
            hidden = self._masked(hidden, batch)
        return features, encoder.place(hidden, mask), mask

    def _masked(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Steps, masked ones replaced, unless their streams have been."""
        head: Any = self.head
        if self.config.masking == "embedding":
            return head.mask(hidden, batch)
        return hidden + unused(head, "masked_token")

    def draw(
        self, generator: np.random.Generator, masked: np.ndarray, frames: int
    ) -> dict[str, np.ndarray]:
        """The steps that those of audio and video are taken from; masked ones are of either.

        With masking by substitution; video is masked in spans of its own.
        """
        if self.config.masking != "substitution":
            return {}
        seen = np.zeros_like(masked)
        if self.sees and frames:
            step = self.speech.grid.step
            length = max(1, round(self.config.video_mask_seconds / step))
            share = self.config.video_mask_share
            seen = masking.spans(len(masked), share, length, generator)
        heard = masked if "audio" in self.config.streams else np.zeros_like(masked)
        return {
            "audio_sources": sources(heard, generator),
            "video_sources": sources(seen, generator),
            "masked": heard | seen,
        }

    def parts(self) -> dict[str, list[nn.Module]]:
        last = ("pooling", "head")
        behind = {name: modules for name, modules in super().parts().items() if name in last}
        return self.speech.parts() | behind

    def frozen_prefix(self) -> FrozenPrefix | str:
        if self.sees or self.reads_phones:
            return "of video and phones nothing is cached; model.streams=[audio] reads neither"
        named = tuple(name for name in self.frozen_parts() if name not in ("pooling", "head"))
        if "fusion" not in named:
            return "the streams or their fusion train"
        depth = sum(name.startswith("encoder.") for name in named)
        is_vector = composite_prefix.caches_vectors(self, depth)
        what = composite_prefix.sound_words(self, depth, is_vector)
        widths = (0, composite_prefix.sound_width(self, depth, is_vector))
        return FrozenPrefix(depth + is_vector, what, named, widths, False, is_vector)


# So that transformers' Auto classes know a saved model
AutoConfig.register(AvHubertConfig.model_type, AvHubertConfig, exist_ok=True)
AutoModel.register(AvHubertConfig, AvHubert, exist_ok=True)
