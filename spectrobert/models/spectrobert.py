"""SpectroBERT (thesis chapter 2): waveform -> patches -> audio tokens, with text in one BERT stack.

Shapes: B batch, L word pieces, T samples, F frames, M mel bins, N audio tokens (time x frequency),
W values in a column of patches, K real columns of the batch, D width.
In every mask True means a real token.
"""

from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel
from transformers import initialization as init
from transformers.masking_utils import create_bidirectional_mask
from transformers.models.bert.modeling_bert import BertEncoder

from ..audio import features
from ..kernels import adopt
from .audio_encoder import AudioEncoder
from .augmentation import augment
from .batch import Batch
from .configuration import SpectroBertConfig
from .embeddings import JointEmbeddings
from .generation import GenerationHead, decoder_config
from .heads import HEADS, PretrainingHead, head_parts
from .model import (
    Activations,
    AudioSizes,
    AudioTokens,
    FrozenPrefix,
    Model,
    Output,
    TokenGrid,
    trains,
)
from .normalisation import normalise
from .objectives.base import Objective
from .pooling import POOLINGS, normed, pooled_norm

UNSCALED = (0.0, 0.5)  # mean and deviation that leave log-mels as they are


class Sequence(NamedTuple):
    """A joint sequence on its way through the stack."""

    hidden: Tensor  # (B, L + N, D)
    mask: Tensor  # (B, L + N)
    num_words: int  # L
    depth: int  # layers behind it


class RealColumns(NamedTuple):
    """Columns of patches that are no padding."""

    values: Tensor  # (K, W) log-mels, or (K, frequency, C) behind the convolutions
    real: Tensor  # (B, time) True at these columns
    kept: Tensor  # (K,) their numbers among B * time

    def spread(self, values: Tensor) -> Tensor:
        """Values of these columns (K, ...) in their places: (B, time, ...), zero elsewhere."""
        spread = values.new_zeros(self.real.numel(), *values.shape[1:])
        return spread.index_copy(0, self.kept, values).unflatten(0, self.real.shape)


def by_constants(config: SpectroBertConfig) -> bool:
    """True if the front end normalises by two constants."""
    return config.normalization == "audioset"


def reads_cls(config: SpectroBertConfig) -> bool:
    """True if the head reads h_[CLS], or the whole sequence."""
    return config.pooling == "cls" or config.head != "classification"


