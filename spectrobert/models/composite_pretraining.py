"""Pre-training of a composite model: its head, and what its objectives read.

A joint stack is trained as SpectroBERT is; without one, objectives of text read the text encoder,
and objectives of audio the speech encoder, behind the cross-modal layers if there are any.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .batch import Batch
from .fusion import Sequence
from .heads import PretrainingHead
from .model import AudioSizes, AudioTokens, Output


def head(model: Any) -> PretrainingHead:
    """Layers of the objectives of `model`, a Composite."""
    config, text, sizes = model.config, None, None
    if config.reads:
        text = model.stack.config if config.fusion == "joint" else model.text.config
    width = text.hidden_size if text else 0
    if config.hears:
        speech = model.speech
        hidden = width if config.fusion == "joint" else speech.width
        sizes = AudioSizes(hidden, speech.feature_width, speech.width)
    return PretrainingHead(text, width, config.objectives, sizes)


def output(model: Any, batch: Batch, objectives: PretrainingHead) -> Output:
    """All that the objectives of `model`, a Composite, read."""
    words, sound, features = _sequences(model, batch)
    first = words or sound
    assert first is not None
    audio = None
    if sound is not None and objectives.needs_audio:
        audio = AudioTokens(*sound, features, model.speech.norm_features(features))
    given = objectives(first.hidden, batch, _word_table(model))
    return Output(*first, audio=audio, **given)


def _sequences(model: Any, batch: Batch) -> tuple[Sequence | None, Sequence | None, Any]:
    """Words, or the joint sequence that begins with them; audio; its convolved features."""
    fusion = model.config.fusion
    words = sound = features = None
    if model.config.hears:
        features, hidden, mask = model.start(batch)
        sound = model.behind(hidden, mask)
    if fusion == "joint":
        words = model.stack(sound, batch["input_ids"], batch["text_mask"])
        length = batch["input_ids"].shape[1]
        return words, Sequence(words.hidden[:, length:], words.mask[:, length:]), features
    if model.config.reads:
        words = model.words(batch)
    return words, model.cross(sound, words) if fusion == "cross" else sound, features


def _word_table(model: Any) -> Tensor:
    """Word embeddings (vocabulary, W), to which masked language modelling is tied."""
    if model.config.fusion == "joint":
        return model.stack.embeddings.word_embeddings.weight
    return model.text.word_table if model.config.reads else torch.empty(0)
