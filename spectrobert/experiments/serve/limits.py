"""Limits of what a visitor may send."""

import os
from dataclasses import dataclass

from ...audio import io
from ...errors import UserError

MOST_LETTERS = 2000  # of a question or a text
MOST_RATE = 800_000  # samples a second over all channels: 8 at 96 kHz; a block in memory is 1 GB


@dataclass(frozen=True)
class Limits:
    """Limits of a request.

    Args:
        megabytes: of an uploaded file, 10^6 bytes each.
        minutes: of a recording.

    Raises UserError for a limit that is not above 0.
    """

    megabytes: float = 100.0
    minutes: float = 60.0

    def __post_init__(self) -> None:
        for name, value in (("max_mb", self.megabytes), ("max_minutes", self.minutes)):
            if not 0 < value < float("inf"):
                raise UserError(f"--{name} {value:g}: must be above 0 and finite")

    @property
    def bytes(self) -> int:
        """Largest size of an uploaded file."""
        return round(self.megabytes * 1e6)

    def check(self, path: str, words: str) -> None:
        """Raise UserError for a file that is too large, too long or no audio, and for long words.

        Only the header is read.
        """
        if len(words) > MOST_LETTERS:
            raise UserError(f"{len(words)} letters of text: this page takes {MOST_LETTERS} at most")
        size = os.path.getsize(path)
        if size > self.bytes:
            raise UserError(
                f"{path}: {size / 1e6:.1f} MB; this page takes {self.megabytes:g} MB at most"
            )
        header = io.header(path)
        if header.seconds > self.minutes * 60:
            raise UserError(
                f"{path}: {header.seconds / 60:.1f} minutes; this page takes"
                f" {self.minutes:g} minutes at most"
            )
        if header.sample_rate * header.channels > MOST_RATE:
            raise UserError(
                f"{path}: {header.channels} channels at {header.sample_rate} Hz; this page takes"
                f" {MOST_RATE} samples a second over all channels at most"
            )