class SpectroBert(Model):
    """The network, with the head its configuration names.

    A new model runs its kernels; `kernels.adopt(model, "off")` leaves the code of this folder.
    """

    kernels: ClassVar = {"last_layer_at_cls": "last_layer_at_cls"}
    config_class = SpectroBertConfig
    config: SpectroBertConfig
    base_model_prefix = "spectrobert"
    inactive = frozenset(
        (
            *("hidden_dropout_prob", "attention_probs_dropout_prob", "head_dropout_prob"),
            "stochastic_depth",
        )
    )
    free = inactive | {
        "pad_to_max",
        "max_frames",
        "audio_mean",
        "audio_std",
        "normalization",
        "mel_mean",
        "mel_std",
        "pooling",
        "pooled_norm",
        "initializer_range",
        "hidden_act",
        "conv_strides",
        "stride",
    }

    def __init__(self, config: SpectroBertConfig):
        super().__init__(config)
        scale = (config.audio_mean, config.audio_std) if by_constants(config) else UNSCALED
        self.log_mel = features.LogMel(config.num_mel_bins, *scale)
        self.audio_encoder = AudioEncoder(config)
        self.embeddings = JointEmbeddings(config)
        self.encoder = BertEncoder(config)
        self.pooling = None if reads_cls(config) else POOLINGS[config.pooling](config.hidden_size)
        width = getattr(self.pooling, "widths", 1) * config.hidden_size
        self.pooled_norm = pooled_norm(config.pooled_norm, width)
        self.head = self._head(width)
        adopt(self)
        self.post_init()

    def _head(self, width: int) -> nn.Module:
        config = self.config
        if config.head == "generation":
            own = decoder_config(
                config.decoder, config, config.vocab_size, config.initializer_range
            )
            return GenerationHead(own, [config.hidden_size], config.decoder["tie"])
        if config.head != "pretraining":
            return HEADS[config.head](config, width)
        width, patch = config.hidden_size, config.patch[0] * config.patch[1]
        sizes = AudioSizes(width, config.audio_width, width, patch)
        return PretrainingHead(config, config.hidden_size, config.objectives, sizes)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, nn.Conv1d):
            # As transformers does for wav2vec 2.0. The biases matter: without them the LayerNorm
            # behind the first conv, which sees one value in many channels, would divide a patch's
            # loudness out
            init.kaiming_normal_(module.weight)
            if module.bias is not None:
                bound = (module.in_channels * module.kernel_size[0]) ** -0.5
                init.uniform_(module.bias, -bound, bound)
        if isinstance(module, PretrainingHead) and hasattr(module, "bias"):
            init.zeros_(module.bias)
        if isinstance(module, Objective):
            module.reset()

    def spectrogram(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Normalised log-mels (B, F, M) of the waveforms, augmented, and (B,) true frames.

        A clip shorter than one column of patches continues as digital silence to the column's end.
        """
        config = self.config
        waveform, num_samples = batch["waveform"], batch["num_samples"]
        if not config.pad_to_max:
            least = features.samples_in(config.patch[1])
            num_samples = num_samples.clamp(min=least)
            if waveform.shape[1] < least:
                waveform = F.pad(waveform, (0, least - waveform.shape[1]))
        mels, lengths = self.log_mel(waveform, num_samples)  # (B, F, M)
        mels = normalise(mels, lengths, config, batch)
        mels = augment(mels, lengths, batch, features.HOP / features.SAMPLE_RATE)
        if config.pad_to_max:
            mels = mels[:, : config.max_frames]
            silence = -config.audio_mean / (2.0 * config.audio_std) if by_constants(config) else 0.0
            mels = F.pad(mels, (0, 0, 0, config.max_frames - mels.shape[1]), value=silence)
            lengths = torch.full_like(lengths, config.max_frames)
        return mels, lengths

    def convolve(self, batch: Batch) -> RealColumns:
        """The waveforms' columns of patches, behind the convolutions."""
        columns = self.cut(batch)
        return columns._replace(values=self.audio_encoder.convolve(columns.values))

    def cut(self, batch: Batch) -> RealColumns:
        """The waveforms' columns of patches: log-mels."""
        config = self.config
        mels, lengths = self.spectrogram(batch)
        columns, real = features.columns(mels, lengths, config.patch, config.stride)
        columns = columns[:, : config.max_audio_positions]  # (B, time, W)
        real = real[:, : config.max_audio_positions]
        # Padding is never convolved. On a GPU this is the one place of the forward pass that waits
        # for the device: it must learn how many columns are real
        kept = real.flatten().nonzero().squeeze(1)  # (K,)
        return RealColumns(columns.flatten(0, 1)[kept], real, kept)

    def audio_tokens(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(B, time, frequency, D) tokens of the waveforms, zero where padded, and (B, time) their
        mask.
        """
        columns = self.convolve(batch)
        return columns.spread(self.audio_encoder.project(columns.values)), columns.real

    def embed(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The joint sequence before the stack: (B, L + N, D), and its mask (B, L + N)."""
        return self.join(batch, *self.audio_tokens(batch))

    def join(self, batch: Batch, audio: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """The joint sequence of a text and audio tokens, and its mask."""
        joint = self.embeddings(batch["input_ids"], audio)  # (B, L + N, D)
        audio_mask = real.repeat_interleave(audio.shape[2], dim=1)  # (B, N)
        return joint, torch.cat([batch["text_mask"].bool(), audio_mask], dim=1)

    def start(self, batch: Batch) -> Sequence:
        """The joint sequence, before the stack or as deep as the batch is already."""
        if "hidden" in batch:
            mask = torch.cat([batch["text_mask"], batch["audio_mask"]], dim=1)
            return Sequence(batch["hidden"], mask, batch["text_mask"].shape[1], batch["depth"])
        joint, mask = self.embed(batch)
        return Sequence(joint, mask, batch["input_ids"].shape[1], 0)

    def attention_mask(self, sequence: Sequence) -> Tensor | None:
        """(B or 1, 1, L + N, L + N): what each token may look at; None: everything."""
        return create_bidirectional_mask(self.config, sequence.hidden, sequence.mask)

    def run_layers(self, sequence: Sequence, depth: int) -> Sequence:
        """The sequence before layer `depth`."""
        hidden, attention = sequence.hidden, self.attention_mask(sequence)
        for number, layer in enumerate(self.encoder.layer[sequence.depth : depth], sequence.depth):
            hidden = self.keep(number, layer(hidden, attention), hidden)
        return sequence._replace(hidden=hidden, depth=depth)

    def keep(self, number: int, output: Tensor, before: Tensor) -> Tensor:
        """The output of a layer; for some clips, in training, what it was given.

        Stochastic depth (Huang et al. 2016) per clip. Nothing is rescaled: a layer of BERT ends in
        a LayerNorm.
        """
        layers = len(self.encoder.layer)
        probability = self.config.stochastic_depth * (number + 1) / layers
        if not probability or not self.encoder.layer[number].training:
            return output
        is_skipped = torch.rand(len(output), 1, 1, device=output.device) < probability
        return torch.where(is_skipped, before, output)

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The joint sequence after the stack: (B, L + N, D), and its mask (B, L + N)."""
        return self.behind(self.start(batch))

    def behind(self, sequence: Sequence) -> tuple[Tensor, Tensor]:
        """A sequence after the stack: (B, L + N, D), and its mask (B, L + N)."""
        sequence = self.run_layers(sequence, len(self.encoder.layer))
        return sequence.hidden, sequence.mask

    def cls(self, batch: Batch) -> Tensor:
        """h_[CLS] after the stack: (B, 1, D)."""
        layers = len(self.encoder.layer)
        sequence = self.start(batch)
        if sequence.depth == layers:
            return sequence.hidden
        sequence = self.run_layers(sequence, layers - 1)
        cls = self.last_layer_at_cls(sequence.hidden, self.attention_mask(sequence))
        return self.keep(layers - 1, cls, sequence.hidden[:, :1])

    def last_layer_at_cls(self, hidden: Tensor, attention_mask: Tensor | None) -> Tensor:
        """The last layer's (B, L + N, D), of which the first token: (B, 1, D)."""
        return self.encoder.layer[-1](hidden, attention_mask)[:, :1]

    def forward(self, batch: Batch) -> Output:
        if self.head.reads_one_token:
            vector = self.cls(batch)[:, 0] if self.pooling is None else self.pooled(batch)
            hidden = normed(self.pooled_norm, vector, batch)[:, None]
            mask = torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device)
        elif isinstance(self.head, PretrainingHead) and self.head.needs_audio:
            return self._pretrained(batch, self.head)
        elif isinstance(self.head, GenerationHead):
            hidden, mask = self.head.remember([self.encode(batch)])
            return Output(hidden, mask, **self.head((hidden, mask), batch, self.word_table))
        else:
            hidden, mask = self.encode(batch)
        return Output(hidden, mask, **self.head(hidden, batch, self.word_table))

    @property
    def word_table(self) -> Tensor:
        return self.embeddings.word_embeddings.weight

    def _pretrained(self, batch: Batch, head: PretrainingHead) -> Output:
        """The output of objectives that read audio tokens, some of which are masked."""
        mels = self.cut(batch)
        columns = mels._replace(values=self.audio_encoder.convolve(mels.values))
        audio = columns.spread(self.audio_encoder.project(columns.values))
        audio = head.mask(audio.flatten(1, 2), batch).view(audio.shape)
        words = batch["input_ids"].shape[1]
        hidden, mask = self.behind(Sequence(*self.join(batch, audio, columns.real), words, 0))
        normed = self.audio_encoder.layer_norm(columns.values)
        found, normed = (columns.spread(x).flatten(1, 2) for x in (columns.values, normed))
        patches = self.audio_encoder.patches(mels.values) if head.needs_acoustic else None
        acoustic = None if patches is None else mels.spread(patches).flatten(1, 2)
        tokens = AudioTokens(hidden[:, words:], mask[:, words:], found, normed, acoustic)
        return Output(hidden, mask, audio=tokens, **head(hidden, batch, self.word_table))

    def pooled(self, batch: Batch) -> Tensor:
        """The audio tokens behind the stack as one vector (B, D) or (B, 2 D)."""
        assert self.pooling is not None
        sequence = self.run_layers(self.start(batch), len(self.encoder.layer))
        first = sequence.num_words
        return self.pooling(sequence.hidden[:, first:], sequence.mask[:, first:])

    @property
    def token_grid(self) -> TokenGrid:
        config = self.config
        hop = features.HOP / features.SAMPLE_RATE
        first = features.samples_in(config.patch[1]) / 2 / features.SAMPLE_RATE
        return TokenGrid(first, config.stride[1] * hop, config.frequency_patches)

    def count_tokens(self, num_samples: Tensor) -> Tensor:
        config = self.config
        frames = features.num_frames(num_samples)
        if config.pad_to_max:
            frames = torch.full_like(frames, config.max_frames)
        times = features.num_patches(frames, config.patch[1], config.stride[1])
        return times.clamp(max=config.max_audio_positions) * config.frequency_patches

    def frozen_prefix(self) -> FrozenPrefix | str:
        if trains(self.audio_encoder):
            return "the audio encoder trains, only the log-mel lies below it"
        if trains(self.embeddings):
            return "the embeddings train, only the audio tokens lie below them"
        frozen = tuple(self.frozen_parts())
        depth = sum(part.startswith("encoder.") for part in frozen)
        is_whole = isinstance(self.head, GenerationHead)  # the whole sequence is read
        is_vector = depth == len(self.encoder.layer) and self.pooling is None and not is_whole
        what = "h_[CLS]" if is_vector else f"hidden states before encoder.{depth}"
        width = self.config.hidden_size
        return FrozenPrefix(depth, what, frozen, (width, width), is_vector, is_vector)

    def run_frozen(self, batch: Batch, prefix: FrozenPrefix) -> Activations:
        """The sequence before layer `depth`; behind all layers h_[CLS] alone, as one word."""
        if prefix.is_word_vector:
            hidden = self.cls(batch)
            mask = torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device)
            length = 1
        else:
            hidden, mask, length, _ = self.run_layers(self.start(batch), prefix.depth)
        return Activations(
            hidden[:, :length], mask[:, :length], hidden[:, length:], mask[:, length:]
        )

    def parts(self) -> dict[str, list[nn.Module]]:
        audio = self.audio_encoder
        layers = {f"encoder.{i}": [layer] for i, layer in enumerate(self.encoder.layer)}
        return {
            "embeddings": [self.embeddings],
            "audio.conv": [audio.conv_layers],
            "audio.projection": [audio.layer_norm, audio.projection],
            **layers,
            **head_parts(self.head, [self.pooled_norm]),
        }


# So that transformers' Auto classes know a saved SpectroBERT
AutoConfig.register(SpectroBertConfig.model_type, SpectroBertConfig, exist_ok=True)
AutoModel.register(SpectroBertConfig, SpectroBert, exist_ok=True)
