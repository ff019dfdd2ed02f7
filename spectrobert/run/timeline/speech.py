"""Stretches of speech in a recording of any length, by Silero VAD."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch

from ...audio import io
from ...errors import require_extra
from .spans import Span

FRAME = 512  # samples that the detector judges at once, 32 ms
PART = 320 * FRAME  # samples; parts are judged side by side, which is several times as fast
LEAD = 96 * FRAME  # samples before a part that the detector hears first: 3 s
GROUP = 32  # parts


def spans(blocks: Iterable[np.ndarray], longest: float) -> list[Span]:
    """Stretches of speech by the detector's own rules, cut where they are longer than `longest`.

    Args:
        blocks: of the recording from its beginning, as `io.stream` yields them.
        longest: seconds.

    Raises UserError if the package is missing.
    """
    require_extra("timeline", "--activity speech")
    from silero_vad.utils_vad import get_speech_timestamps_from_probs

    sure, length = [], 0
    detector = _detector()
    lead = np.zeros(LEAD, np.float32)
    for group in regrouped(blocks, GROUP * PART):
        sure.append(_judged(detector, np.concatenate([lead, group])))
        lead, length = group[-LEAD:], length + len(group)
    found = get_speech_timestamps_from_probs(
        np.concatenate(sure).tolist(), max_speech_duration_s=longest, audio_length_samples=length
    )
    return [Span(int(one["start"]), min(length, int(one["end"]))) for one in found]


def regrouped(blocks: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same samples, `size` at a time; the last are fewer."""
    held = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) > size:
            yield held[:size]
            held = held[size:]
    yield held


def _detector() -> Any:
    threads = torch.get_num_threads()
    import silero_vad

    torch.set_num_threads(threads)  # the package sets one thread for all of a program
    return silero_vad.load_silero_vad()


def _judged(detector: Any, samples: np.ndarray) -> np.ndarray:
    """(F,) probability of speech in each frame of samples (LEAD + T,) behind the lead."""
    length = len(samples) - LEAD
    parts = -(-length // PART)
    samples = np.pad(samples, (0, parts * PART - length))
    views = [samples[part * PART : (part + 1) * PART + LEAD] for part in range(parts)]
    frames = torch.from_numpy(np.stack(views)).unflatten(1, (-1, FRAME))  # (parts, frames, FRAME)
    detector.reset_states()
    with torch.inference_mode():
        sure = [detector(frame, io.SAMPLE_RATE) for frame in frames.unbind(1)]
    judged = torch.cat(sure, dim=1)[:, LEAD // FRAME :].reshape(-1)
    return judged[: -(-length // FRAME)].numpy()
