"""Video into small grey frames at 25 per second; a file that cannot be used is one line.

Arrays, .npy or .npz of one array (F, S, S), are crops of a mouth at 25 frames per second: uint8, or
numbers from 0 to 1, of 88 or 96 pixels. Any other file is decoded by PyAV (the extra `video`): its
colours are averaged to grey, the frame shown at each 25th of a second is taken, and of a frame that
is no such crop already the region of the mouth is cut out by a fixed rule, our reading for a face
in the middle of the picture: a square of 0.4 of the frame's height around the point at half of its
width and 0.65 of its height, scaled to 96 pixels.

Shapes: F frames, S height and width.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError, require_extra

RATE = 25  # frames per second
SIDE = 88  # pixels that a model sees
LARGER = 96  # pixels of which these are cut
SIZES = (SIDE, LARGER)
MOUTH_SHARE = 0.4  # of the frame's height: height and width of the crop
MOUTH_HEIGHT = 0.65  # of the frame's height: the middle of the crop
ARRAYS = (".npy", ".npz")


class VideoError(UserError):
    """A video that cannot be used; the message names it."""

    # One positional argument, so that it survives pickling on its way out of a DataLoader worker.
    def __init__(self, message: str, recording: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.recording = recording
        self.detail = detail


def frames_of(path: str) -> int:
    """Frames of a video at 25 per second, from its header alone if that has them.

    Raises VideoError if it cannot be opened, or holds no frames of an allowed kind.
    """
    return len(_array(path)) if _is_array(path) else _stated_frames(path)


def read(path: str, first: int, last: int) -> np.ndarray:
    """The frames from `first` up to `last` that there are: uint8 (F, S, S). Raises VideoError."""
    if not _is_array(path):
        return _decoded(path, first, last)
    frames = np.asarray(_array(path)[first:last])
    if frames.dtype == np.uint8:
        return frames
    if not (
        np.isfinite(frames).all() and frames.min(initial=0) >= 0 and frames.max(initial=0) <= 1
    ):
        raise _error(path, f"{frames.dtype} frames must be from 0 to 1, or uint8 from 0 to 255")
    return (frames * 255).round().astype(np.uint8)


def mouth(frame: np.ndarray) -> np.ndarray:
    """A grey frame (H, W) as the crop (S, S): itself if it is one, else by the rule above."""
    height, width = frame.shape
    if height == width and height in SIZES:
        return frame
    import torch
    import torch.nn.functional as F

    side = max(1, min(round(MOUTH_SHARE * height), width))
    left = (width - side) // 2
    top = min(max(0, round(MOUTH_HEIGHT * height - side / 2)), height - side)
    crop = torch.from_numpy(np.ascontiguousarray(frame[top : top + side, left : left + side]))
    scaled = F.interpolate(
        crop[None, None].float(), (LARGER, LARGER), mode="bilinear", antialias=True
    )
    return scaled[0, 0].round().clamp(0, 255).to(torch.uint8).numpy()


def shown(times: np.ndarray, rate: float = RATE) -> np.ndarray:
    """The frame that is shown at each step of `rate` per second, from the times of all: (F,)."""
    spacing = float(np.median(np.diff(times))) if len(times) > 1 else 1 / rate
    number = max(1, round((times[-1] - times[0] + spacing) * rate))
    moments = times[0] + np.arange(number) / rate
    return np.searchsorted(times, moments + 1e-4, side="right") - 1


def _error(path: str, detail: str) -> VideoError:
    return VideoError(f"{path}: {detail}", path, detail)


def _is_array(path: str) -> bool:
    return Path(path).suffix.lower() in ARRAYS


def _array(path: str) -> np.ndarray:
    """The array of a file, mapped if possible, of an allowed shape and type. Raises VideoError."""
    try:
        with open(path, "rb"):
            loaded: Any = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(loaded, np.ndarray):
            with loaded:
                names = loaded.files
                array = loaded[names[0]] if len(names) == 1 else None
            if array is None:
                raise _error(path, f"one array is needed, and it has {len(names)}")
            loaded = array
    except VideoError:
        raise
    except OSError as error:
        raise _error(path, error.strerror or f"no array in it: {error}") from None
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _error(path, f"no array in it: {str(error).splitlines()[0]}") from None
    _check(path, loaded)
    return loaded


def _check(path: str, frames: np.ndarray) -> None:
    """Raise VideoError unless an array is grey frames of an allowed size and type."""
    sizes = " or ".join(f"(F, {size}, {size})" for size in SIZES)
    shape = "x".join(map(str, frames.shape)) or "no axis"
    is_grey = frames.ndim == 3 and frames.shape[1] == frames.shape[2] and frames.shape[1] in SIZES
    if not is_grey:
        raise _error(path, f"an array of {shape}; grey frames {sizes} are needed")
    if frames.dtype != np.uint8 and not np.issubdtype(frames.dtype, np.floating):
        raise _error(path, f"frames of {frames.dtype}; uint8, or numbers from 0 to 1 are needed")
    if not len(frames):
        raise _error(path, "no frames in it")


@contextmanager
def _opened(path: str) -> Iterator[tuple[Any, Any]]:
    """A file and its first stream of video, both PyAV's. Raises VideoError."""
    require_extra("video", f"video={path}")
    import av

    try:
        with av.open(path) as file:
            if not file.streams.video:
                raise _error(path, "no video in it")
            yield file, file.streams.video[0]
    except av.FFmpegError as error:
        detail = error.strerror or str(error)
        raise _error(path, f"cannot be read as video: {detail}") from None
    except OSError as error:
        raise _error(path, error.strerror or str(error)) from None


def _stated_frames(path: str) -> int:
    """Frames at 25 per second by the stated length; by decoding if none is stated."""
    with _opened(path) as (file, stream):
        if stream.duration:
            return max(1, round(float(stream.duration * stream.time_base) * RATE))
        if file.duration:
            return max(1, round(file.duration / 1e6 * RATE))
    return len(_decoded(path, 0, 2**31))


def _decoded(path: str, first: int, last: int) -> np.ndarray:
    """Frames of a video file from `first` up to `last`, of 25 per second."""
    crops: list[np.ndarray] = []
    times: list[float] = []
    with _opened(path) as (file, stream):
        rate = float(stream.average_rate or RATE)
        for number, frame in enumerate(file.decode(stream)):
            times.append(number / rate if frame.time is None else frame.time)
            # a frame before the stretch is timed alone
            is_early = (times[-1] - times[0] + 2 / rate) * RATE < first
            crops.append(
                crops[-1] if is_early and crops else mouth(frame.to_ndarray(format="gray"))
            )
            if (times[-1] - times[0]) * RATE > last + 1:
                break
    if not crops:
        raise _error(path, "no frames in it")
    places = shown(np.asarray(times))[first:last]
    return np.stack([crops[place] for place in places.tolist()] or [crops[0]])[: len(places)]
