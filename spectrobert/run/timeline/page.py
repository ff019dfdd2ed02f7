"""One HTML page that plays a recording along its timeline: it needs no network."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
import soundfile as sf

from ...audio import io
from ...files import aside, writing
from .segments import Segment
from .settings import Rules
from .timeline import Timeline

TEMPLATES = Path(__file__).parent
SOUND = "SOUND-OF-THE-RECORDING"  # where the sound stands in the template
EMBEDDED = 3 * 3600  # seconds of sound that a page holds at most, 43 MB
BIN = 0.05  # seconds of a point of the waveform, more of long recordings
POINTS = 200_000  # of the waveform
CURVES = 8  # labels that are drawn
PIECE = 3 * 2**18  # bytes that become base64 at once, in threes


def write(path: Path, timeline: Timeline, segments: Sequence[Segment], rules: Rules) -> None:
    """Write the page; the recording is read once more, in constant memory."""
    with TemporaryFile() as sound:
        is_embedded = timeline.seconds <= EMBEDDED
        waveform, bin_seconds = _read(timeline, sound if is_embedded else None)
        facts = _facts(timeline, segments, rules)
        facts |= {"wave": _base64(waveform), "bin": bin_seconds, "embedded": is_embedded}
        before, after = _rendered(timeline, facts).split(SOUND)
        with writing(path), aside(path) as place:
            with place.open("wb") as page:
                page.write(before.encode())
                page.writelines(_pieces(sound))
                page.write(after.encode())
            place.replace(path)


def _read(timeline: Timeline, sound: IO[bytes] | None) -> tuple[np.ndarray, float]:
    """Lowest and highest sample of each bin, int8 (bins, 2), and the seconds of a bin.

    Args:
        sound: a file for the recording as MP3, or None.
    """
    size = round(max(BIN, timeline.seconds / POINTS) * io.SAMPLE_RATE)
    encoder = sound and sf.SoundFile(
        sound,
        "w",
        io.SAMPLE_RATE,
        1,
        format="MP3",
        compression_level=0.9,  # 24 kbit/s
        bitrate_mode="CONSTANT",  # seeking in another is guessing
    )
    bins, held = [], np.zeros(0, np.float32)
    for block in io.stream(timeline.audio):
        if encoder:
            encoder.write(block)
        held = np.concatenate([held, block])
        whole = len(held) // size * size
        bins.append(_extremes(held[:whole].reshape(-1, size)))
        held = held[whole:]
    if encoder:
        encoder.close()
    if len(held):
        bins.append(_extremes(held[None]))
    return np.concatenate(bins), size / io.SAMPLE_RATE


def _extremes(samples: np.ndarray) -> np.ndarray:
    """(bins, samples) to int8 (bins, 2)."""
    both = np.stack([samples.min(axis=1, initial=0.0), samples.max(axis=1, initial=0.0)], axis=1)
    return np.round(np.clip(both, -1, 1) * 127).astype(np.int8)


def _facts(timeline: Timeline, segments: Sequence[Segment], rules: Rules) -> dict[str, Any]:
    """The data that the page's script draws."""
    shown = timeline.prominent(CURVES)
    return {
        "seconds": timeline.seconds,
        "measure": timeline.measure,
        "threshold": _line(rules) if timeline.measure == "probability" else None,
        "labels": [timeline.labels[label] for label in shown],
        "own": _base64(timeline.own.astype("<f4")),
        "curves": _base64(timeline.curves(shown).astype("<f4")),
        "segments": [
            [round(one.start, 3), round(one.end, 3), one.label, one.value] for one in segments
        ],
    }


def _line(rules: Rules) -> float | None:
    """The threshold that is drawn, if there is one."""
    own = set(rules.own.values()) or {rules.threshold}
    return own.pop() if len(own) == 1 else None


def _rendered(timeline: Timeline, facts: dict[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader  # comes with torch

    data = json.dumps(facts, ensure_ascii=False).replace("<", "\\u003c")
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    return environment.get_template("page.html.j2").render(
        timeline=timeline, name=Path(timeline.audio).name, data=data, sound=SOUND
    )


def _pieces(sound: IO[bytes]) -> Iterator[bytes]:
    sound.seek(0)
    while piece := sound.read(PIECE):
        yield base64.b64encode(piece)


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")
