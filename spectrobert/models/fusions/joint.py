"""One stack of layers over word pieces and frames together (SpectroBERT's).

Shapes: B batch, L word pieces, N frames, D width of speech, W width of the stack.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.masking_utils import create_bidirectional_mask
from transformers.models.bert.modeling_bert import BertEncoder

from ..batch import Batch
from ..embeddings import JointEmbeddings
from ..word_alignment import word_frames, word_means
from .base import Fusion, Sequence


class JointStack(Fusion):
    """SpectroBERT's stack over [CLS] text [SEP] and frames of a speech encoder (thesis 2.2.4).

    Its names are SpectroBERT's, so that BERT's weights load into it. Its sequence is that of words
    and frames together, which `model.pooling` pools.

    With `model.audio_tokens=words` an audio token is a word, in the order in which they are said,
    as in SpeechBERT (Chuang et al. 2019). Its audio words are vectors of an RNN auto-encoder over
    the segments of words; here each is the mean of its frames, this project's reading.
    """

    attribute = "stack"
    is_text_stack = True
    text_types = ("bert",)

    def __init__(self, config: Any, sound: int, words: int):
        stack = stack_config(config)
        super().__init__(config, stack.hidden_size, 0)
        self.config = stack
        self.frames_per_token = config.frames_per_token
        self.has_words = config.audio_tokens == "words"
        self.layer_norm = nn.LayerNorm(sound)
        self.projection = nn.Linear(sound, stack.hidden_size)
        self.embeddings = JointEmbeddings(stack)
        self.encoder = BertEncoder(stack)

    @classmethod
    def checks(cls, config: Any) -> Iterator[tuple[bool, str]]:
        is_bert = config.text.get("model_type") == "bert"
        yield not is_bert, "model.fusion=joint needs a BERT as model.text"
        is_merged = config.audio_tokens == "words" and config.frames_per_token > 1
        yield (
            is_merged,
            f"model.frames_per_token={config.frames_per_token}: model.audio_tokens=words averages"
            " the frames of each word",
        )
        yield from super().checks(config)

    @property
    def word_table(self) -> Tensor:
        """Word embeddings (vocabulary, W)."""
        return self.embeddings.word_embeddings.weight

    def mix(
        self, sound: Sequence | None, words: Sequence | None, batch: Batch
    ) -> tuple[Sequence | None, Sequence | None]:
        """The sequence behind the stack: (B, L + N, W)."""
        assert sound is not None
        frames, mask = self.audio_tokens(sound, batch)
        tokens = self.projection(self.layer_norm(frames))[:, :, None]  # (B, N, 1, W)
        joint = self.embeddings(batch["input_ids"], tokens)
        mask = torch.cat([batch["text_mask"], mask], dim=1)
        attention = create_bidirectional_mask(self.config, joint, mask)
        for layer in self.encoder.layer:
            joint = layer(joint, attention)
        return Sequence(joint, mask), None

    def audio_tokens(self, sound: Sequence, batch: Batch) -> Sequence:
        """Frames, means of some in a row, or means of those of each word: (B, N, D)."""
        if not self.has_words:
            return averaged(sound, self.frames_per_token)
        # more words than positions are no speech
        times = batch["word_times"][:, : self.config.max_audio_positions]
        frames = word_frames(times, sound.mask, self.grid)
        return Sequence(word_means(sound.hidden, frames), frames.any(dim=2))

    def states(
        self, sound: Sequence | None, words: Sequence | None, batch: Batch
    ) -> tuple[Sequence, Sequence | None]:
        joint, _ = self.mix(sound, words, batch)
        assert joint is not None
        length = batch["input_ids"].shape[1]
        return joint, Sequence(joint.hidden[:, length:], joint.mask[:, length:])

    def parts(self) -> dict[str, list[nn.Module]]:
        layers = {f"fusion.{i}": [layer] for i, layer in enumerate(self.encoder.layer)}
        projection: list[nn.Module] = [self.layer_norm, self.projection]
        own: dict[str, list[nn.Module]] = {"text.embeddings": [self.embeddings]}
        return own | {"fusion.projection": projection} | layers


def stack_config(config: Any) -> Any:
    """BERT's configuration of a composite, with the fields that the joint embeddings read.

    Args:
        config: a CompositeConfig, whose module imports this one.
    """
    stack = config.of_text
    stack.vocab_size = config.vocab_size
    stack.audio_positions = "learned"
    stack.max_audio_positions = config.max_audio_positions
    stack.frequency_patches = 1
    stack._attn_implementation = "sdpa"  # which a whole model of transformers would choose itself
    return stack


def averaged(sound: Sequence, frames: int) -> Sequence:
    """Means of so many frames in a row, without padding: (B, N, D) -> (B, ceil(N / frames), D)."""
    if frames == 1:
        return sound
    hidden, mask = sound
    short = -hidden.shape[1] % frames
    real = F.pad(mask, (0, short)).unflatten(1, (-1, frames))  # (B, N', frames)
    values = F.pad(hidden, (0, 0, 0, short)).unflatten(1, (-1, frames))
    weights = real.to(hidden.dtype)
    sums = torch.einsum("bnf,bnfd->bnd", weights, values)
    count = weights.sum(dim=2, keepdim=True).clamp(min=1.0)
    return Sequence(sums / count, real.any(dim=2))
