"""Audio files into 16 kHz mono float32; what is wrong with a file is one line.

WAV, FLAC, OGG and MP3, from a path or the bytes of a file. Only the wanted stretch is decoded.
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
from .crop import Crop, window
from .segment import Segment

SAMPLE_RATE = 16_000
MIN_SECONDS = 0.025  # one analysis window of the log-mel: less gives no frame at all
SILENT = 1e-4  # half the swing from lowest to highest sample; -80 dB, three steps of 16-bit audio
TOLERANCE_SECONDS = 0.1  # MP3 headers estimate: this much less than promised is still whole
NO_LENGTH = 2**62  # libsndfile's frame count if a header gives none is 2**63 - 1
STREAMED = 0x7FFF0000  # a WAV written into a pipe has a length from here on in its header
BLOCK_SECONDS = 300  # soundfile seeks after each read, a glitch in MP3: so few and large blocks
CLIPPED = re.compile(r"^ ?(?:data|SSND) *: (\d+) \(should be (\d+)\)", re.MULTILINE)
OGG_PAGE = 27 + 255 + 255 * 255  # bytes of the largest page

Audio = str | bytes
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
    """The recording in a message: its path, or `<bytes of N>`."""
    return audio if isinstance(audio, str) else f"<bytes of {len(audio)}>"


def read(
    audio: Audio, start: float = 0.0, end: float | None = None, allow_silent: bool = False
) -> np.ndarray:
    """The stretch from `start` to `end` seconds, mono at 16 kHz: float32 (T,).

    An `end` past the end of the recording means its end: manifests round up. Channels are averaged.
    A cut FLAC or MP3 is refused only if the stretch reaches the cut, a cut WAV, AIFF or OGG always.
    Raises AudioError.
    """
    import soxr

    with _open_stretch(audio, start, end) as stretch:
        whole = stretch.stop - stretch.begin
        samples = np.concatenate([mono(block) for block in stretch.blocks(whole)])
        native_rate = stretch.file.samplerate
    if not allow_silent:
        _Swing().add(samples).require_sound(audio)
    return soxr.resample(samples, native_rate, SAMPLE_RATE, quality="HQ")


def stream(audio: Audio) -> Iterator[np.ndarray]:
    """A whole recording as `read` returns it, BLOCK_SECONDS at a time, however long it is.

    Raises AudioError; silence and a cut are known only at the end.
    """
    import soxr

    with _open_stretch(audio) as stretch:
        native_rate = stretch.file.samplerate
        resampler = soxr.ResampleStream(native_rate, SAMPLE_RATE, 1, quality="HQ")
        swing, done, same = _Swing(), stretch.begin, native_rate == SAMPLE_RATE
        for block in map(mono, stretch.blocks()):
            swing.add(block)
            done += stretch.block_size
            yield block if same else resampler.resample_chunk(block, last=done >= stretch.stop)
        swing.require_sound(audio)


def read_clip(
    segments: Sequence[Segment],
    max_seconds: float | None = None,
    crop: Crop = "first",
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """The clip that `segments` make, each at its onset, summed: float32 (T,) at 16 kHz.

    A clip longer than `max_seconds` is cropped (`crop="random"` needs `rng`; "whole" never crops),
    and only the crop is decoded. Scaled down only if the sum leaves [-1, 1]. A crop may fall on
    silence, but a segment without any sound is refused, whatever its length. Raises AudioError.
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
            _require_sound(segment)
        at = round((begin - window_start) * SAMPLE_RATE)
        piece = piece[: len(clip) - at]
        clip[at : at + len(piece)] += piece
    return clip / max(1.0, float(np.abs(clip).max()))


class Header(NamedTuple):
    """Facts of a recording that are known without its samples."""

    seconds: float
    sample_rate: int
    channels: int
    encoding: str  # container and samples, as in "WAV PCM_16"


def header(audio: Audio) -> Header:
    """Header of a recording. Raises AudioError."""
    with _open(audio) as file:
        length, encoding = file.frames / file.samplerate, f"{file.format} {file.subtype}"
        return Header(length, file.samplerate, file.channels, encoding)


def duration(segments: Sequence[Segment]) -> float:
    """Seconds of the clip that `segments` make, from their headers. Raises AudioError."""
    return max(segment.onset + _length(segment) for segment in segments)


def look(
    audio: Audio,
    start: float = 0.0,
    end: float | None = None,
    decode: bool = True,
    observe: Callable[[np.ndarray], None] = lambda block: None,
) -> tuple[str, float]:
    """The fault of a stretch, as "fault: detail", or "", and its seconds, 0 if it has a fault.

    Args:
        decode: False reads the header alone, which shows neither silence nor a FLAC or MP3 cut
            short.
        observe: called with each decoded block as it was recorded, float32 (T, channels).
    """
    try:
        with _open_stretch(audio, start, end) as stretch:
            if decode:
                swing = _Swing()
                for block in stretch.blocks():
                    observe(block)
                    swing.add(mono(block))
                swing.require_sound(audio)
            length = stretch.file.frames / stretch.file.samplerate
    except AudioError as error:
        return f"{error.fault}: {error.detail}", 0.0
    return "", (length if end is None else min(end, length)) - start


