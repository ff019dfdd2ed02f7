"""Decoded clips in memory: the same numbers, fewer readings."""

import numpy as np

from spectrobert.data.waveform_memory import WaveformMemory


class Files:
    """Counts the readings of each row; row k has 1000 samples of k."""

    def __init__(self) -> None:
        self.readings: list[int] = []

    def get(self, memory: WaveformMemory, row: int) -> np.ndarray:
        def read() -> np.ndarray:
            self.readings.append(row)
            return np.full(1000, row, np.float32)

        return memory.get(row, read)


def test_a_kept_row_is_read_once_and_cannot_be_spoilt():
    files, memory = Files(), WaveformMemory(1.0)
    files.get(memory, 3)[:] = -1  # by its first reader
    files.get(memory, 3)[:] = -1  # and a later one
    assert np.array_equal(files.get(memory, 3), np.full(1000, 3, np.float32))
    assert files.readings == [3]


def test_what_does_not_fit_is_read_again():
    files, memory = Files(), WaveformMemory(9e-6)  # two rows of 4000 bytes
    for row in (0, 1, 2, 0, 1, 2):
        assert files.get(memory, row)[0] == row
    assert files.readings == [0, 1, 2, 2]


def test_nothing_is_kept_without_room():
    files, memory = Files(), WaveformMemory(0.0)
    files.get(memory, 0)
    files.get(memory, 0)
    assert files.readings == [0, 0]
