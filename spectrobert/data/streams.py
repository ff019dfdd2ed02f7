"""Video and phones of rows, for models that read them: the stretch of a clip that is heard.

Shapes: F frames of video, S height and width, P phones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..audio import video
from ..audio.segment import Segment
from ..audio.video import RATE, SIDE
from ..errors import UserError

PHONE_RATE = 100  # per second


@dataclass(frozen=True)
class StreamOptions:
    """Streams besides audio that a model reads."""

    video: bool
    num_phones: int  # 0: phones are not read
    augments: bool = True  # training frames are cut and mirrored at random


def of_model(settings: Any, augments: bool) -> StreamOptions | None:
    """The streams besides audio that a model with these settings reads; None if it reads none."""
    names = getattr(settings, "streams", ())
    num_phones = settings.num_phones if "phones" in names else 0
    if "video" not in names and not num_phones:
        return None
    return StreamOptions("video" in names, num_phones, augments)


def of_clip(
    row: Mapping[str, Any],
    segment: Segment,
    window: tuple[float, float],
    options: StreamOptions,
    generator: np.random.Generator | None,
) -> dict[str, np.ndarray]:
    """Frames and phones of the stretch of a clip that is heard; a stream that it lacks is missing.

    Args:
        row: with `video` and `phones`.
        segment: its recording; times of a stretch hold for all streams.
        window: first and last second of the clip that are heard.
        generator: of training; None crops the middle and mirrors nothing.

    Raises VideoError or UserError for streams that cannot be used.
    """
    first, last = (segment.start + second for second in window)
    found = {}
    if options.video and row.get("video"):
        frames = video.read(row["video"], round(first * RATE), round(last * RATE))
        found["video"] = crop(frames, generator if options.augments else None)
    if options.num_phones and row.get("phones"):
        numbers = phones(row["phones"], options.num_phones)
        found["phones"] = numbers[round(first * PHONE_RATE) : round(last * PHONE_RATE)]
    return found


def crop(frames: np.ndarray, generator: np.random.Generator | None) -> np.ndarray:
    """Frames (F, S, S) cut to (F, 88, 88): in training anywhere, half the clips mirrored."""
    spare = frames.shape[1] - SIDE
    top, left, is_mirrored = spare // 2, spare // 2, False
    if generator is not None:
        top, left, is_mirrored = generator.integers(0, [spare + 1, spare + 1, 2]).tolist()
    cut = frames[:, top : top + SIDE, left : left + SIDE]
    return np.array(cut[:, :, ::-1] if is_mirrored else cut)  # a file that is mapped is read-only


def phones(cell: str, number: int) -> np.ndarray:
    """The numbers (P,) in a cell, one per 10 ms, or in the .npy file that it names.

    Raises UserError for what is no number from 0 to `number` - 1.
    """
    shown = cell if len(cell) <= 40 else f"{cell[:40]}..."
    try:
        if Path(cell).suffix == ".npy":
            values = np.load(cell, allow_pickle=False)
        else:
            values = np.array([int(word) for word in cell.split()], dtype=np.int64)
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise UserError(f"phones {shown!r}: {reason}; numbers are needed, 100 per second") from None
    is_fine = values.ndim == 1 and np.issubdtype(values.dtype, np.integer) and len(values)
    if not (is_fine and values.min() >= 0 and values.max() < number):
        raise UserError(f"phones {shown!r}: numbers from 0 to {number - 1} are needed, in one row")
    return values.astype(np.int64)
