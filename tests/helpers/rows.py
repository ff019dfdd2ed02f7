"""Examples that were never parsed."""

from spectrobert.audio.segment import Segment
from spectrobert.corpora.example import Example


def example(id: str = "a", audio: str | bytes = "a.wav", **more) -> Example:
    return Example(id, (Segment(audio),), **more)
