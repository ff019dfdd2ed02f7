"""Decoded clips that stay in memory, so that a small corpus is decoded once."""

from collections.abc import Callable

import numpy as np


class WaveformMemory:
    """Waveforms by row, until `gigabytes` are full; each reading process has its own."""

    def __init__(self, gigabytes: float):
        self.room = gigabytes * 1e9  # bytes
        self.waves: dict[int, np.ndarray] = {}

    def get(self, row: int, read: Callable[[], np.ndarray]) -> np.ndarray:
        """The waveform (T,) of a row, read if it is not kept; the caller's own to change."""
        if row in self.waves:
            return self.waves[row].copy()
        wave = read()
        if wave.nbytes <= self.room:
            self.room -= wave.nbytes
            self.waves[row] = wave.copy()
        return wave
