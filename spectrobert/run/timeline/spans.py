"""Stretches of a recording that a model hears one by one."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import ceil
from typing import NamedTuple

import numpy as np

from ...audio import io


class Span(NamedTuple):
    """The first sample of a stretch, and the first behind it, at 16 kHz."""

    first: int
    stop: int


def grid(length: int, window: int, hop: int) -> list[Span]:
    """Windows over a recording, all in samples; the last of them ends with it.

    A recording shorter than a window is one.
    """
    more = max(0, ceil((length - window) / hop))
    starts = [*(hop * number for number in range(more)), max(0, length - window)]
    return [Span(first, min(length, first + window)) for first in starts]


def own(spans: Sequence[Span], length: int) -> np.ndarray:
    """(n, 2) seconds that each window of a grid stands for: to halfway to its neighbours' centres.

    Args:
        length: samples of the recording.
    """
    centres = [(span.first + span.stop) / 2 for span in spans]
    edges = [0.0, *((before + after) / 2 for before, after in pairwise(centres)), float(length)]
    return np.stack([edges[:-1], edges[1:]], axis=1) / io.SAMPLE_RATE


def seconds(spans: Sequence[Span]) -> np.ndarray:
    """(n, 2) seconds of the spans."""
    return np.array(spans, np.float64).reshape(-1, 2) / io.SAMPLE_RATE


def clips(blocks: Iterable[np.ndarray], spans: Sequence[Span]) -> Iterator[np.ndarray]:
    """The waveform (T,) of each span, in order of their starts; shorter where a recording ends.

    Args:
        blocks: of the recording from its beginning, as `io.stream` yields them.
    """
    held, at = np.zeros(0, np.float32), 0  # samples in hand, and where they begin
    waiting = iter(spans)
    span = next(waiting, None)
    for block in blocks:
        held = np.concatenate([held, block])
        while span and span.stop <= at + len(held):
            yield held[span.first - at : span.stop - at].copy()
            span = next(waiting, None)
        past = min(len(held), span.first - at) if span else len(held)
        held, at = held[past:], at + past
    while span:
        yield held[span.first - at : span.stop - at]
        span = next(waiting, None)
