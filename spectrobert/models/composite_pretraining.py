"""Pre-training of a composite model: its head, and what its objectives read.

A joint stack is trained as SpectroBERT is; without one, objectives of text read the text encoder,
and objectives of audio the speech encoder, behind the cross-modal layers if there are any.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from . import acoustic
from .batch import Batch
from .fusion import Sequence
from .heads import PretrainingHead
from .model import AudioSizes, AudioTokens, Output, UnitStates


def head(model: Any) -> PretrainingHead:
    """Layers of the objectives of `model`, a Composite."""
    config, text, sizes = model.config, None, None
    if config.reads:
        text = model.stack.config if config.fusion == "joint" else model.text.config
    width = text.hidden_size if text else 0
    if config.hears:
        speech = model.speech
        hidden = width if config.fusion == "joint" else speech.width
        mels = acoustic.width(speech.grid)
        between = speech.width if getattr(speech, "num_speech_layers", 0) else 0
        sizes = AudioSizes(hidden, speech.feature_width, speech.width, mels, between)
    return PretrainingHead(text, width, config.objectives, sizes)


def output(model: Any, batch: Batch, objectives: PretrainingHead) -> Output:
    """All that the objectives of `model`, a Composite, read."""
    fusion = model.config.fusion
    words = sound = between = None
    features: Any = None
    if model.config.hears:
        features, hidden, mask = model.start(batch)
        sound, between = _behind(model, batch, hidden, mask)
    if fusion == "joint":
        words, sound = _joint(model, batch, sound)
    elif model.config.reads:
        words = model.words(batch)
        sound = model.cross(sound, words) if fusion == "cross" else sound
    first = words or sound
    assert first is not None
    audio = None
    if sound is not None and objectives.needs_audio:
        audio = AudioTokens(*sound, features, *_targets(model, batch, features), between)
    given = objectives(first.hidden, batch, _word_table(model))
    return Output(*first, audio=audio, units=_units(model, batch, first.mask), **given)


def _targets(model: Any, batch: Batch, features: Tensor) -> tuple[Tensor, Tensor | None]:
    """Features behind their LayerNorm, and log-mels if an objective reads them."""
    normed = model.speech.norm_features(features)
    if not model.head.needs_acoustic:
        return normed, None
    return normed, acoustic.log_mels(batch, model.speech.grid, normed.shape[1])


def _behind(
    model: Any, batch: Batch, hidden: Tensor, mask: Tensor
) -> tuple[Sequence, Tensor | None]:
    """Frames behind all layers, and those between SpeechLM's two stacks, of which some are swapped
    for units.
    """
    lower = getattr(model.speech, "num_speech_layers", 0)
    if not lower:
        return model.behind(hidden, mask), None
    states, mask = model.run([hidden], mask, 0, lower)
    between = states[-1]
    states = [*states[:-1], model.head.swap(between, batch)]
    return model.mixture(*model.run(states, mask, lower, len(model.speech.layers))), between


def _joint(model: Any, batch: Batch, sound: Sequence | None) -> tuple[Sequence, Sequence]:
    """The joint sequence, which begins with words, and its audio."""
    words = model.stack(sound, batch["input_ids"], batch["text_mask"])
    length = batch["input_ids"].shape[1]
    return words, Sequence(words.hidden[:, length:], words.mask[:, length:])


def _units(model: Any, batch: Batch, mask: Tensor) -> UnitStates | None:
    """Units of the clips, as many as frames, behind the stack that they share."""
    hidden = model.head.embed_units(batch)
    if hidden is None:
        return None
    speech = model.speech
    *_, last = speech.run_layers(hidden, mask, speech.num_speech_layers, len(speech.layers))
    return UnitStates(last, mask)


def _word_table(model: Any) -> Tensor:
    """Word embeddings (vocabulary, W), to which masked language modelling is tied."""
    if model.config.fusion == "joint":
        return model.stack.embeddings.word_embeddings.weight
    return model.text.word_table if model.config.reads else torch.empty(0)
