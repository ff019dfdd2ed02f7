"""Pre-training of a composite model: its head, and what its objectives read.

A joint stack is trained as SpectroBERT is; without one, objectives of text read the text encoder,
and objectives of audio the speech encoder, behind the cross-modal layers if there are any.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from . import acoustic
from .batch import Batch
from .fusions.base import Sequence
from .heads import PretrainingHead
from .model import AudioSizes, AudioTokens, Output, UnitStates


def head(model: Any) -> PretrainingHead:
    """Layers of the objectives of `model`, a Composite."""
    config, sizes = model.config, None
    text = model.text_stack.config if config.reads else None
    width = text.hidden_size if text else 0
    if config.hears:
        speech = model.speech
        hidden = model.fusion.sound_width
        mels = speech.feature_width if speech.predicts_input else acoustic.width(speech.grid)
        between = speech.width if getattr(speech, "num_speech_layers", 0) else 0
        sizes = AudioSizes(hidden, speech.feature_width, speech.width, mels, between)
    return PretrainingHead(text, width, config.objectives, sizes)


def output(model: Any, batch: Batch, objectives: PretrainingHead) -> Output:
    """All that the objectives of `model`, a Composite, read."""
    words = sound = between = None
    features: Any = None
    if model.config.hears:
        features, hidden, mask = model.start(batch)
        sound, between = _behind(model, batch, hidden, mask)
    if model.has_text_encoder:
        words = model.words(batch)
    first, sound = model.fusion.states(sound, words, batch)
    audio = None
    if sound is not None and objectives.needs_audio:
        targets, acoustic = _targets(model, batch, features)
        audio = AudioTokens(sound.hidden, sound.mask, features, targets, acoustic, between)
    given = objectives(first.hidden, batch, model.word_table)
    units = _units(model, batch, first.mask)
    return Output(first.hidden, first.mask, audio=audio, units=units, **given)


def _targets(model: Any, batch: Batch, features: Tensor) -> tuple[Tensor, Tensor | None]:
    """Features behind their LayerNorm, and log-mels if an objective reads them."""
    normed = model.speech.norm_features(features)
    if not model.head.needs_acoustic:
        return normed, None
    if model.speech.predicts_input:
        return normed, features
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


def _units(model: Any, batch: Batch, mask: Tensor) -> UnitStates | None:
    """Units of the clips, as many as frames, behind the stack that they share."""
    hidden = model.head.embed_units(batch)
    if hidden is None:
        return None
    speech = model.speech
    *_, last = speech.run_layers(hidden, mask, speech.num_speech_layers, len(speech.layers))
    return UnitStates(last, mask)
