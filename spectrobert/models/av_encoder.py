"""The encoder of AV-HuBERT and VATLM: up to three streams, their fusion, one pre-LN stack.

    audio  26 log filterbanks, 4 stacked -> Linear \\
    video  ResNet -> Linear                         concat -> LayerNorm -> Linear -> stack
    phones embedding, two convolutions             /

All are steps of 25 per second, as many as the audio has; a stream that a clip lacks is zeros.

Shapes: B batch, T samples, N steps, F frames of video, D width, C width of all streams together.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedConfig
from transformers.models.hubert.modeling_hubert import (
    HubertEncoderStableLayerNorm,
    HubertPreTrainedModel,
)

from ..audio import log_filterbank
from ..audio.features import HOP, SAMPLE_RATE, WINDOW
from ..audio.log_filterbank import STACKED, VALUES
from . import substitution
from .av_hubert_configuration import STREAMS, AvHubertConfig
from .batch import Batch
from .model import TokenGrid
from .objectives.counting import unused
from .speech_encoder import SpeechEncoder, layer_parts, real_tokens
from .video_encoder import PhoneEncoder, VideoEncoder


class Stack(HubertPreTrainedModel):
    """HuBERT's pre-LN layers and convolutional positions, with its first values."""

    def __init__(self, config: PreTrainedConfig):
        super().__init__(config)
        self.encoder = HubertEncoderStableLayerNorm(config)
        self.post_init()


class AvEncoder(SpeechEncoder):
    """Audio, video and phones in one stack."""

    def __init__(self, config: AvHubertConfig):
        super().__init__(config.of_speech, normalize=False)
        self.options = config
        width = self.width
        self.feature_width = width * (3 if config.num_phones else 2)
        self.audio = nn.Linear(VALUES, width)
        self.video = VideoEncoder(
            config.video_channels, config.video_blocks, config.video_mean, config.video_std, width
        )
        self.phones = PhoneEncoder(config.num_phones, width) if config.num_phones else None
        self.layer_norm = nn.LayerNorm(self.feature_width)
        self.projection = nn.Linear(self.feature_width, width)
        self.stack = Stack(self.config)

    @property
    def layers(self) -> nn.ModuleList:
        return self.stack.encoder.layers

    def convolve(self, waveform: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        """The fused streams (B, N, C) of clips of which there is audio alone, and their mask."""
        return self.fuse({"waveform": waveform, "num_samples": num_samples})

    def fuse(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The streams of clips next to each other (B, N, C), and the mask of real steps (B, N)."""
        steps = log_filterbank.steps(batch["waveform"], batch["num_samples"])
        mask = real_tokens(self.num_frames(batch["num_samples"]), steps.shape[1])
        streams, has = [], []
        for stream, is_there in self._streams(batch, steps, mask):
            streams.append(stream)
            has.append(is_there)
        kept = self._kept(torch.stack(has, dim=1))  # (B, streams)
        parts = [part * keep[:, None, None] for part, keep in zip(streams, kept.unbind(1))]
        fused = torch.cat(parts, dim=2)
        share = self.options.front_end_gradient
        return share * fused + (1 - share) * fused.detach(), mask

    def _streams(self, batch: Batch, steps: Tensor, mask: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Each stream (B, N, D), and which clips have it (B,)."""
        sources: Any = batch.get("audio_sources")
        if sources is not None:
            steps = substitution.take(steps, sources)
        is_there = torch.full(mask.shape[:1], "audio" in self.options.streams, device=mask.device)
        found = [(self.audio(steps), is_there), self._video(batch, mask)]
        return found if self.phones is None else [*found, self._phones(batch, mask)]

    def _video(self, batch: Batch, mask: Tensor) -> tuple[Tensor, Tensor]:
        if "video" not in self.options.streams or "video" not in batch:
            return self._absent(mask, self.video)
        number, steps = batch["num_frames"], mask.shape[1]
        frames = F.pad(batch["video"], (0, 0, 0, 0, 0, max(0, steps - batch["video"].shape[1])))
        frames = frames[:, :steps]
        if "video_sources" in batch:
            last = (number - 1).clamp(min=0)[:, None]
            frames = substitution.take(frames, batch["video_sources"].minimum(last))
        real = mask & real_tokens(number, steps)
        return self.video(frames, real), number > 0

    def _phones(self, batch: Batch, mask: Tensor) -> tuple[Tensor, Tensor]:
        assert self.phones is not None
        is_read = "phones" in self.options.streams and "phones" in batch
        if not (is_read and batch["phones"].shape[1]):
            return self._absent(mask, self.phones)
        steps = mask.shape[1]
        vectors = self.phones(batch["phones"], batch["num_phones"])[:, :steps]
        vectors = F.pad(vectors, (0, 0, 0, steps - vectors.shape[1]))
        if "audio_sources" in batch:
            vectors = substitution.take(vectors, batch["audio_sources"])
        return vectors * mask[..., None], batch["num_phones"] > 0

    def _absent(self, mask: Tensor, branch: nn.Module) -> tuple[Tensor, Tensor]:
        """A stream that no clip of a batch has: zeros."""
        zeros = torch.zeros(*mask.shape, self.width, device=mask.device) + unused(branch)
        return zeros, torch.zeros_like(mask[:, 0])

    def _kept(self, has: Tensor) -> Tensor:
        """The streams that clips keep: in training some lose one."""
        if not self.layer_norm.training:
            return has
        options, count = self.options, has.shape[1]
        has = F.pad(has, (0, len(STREAMS) - count))
        uniform = torch.rand(has.shape, device=has.device)
        chances = (options.modality_dropout, options.audio_dropout, options.phones_alone)
        return substitution.kept_streams(has, uniform, *chances)[:, :count]

    def project(self, features: Tensor) -> Tensor:
        return self.projection(self.layer_norm(features))

    def norm_features(self, features: Tensor) -> Tensor:
        return self.layer_norm(features)

    def place(self, hidden: Tensor, mask: Tensor) -> Tensor:
        encoder = self.stack.encoder
        hidden = hidden.masked_fill(~mask[..., None], 0.0)
        return encoder.dropout(hidden + encoder.pos_conv_embed(hidden))

    def finish(self, hidden: Tensor) -> Tensor:
        return self.stack.encoder.layer_norm(hidden)

    def num_frames(self, num_samples: Tensor) -> Tensor:
        return log_filterbank.num_steps(num_samples)

    @property
    def grid(self) -> TokenGrid:
        """A step spans its stacked windows."""
        samples = HOP * (STACKED - 1) + WINDOW
        return TokenGrid(samples / 2 / SAMPLE_RATE, HOP * STACKED / SAMPLE_RATE)

    @property
    def receptive_field(self) -> int:
        """Samples of a window; the others of the first step may be silence."""
        return WINDOW

    def parts(self) -> dict[str, list[nn.Module]]:
        """Modules of each stream, of the fusion, and of the stack."""
        encoder, video = self.stack.encoder, self.video
        parts: dict[str, list[nn.Module]] = {
            "audio.projection": [self.audio],
            "video.conv": [video.conv, video.norm, video.act],
            "video.resnet": [video.resnet],
            "video.projection": [video.projection],
        }
        if self.phones is not None:
            parts["phones.embedding"] = [self.phones.embedding]
            parts["phones.conv"] = [self.phones.conv1, self.phones.conv2]
        before = [self.layer_norm, self.projection, encoder.pos_conv_embed, encoder.dropout]
        return parts | {"fusion": before} | layer_parts(self.layers, encoder.layer_norm)
