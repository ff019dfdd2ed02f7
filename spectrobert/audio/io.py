"""Audio files into 16 kHz mono float32, with one line for whatever is wrong with a file.

WAV, FLAC, OGG and MP3, from a path or from the bytes of a file. Only the stretch asked for is
decoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Literal, NamedTuple

import numpy as np
import soundfile as sf

from ..errors import UserError
from .segment import Segment

SAMPLE_RATE = 16_000
MIN_SECONDS = 0.025  # one analysis window of the log-mel: less gives no frame at all
SILENT = 1e-4  # half the swing from lowest to highest sample; -80 dB, three steps of 16-bit audio
TOLERANCE_SECONDS = (
    0.1  # MP3 headers estimate: this much less than the header promises is still whole
)
NO_LENGTH = 2**62  # libsndfile's frame count where a header gives none is 2**63 - 1
STREAMED = (
    0x7FFF0000  # programs that write a WAV into a pipe put a length from here on into its header
)
BLOCK_SECONDS = (
    300  # soundfile seeks after each read, which costs MP3 a glitch: so few and large blocks
)
OGG_PAGE = 27 + 255 + 255 * 255  # bytes of the largest page

Audio = str | bytes
Crop = Literal["first", "center", "random", "whole"]
Fault = Literal[
    "missing", "empty", "not audio", "no length", "truncated", "too short", "non-finite", "silent"
]


class AudioError(UserError):
    """A recording that cannot be used, for `fault`, one of `Fault`; the message says more."""

    # One positional argument, so that it survives pickling on its way out of a DataLoader worker.
    def __init__(self, message: str, fault: Fault = "not audio", detail: str = "") -> None:
        super().__init__(message)
        self.fault = fault
        self.detail = detail

    @property
    def recording(self) -> str:
        """Name of the recording in the message."""
        return str(self).removesuffix(f": {self.fault}: {self.detail}")


def name(audio: Audio) -> str:
    """How a message calls the recording: its path, or `<bytes of N>`."""
    return audio if isinstance(audio, str) else f"<bytes of {len(audio)}>"


def read(
    audio: Audio,
    start: float = 0.0,
    end: float | None = None,
    sample_rate: int = SAMPLE_RATE,
    allow_silent: bool = False,
) -> np.ndarray:
    """The stretch from `start` to `end` seconds, mono at `sample_rate`: float32 (T,).

    An `end` past the end of the recording means its end: manifests round up. Channels are averaged.
    A cut FLAC or MP3 is refused only where the stretch reaches the cut, a cut WAV, AIFF or OGG
    always. Raises AudioError.
    """
    import soxr

    with _open(audio) as file:
        _check_whole(audio, file)
        begin, stop = _bounds(audio, file, start, end)
        samples = np.concatenate(list(_blocks(audio, file, begin, stop, stop - begin)))
        native_rate = file.samplerate
    if not allow_silent:
        _check_loud(audio, samples.min(), samples.max())
    return soxr.resample(samples, native_rate, sample_rate, quality="HQ")


def stream(audio: Audio, sample_rate: int = SAMPLE_RATE) -> Iterator[np.ndarray]:
    """A whole recording as `read` gives it, BLOCK_SECONDS at a time, however long it is.

    Raises AudioError: what is silent or cut short is known at its end.
    """
    import soxr

    with _open(audio) as file:
        _check_whole(audio, file)
        begin, stop = _bounds(audio, file, 0.0, None)
        size = round(BLOCK_SECONDS * file.samplerate)
        resampler = soxr.ResampleStream(file.samplerate, sample_rate, 1, quality="HQ")
        lowest = highest = 0.0
        is_first = True
        for position, block in enumerate(_blocks(audio, file, begin, stop, size)):
            low, high = float(block.min()), float(block.max())
            lowest, highest = (low, high) if is_first else (min(lowest, low), max(highest, high))
            is_first = False
            if file.samplerate == sample_rate:
                yield block
            else:
                is_last = (position + 1) * size >= stop - begin
                yield resampler.resample_chunk(block, last=is_last)
        _check_loud(audio, lowest, highest)


def read_clip(
    segments: Sequence[Segment],
    max_seconds: float | None = None,
    crop: Crop = "first",
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """The clip that `segments` make, each at its onset, summed: float32 (T,) at 16 kHz.

    A clip longer than `max_seconds` is cropped (`crop="random"` needs `rng`; "whole" never crops),
    and only what lies in the crop is decoded. Scaled down only where the sum leaves [-1, 1]. A
    crop may fall on silence, but a segment without any sound is refused, whatever its length.
    Raises AudioError.
    """
    lengths = [_length(segment) for segment in segments]
    total = max(s.onset + length for s, length in zip(segments, lengths, strict=True))
    window_start, window_end = window(total, max_seconds, crop, rng)
    clip = np.zeros(round((window_end - window_start) * SAMPLE_RATE), np.float32)
    for segment, length in zip(segments, lengths, strict=True):
        begin = max(window_start, segment.onset)
        stop = min(window_end, segment.onset + length)
        is_cropped = stop - begin < length - 1e-6
        if is_cropped and stop - begin < MIN_SECONDS:
            continue  # outside the crop, or a sliver of it too short to be heard
        into = segment.start - segment.onset  # from seconds of the clip to seconds of the recording
        piece = read(segment.audio, begin + into, stop + into, allow_silent=is_cropped)
        if is_cropped and is_silent(piece):
            _require_sound(segment.audio, segment.start, segment.end)
        at = round((begin - window_start) * SAMPLE_RATE)
        piece = piece[: len(clip) - at]
        clip[at : at + len(piece)] += piece
    return clip / max(1.0, float(np.abs(clip).max()))


class Header(NamedTuple):
    """What a recording says of itself."""

    seconds: float
    sample_rate: int
    channels: int
    encoding: str  # container and samples, as in "WAV PCM_16"


def header(audio: Audio) -> Header:
    """What stands in front of the samples. Raises AudioError."""
    with _open(audio) as file:
        length = file.frames / file.samplerate
        return Header(length, file.samplerate, file.channels, f"{file.format} {file.subtype}")


def seconds(audio: Audio) -> float:
    """The length of a recording, from its header alone. Raises AudioError."""
    with _open(audio) as file:
        return file.frames / file.samplerate


def duration(segments: Sequence[Segment]) -> float:
    """The seconds of the clip that `segments` make, from their headers. Raises AudioError."""
    return max(segment.onset + _length(segment) for segment in segments)


def check(audio: Audio, start: float = 0.0, end: float | None = None, decode: bool = True) -> str:
    """What is wrong with the stretch, as "fault: detail"; "" if it can be used.

    Without `decode` only the header is read, which finds neither silence nor a FLAC or MP3 cut
    short.
    """
    return look(audio, start, end, decode)[0]


def look(
    audio: Audio,
    start: float = 0.0,
    end: float | None = None,
    decode: bool = True,
    observe: Callable[[np.ndarray], None] = lambda block: None,
) -> tuple[str, float]:
    """`check`, and the seconds of the stretch, 0 if it cannot be used; opens the file once.

    `observe` is called with each decoded block as it was recorded, float32 (T, channels).
    """
    try:
        with _open(audio) as file:
            _check_whole(audio, file)
            begin, stop = _bounds(audio, file, start, end)
            if decode:
                lows, highs = [], []
                size = round(BLOCK_SECONDS * file.samplerate)
                for block in _frames(audio, file, begin, stop, size):
                    observe(block)
                    samples = mono(block)
                    lows.append(samples.min())
                    highs.append(samples.max())
                _check_loud(audio, min(lows), max(highs))
            length = file.frames / file.samplerate
    except AudioError as error:
        return f"{error.fault}: {error.detail}", 0.0
    return "", (length if end is None else min(end, length)) - start


def _error(audio: Audio, fault: Fault, detail: str) -> AudioError:
    return AudioError(f"{name(audio)}: {fault}: {detail}", fault, detail)


@contextmanager
def _open(audio: Audio) -> Iterator[sf.SoundFile]:
    try:
        file = sf.SoundFile(audio if isinstance(audio, str) else BytesIO(audio))
    except (sf.LibsndfileError, TypeError) as error:
        # TypeError is what soundfile raises for a name in .raw, which has no header
        raise _why_unopened(audio, error) from None
    with file:
        if file.frames > NO_LENGTH:
            raise _error(audio, "no length", "its header gives none, as when written to a pipe")
        try:
            yield file
        except OSError as failure:  # of a disk or a network
            raise _error(audio, "missing", failure.strerror or str(failure)) from None


def _why_unopened(audio: Audio, error: Exception) -> AudioError:
    try:
        is_empty = not (_tail(audio, 1) if isinstance(audio, str) else audio)
    except OSError as failure:
        return _error(audio, "missing", failure.strerror or str(failure))
    if is_empty:
        return _error(audio, "empty", "0 bytes")
    return _error(audio, "not audio", getattr(error, "error_string", str(error)))


def _tail(audio: Audio, num_bytes: int) -> bytes:
    """The last `num_bytes`, or all there are."""
    if isinstance(audio, bytes):
        return audio[-num_bytes:]
    with open(audio, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - num_bytes))
        return file.read()


def _check_whole(audio: Audio, file: sf.SoundFile) -> None:
    """Raise where the file is cut short and libsndfile has quietly made do with what is left.

    It clips the frame count of WAV and AIFF to the bytes there are, saying so only in its log, and
    takes the last complete page of an OGG for the end. (FLAC and MP3 are found out when the missing
    frames are read.)
    """
    if file.format == "OGG":
        tail = _tail(audio, OGG_PAGE)
        page = tail.rfind(b"OggS")
        num_lacings = tail[page + 26] if page + 26 < len(tail) else 255
        lacings = tail[
            page + 27 : page + 27 + num_lacings
        ]  # RFC 3533: they add up to the page's body
        if page >= 0 and len(tail) < page + 27 + num_lacings + sum(lacings):
            raise _error(audio, "truncated", "its last page is cut")
    promised = re.search(
        r"^ ?(?:data|SSND) *: (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE
    )
    if promised and file.frames:
        declared, present = int(promised[1]), int(promised[2])
        bytes_per_second = present / file.frames * file.samplerate
        if declared < STREAMED and declared - present > TOLERANCE_SECONDS * bytes_per_second:
            raise _error(audio, "truncated", f"{present} of {declared} bytes of samples are there")


def _bounds(audio: Audio, file: sf.SoundFile, start: float, end: float | None) -> tuple[int, int]:
    """The stretch in frames of the file."""
    begin = round(start * file.samplerate)
    stop = file.frames if end is None else min(file.frames, round(end * file.samplerate))
    if stop - begin < round(MIN_SECONDS * file.samplerate):
        length = max(0, stop - begin) / file.samplerate
        raise _error(
            audio, "too short", f"{length:.3f} s from {start:g} s on; needs {MIN_SECONDS} s"
        )
    return begin, stop


def _blocks(
    audio: Audio, file: sf.SoundFile, begin: int, stop: int, size: int
) -> Iterator[np.ndarray]:
    """The frames from `begin` to `stop`, mono float32 (T,), at most `size` at a time."""
    return map(mono, _frames(audio, file, begin, stop, size))


def mono(block: np.ndarray) -> np.ndarray:
    """(T, channels) to (T,): the channels' mean."""
    return block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)


