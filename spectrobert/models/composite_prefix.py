"""The frozen layers of a composite model, whose activations may be cached."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .batch import Batch
from .model import Activations, FrozenPrefix, trains

# Poolings that leave a sequence of one vector as it is
OF_ONE = ("first", "last", "mean", "max")


def frozen_prefix(model: Any) -> FrozenPrefix | str:
    """`Model.frozen_prefix` of `model`, a Composite."""
    parts = model.parts()
    frozen = {name for name, modules in parts.items() if not any(map(trains, modules))}
    text = tuple(name for name in parts if name.startswith("text."))
    is_text_frozen = model.has_text_encoder and frozen.issuperset(text)
    if not model.hears and not is_text_frozen:
        return "the text encoder trains"
    named = [name for name in model.frozen_parts() if name.startswith("audio.")]
    if model.hears and "audio.projection" not in named:
        return "audio.conv or audio.projection trains"
    depth = sum(name.startswith("audio.encoder.") for name in named)
    is_vector = caches_vectors(model, depth)
    word_width, is_word_vector = _word_prefix(model, is_text_frozen)
    if word_width:
        named += text
    what = [sound_words(model, depth, is_vector)] if model.hears else []
    what += ["states of the text encoder"] if word_width else []
    return FrozenPrefix(
        depth + is_vector,
        " and ".join(what),
        tuple(named),
        (word_width, sound_width(model, depth, is_vector)),
        is_word_vector,
        is_vector,
    )


def caches_vectors(model: Any, depth: int) -> bool:
    """True if all of the speech encoder is frozen, and behind it a pooling without weights."""
    if not (model.hears and _reads_vectors(model)) or depth < len(model.speech.layers):
        return False
    return model.pooling.is_weightless


def _reads_vectors(model: Any) -> bool:
    """True if pooled vectors alone meet; a decoder attends to what is not pooled."""
    return model.fusion.is_late and model.config.head != "generation"


def sound_width(model: Any, depth: int, is_vector: bool) -> int:
    """Width of cached sounds."""
    if not model.hears:
        return 0
    states = model.num_states(depth)
    widths = model.pooling.widths if is_vector else 1
    return states * widths * model.speech.width


def _word_prefix(model: Any, is_frozen: bool) -> tuple[int, bool]:
    """Width of cached words (0: none), and True if they are one vector."""
    if not is_frozen:
        return 0, False
    is_vector = _reads_vectors(model) and model.config.text_pooling in OF_ONE
    return model.text.width, is_vector


def sound_words(model: Any, depth: int, is_vector: bool) -> str:
    """The cached states of the speech encoder, for people."""
    states = "states" if model.layer_weights is None else "the mixed states"
    if is_vector:
        return f"pooled {states} of the speech encoder"
    return f"{states} behind {depth} of {len(model.speech.layers)} layers of the speech encoder"


def run_frozen(model: Any, batch: Batch, prefix: FrozenPrefix) -> Activations:
    """`Model.run_frozen` of `model`, a Composite."""
    words, word_mask = _frozen_words(model, batch, prefix)
    if not model.hears:
        return Activations(words, word_mask, words[:, :0], word_mask[:, :0])
    if prefix.is_sound_vector:
        sounds = model.pooled_states(batch).flatten(1)[:, None]  # (B, 1, S P)
        mask = torch.ones(sounds.shape[:2], dtype=torch.bool, device=sounds.device)
    else:
        hidden, mask = model.speech.start(batch["waveform"], batch["num_samples"])
        states, mask = model.run([hidden], mask, 0, prefix.depth)
        sounds = torch.cat(states, dim=2)  # (B, N, S D)
    return Activations(words, word_mask, sounds, mask)


def _frozen_words(model: Any, batch: Batch, prefix: FrozenPrefix) -> tuple[Tensor, Tensor]:
    mask = batch["text_mask"]
    if not prefix.widths[0]:
        empty = torch.zeros(len(mask), 0, 1, device=mask.device)
        return empty, mask[:, :0]
    if prefix.is_word_vector:
        vector = model.word_vector(batch)[:, None]
        return vector, torch.ones(vector.shape[:2], dtype=torch.bool, device=mask.device)
    return model.words(batch).hidden, mask
