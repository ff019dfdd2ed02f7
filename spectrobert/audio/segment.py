"""A stretch of a recording, the unit in which audio is read."""

from typing import NamedTuple


class Segment(NamedTuple):
    """A stretch of one recording and the moment at which it begins in the clip.

    A clip is nearly always one segment with onset 0; a scene mixed on the fly is several.
    """

    audio: str | bytes  # a path, or the bytes of an encoded file (WAV, FLAC, OGG, MP3)
    start: float = 0.0  # seconds into the recording
    end: float | None = None  # seconds into the recording; None is its end
    onset: float = 0.0  # seconds into the clip