def _frames(
    audio: Audio, file: sf.SoundFile, begin: int, stop: int, size: int
) -> Iterator[np.ndarray]:
    """The frames from `begin` to `stop`, float32 (T, channels), at most `size` at a time."""
    position = begin
    while position < stop:
        wanted = min(size, stop - position)
        try:
            if position == begin > 0:
                file.seek(begin)
            block = file.read(wanted, dtype="float32", always_2d=True)  # (T, channels)
        except sf.LibsndfileError as error:
            raise _error(
                audio, "truncated", f"decoding stopped (libsndfile error {error.code})"
            ) from None
        position += len(block)
        lacking = (stop - position if len(block) < wanted else 0) / file.samplerate
        if lacking > TOLERANCE_SECONDS or position == begin:
            there, promised = position / file.samplerate, file.frames / file.samplerate
            raise _error(audio, "truncated", f"{there:.2f} of {promised:.2f} s are there")
        if not np.isfinite(block).all():
            raise _error(audio, "non-finite", "some samples are infinite or not a number")
        if len(block):
            yield block
        if lacking:
            return


def _is_quiet(lowest: float, highest: float) -> bool:
    """Judge the swing, not the peak: a dead microphone's constant offset is silence too."""
    return (highest - lowest) / 2 < SILENT


