"""AV-HuBERT's masking and dropout of whole streams.

Shapes: N steps of a clip, B batch.
"""

import numpy as np
import torch
from torch import Tensor


def sources(masked: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The step (N,) that each step is taken from: itself, or for masked (N,) ones another span's.

    As published, a span is replaced by another of the same clip. Our readings: spans that touch
    are one, its replacement begins anywhere else with equal probability, and a clip that is masked
    as a whole is turned round by a part of its length.
    """
    taken = np.arange(len(masked))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], masked, [False]])))
    for first, last in edges.reshape(-1, 2).tolist():
        length, spare = last - first, len(masked) - (last - first)
        turns = spare or length - 1
        start = first + int(generator.integers(1, turns + 1)) if turns else first
        places = start % (spare + 1) if spare else start
        taken[first:last] = (places + np.arange(length)) % len(masked)
    return taken


def take(steps: Tensor, places: Tensor) -> Tensor:
    """(B, N, ...) with step i of a clip taken from place (B, i)."""
    rows = torch.arange(len(steps), device=steps.device)
    return steps[rows[:, None], places]


def kept_streams(
    has: Tensor, uniform: Tensor, dropout: float, audio_dropout: float, phones_alone: float
) -> Tensor:
    """The streams (B, 3) that clips keep, of audio, video and phones (seed 004's p_m and p_a).

    A clip with audio and video loses one of them with probability `dropout`, and then the audio
    with probability `audio_dropout`. A clip with phones loses all else with `phones_alone`.

    Args:
        has: (B, 3) True at the streams that a clip has.
        uniform: (B, 3) numbers from 0 to 1: if one is lost, which, if phones are alone.
    """
    lost, which, alone = uniform.unbind(1)
    has_both = has[:, 0] & has[:, 1] & (lost < dropout)
    is_audio = which < audio_dropout
    is_alone = has[:, 2] & (alone < phones_alone)
    kept = torch.stack([~(has_both & is_audio), ~(has_both & ~is_audio), has[:, 2]], dim=1)
    kept[:, :2] &= ~is_alone[:, None]
    return kept & has
