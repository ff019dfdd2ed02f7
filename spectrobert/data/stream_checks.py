"""Lengths of video and phones next to those of their audio, before training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import datasets
import pyarrow.compute as pc

from ..audio import video
from ..audio.video import RATE, VideoError
from ..errors import UserError
from .clips import columns
from .rows import light
from .streams import PHONE_RATE, StreamOptions, phones

TOLERANCE_SECONDS = 0.2  # by which the length of a stream may differ from that of its audio
COLUMNS = ("id", "video", "phones", "seconds", "audio")


def require(
    splits: Mapping[str, datasets.Dataset], options: StreamOptions, augmented: Sequence[str]
) -> None:
    """Raise UserError, naming the file, for streams that cannot be used or fit no audio.

    Args:
        augmented: effects that change the time of the audio alone.
    """
    for split in splits.values():
        for row in _rows(split):
            if augmented and (row["video"] or row["phones"]):
                raise UserError(
                    f"augment.{augmented[0]} changes the audio alone, and row {row['id']} has video"
                    " or phones, which would not fit it any more"
                )
            check(row, options)


def check(row: Mapping[str, Any], options: StreamOptions) -> None:
    """Raise UserError for streams of a row that cannot be used, or are of another length."""
    segments = row["audio"]
    if options.video and row["video"]:
        _fit(row["video"], video.frames_of(row["video"]) / RATE, segments, row["seconds"])
    if options.num_phones and row["phones"]:
        numbers = phones(row["phones"], options.num_phones)
        _fit(f"phones of row {row['id']}", len(numbers) / PHONE_RATE, segments, row["seconds"])


def _fit(what: str, seconds: float, segments: Sequence[Mapping[str, Any]], clip: float) -> None:
    """Raise UserError if a stream differs from its clip in length.

    Of a clip that ends before its recording, a stream may go on.
    """
    if len(segments) != 1:
        raise UserError(f"{what}: its clip is mixed of {len(segments)} recordings")
    start, end = segments[0]["start"], segments[0]["end"]
    wanted = start + clip
    is_longer = end is None and seconds > wanted + TOLERANCE_SECONDS
    if clip and (is_longer or seconds < wanted - TOLERANCE_SECONDS):
        raise VideoError(
            f"{what}: {seconds:.2f} s, and its audio ends after {wanted:.2f} s; they may differ by"
            f" {TOLERANCE_SECONDS:g} s"
        )


def _rows(split: datasets.Dataset) -> Iterator[dict[str, Any]]:
    """The rows that have a stream besides audio; audio bytes are not read."""
    table = columns(split, *COLUMNS)
    has_any = pc.or_(pc.not_equal(table["video"], ""), pc.not_equal(table["phones"], ""))
    yield from light(table.filter(has_any)).to_pylist()