def is_silent(samples: np.ndarray) -> bool:
    """True if a waveform (T,) holds no sound."""
    return _is_quiet(float(samples.min()), float(samples.max()))


def _check_loud(audio: Audio, lowest: float, highest: float) -> None:
    if _is_quiet(lowest, highest):
        raise _error(audio, "silent", f"no sound in it: no sample is {SILENT:g} away from rest")


def _require_sound(audio: Audio, start: float, end: float | None) -> None:
    """Decode the stretch block by block up to its first sound. Raises AudioError if it has none."""
    with _open(audio) as file:
        begin, stop = _bounds(audio, file, start, end)
        lowest, highest = np.inf, -np.inf
        for block in _blocks(audio, file, begin, stop, round(BLOCK_SECONDS * file.samplerate)):
            lowest = min(lowest, float(block.min()))
            highest = max(highest, float(block.max()))
            if not _is_quiet(lowest, highest):
                return
    _check_loud(audio, lowest, highest)


def _length(segment: Segment) -> float:
    """Seconds that the segment really has."""
    recording = seconds(segment.audio)
    end = recording if segment.end is None else min(segment.end, recording)
    return max(0.0, end - segment.start)  # 0 is for `read` to refuse


def window(
    total: float,
    max_seconds: float | None,
    crop: Crop = "first",
    rng: np.random.Generator | None = None,
) -> tuple[float, float]:
    """First and last second of a clip of `total` seconds that `read_clip` keeps."""
    if max_seconds is None or total <= max_seconds or crop == "whole":
        return 0.0, total
    spare = total - max_seconds
    start = {"first": 0.0, "center": spare / 2}.get(crop)
    if start is None:
        assert crop == "random"
        assert rng is not None, "crop=random needs a generator"
        start = rng.uniform(0.0, spare)
    return start, start + max_seconds