def mono(block: np.ndarray) -> np.ndarray:
    """(T, channels) to (T,): the channels' mean."""
    return block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)


def is_silent(samples: np.ndarray) -> bool:
    """True if a waveform (T,) holds no sound."""
    return _Swing().add(samples).is_silent


class _Swing:
    """Lowest and highest sample of a waveform, not its peak: a constant offset is silence too."""

    def __init__(self) -> None:
        self.low, self.high = np.inf, -np.inf

    def add(self, samples: np.ndarray) -> _Swing:
        self.low = min(self.low, float(samples.min()))
        self.high = max(self.high, float(samples.max()))
        return self

    @property
    def is_silent(self) -> bool:
        return (self.high - self.low) / 2 < SILENT

    def require_sound(self, audio: Audio) -> None:
        if self.is_silent:
            raise _error(audio, "silent", f"no sound in it: no sample is {SILENT:g} away from rest")


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
        if not _tail(audio, 1):
            return _error(audio, "empty", "0 bytes")
    except OSError as failure:
        return _error(audio, "missing", failure.strerror or str(failure))
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
    """Raise if the file is cut short and libsndfile makes do with what is left.

    It clips the frame count of WAV and AIFF to the bytes there are, which only its log shows, and
    takes the last complete page of an OGG for the end. FLAC and MP3 fail later, in `blocks`.
    """
    if file.format == "OGG":
        tail = _tail(audio, OGG_PAGE)
        page = tail.rfind(b"OggS")
        num_lacings = tail[page + 26] if page + 26 < len(tail) else 255
        body = page + 27 + num_lacings  # RFC 3533: the lacings add up to its length
        if page >= 0 and len(tail) < body + sum(tail[page + 27 : body]):
            raise _error(audio, "truncated", "its last page is cut")
    promised = CLIPPED.search(file.extra_info)
    if promised and file.frames:
        declared, present = int(promised[1]), int(promised[2])
        bytes_per_second = present / file.frames * file.samplerate
        if declared < STREAMED and declared - present > TOLERANCE_SECONDS * bytes_per_second:
            raise _error(audio, "truncated", f"{present} of {declared} bytes of samples are there")


class _Stretch(NamedTuple):
    """An open recording and the frames of it that are wanted."""

    audio: Audio
    file: sf.SoundFile
    begin: int
    stop: int

    @property
    def block_size(self) -> int:
        return round(BLOCK_SECONDS * self.file.samplerate)

    def blocks(self, size: int = 0) -> Iterator[np.ndarray]:
        """Its frames, float32 (T, channels), at most `size` (default: block_size) at a time."""
        file, position, size = self.file, self.begin, size or self.block_size
        lacking = 0.0
        while position < self.stop and not lacking:
            wanted = min(size, self.stop - position)
            try:
                if position == self.begin > 0:
                    file.seek(position)
                block = file.read(wanted, dtype="float32", always_2d=True)
            except sf.LibsndfileError as error:
                detail = f"decoding stopped (libsndfile error {error.code})"
                raise _error(self.audio, "truncated", detail) from None
            position += len(block)
            lacking = (self.stop - position if len(block) < wanted else 0) / file.samplerate
            if lacking > TOLERANCE_SECONDS or position == self.begin:
                there, promised = position / file.samplerate, file.frames / file.samplerate
                detail = f"{there:.2f} of {promised:.2f} s are there"
                raise _error(self.audio, "truncated", detail)
            if not np.isfinite(block).all():
                raise _error(self.audio, "non-finite", "a sample is infinite or not a number")
            if len(block):
                yield block


@contextmanager
def _open_stretch(audio: Audio, start: float = 0.0, end: float | None = None) -> Iterator[_Stretch]:
    with _open(audio) as file:
        _check_whole(audio, file)
        begin = round(start * file.samplerate)
        stop = file.frames if end is None else min(file.frames, round(end * file.samplerate))
        if stop - begin < round(MIN_SECONDS * file.samplerate):
            length = max(0, stop - begin) / file.samplerate
            detail = f"{length:.3f} s from {start:g} s on; needs {MIN_SECONDS} s"
            raise _error(audio, "too short", detail)
        yield _Stretch(audio, file, begin, stop)


def _require_sound(segment: Segment) -> None:
    """Decode block by block up to the first sound. Raises AudioError if there is none."""
    with _open_stretch(segment.audio, segment.start, segment.end) as stretch:
        swing = _Swing()
        for block in stretch.blocks():
            if not swing.add(mono(block)).is_silent:
                return
    swing.require_sound(segment.audio)


def _length(segment: Segment) -> float:
    """Seconds that the segment really has."""
    recording = header(segment.audio).seconds
    end = recording if segment.end is None else min(segment.end, recording)
    return max(0.0, end - segment.start)  # 0 is for `read` to refuse
