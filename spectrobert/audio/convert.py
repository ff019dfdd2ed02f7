"""Copies of recordings as the model hears them: 16 kHz, mono, 16-bit FLAC."""

import os
from pathlib import Path
from uuid import uuid4

import soundfile as sf

from . import io


def copy(audio: io.Audio, path: Path) -> str:
    """Write the copy of a recording, unless it is there. Samples beyond full scale are clipped.

    Returns "", or the fault of a recording that cannot be copied.
    """
    if path.exists():
        return ""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{uuid4().hex}.flac")
    try:
        with sf.SoundFile(aside, "w", io.SAMPLE_RATE, 1, "PCM_16", format="FLAC") as file:
            for block in io.stream(audio):
                file.write(block.clip(-1, 1))
        os.replace(aside, path)
    except io.AudioError as error:
        return f"{error.fault}: {error.detail}"
    finally:
        aside.unlink(missing_ok=True)
    return ""
