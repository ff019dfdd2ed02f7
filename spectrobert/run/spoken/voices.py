"""espeak-ng's voices, which speak without emotion."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which

from ...errors import UserError
from .sentences import Spoken, sentences

PROGRAM = "espeak-ng"
VOICES = ("en-us+m1", "en-us+m3", "en-us+f2", "en-us+f4", "en-gb+m2", "en-gb+f3")
WORDS_PER_MINUTE = 150


def speak(folder: Path) -> Iterator[Spoken]:
    """Every sentence by every voice, as files in a folder. Raises UserError without espeak-ng."""
    if which(PROGRAM) is None:
        raise UserError(
            f"{PROGRAM} is not installed (Debian: apt install {PROGRAM}); --sentences names"
            " recordings of your own"
        )
    for voice in VOICES:
        for number, (frame, polarity, text) in enumerate(sentences()):
            path = folder / f"{voice}-{number:02}.wav"
            _write(path, voice, text)
            yield Spoken(str(path), text, polarity, frame, voice)


def _write(path: Path, voice: str, text: str) -> None:
    words = [PROGRAM, "-v", voice, "-s", str(WORDS_PER_MINUTE), "-w", str(path), text]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode or not path.is_file():
        raise UserError(f"{PROGRAM} cannot speak with the voice {voice}: {done.stderr.strip()}")
