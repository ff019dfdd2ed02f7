"""Two loops of the front end on a CPU, each one pass over memory where torch needs three.

Shapes: R clips, T samples, F frames. numba compiles them once for a machine and keeps the result.
They run on as many threads as torch's operators, and each thread on the rows that are its own there
too: on a core's way to what another has written, more time is lost than the loops take.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar, cast

import numba
import numpy as np
import torch
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., None])


def _launch() -> int:
    """Start numba's threads and count them: the machine's cores, or $NUMBA_NUM_THREADS."""
    before = torch.get_num_threads()
    count: int = numba.get_num_threads()
    torch.set_num_threads(before)  # both ask one OpenMP, and numba has just set its number there
    return count


MOST_THREADS = _launch()


def _compiled(function: Function) -> Function:
    """As machine code, on its first call. Sums are taken in any order, as vector instructions do;
    what is not a number stays so.
    """
    freedom = {"reassoc", "contract", "nsz"}
    compiler = partial(numba.njit, parallel=True, error_model="numpy", fastmath=freedom)
    try:
        loop = compiler(cache=True)(function)
    except RuntimeError:  # no folder to keep it in can be written to
        loop = compiler()(function)

    @wraps(function)
    def on_torchs_threads(*arguments: Any) -> None:
        numba.set_num_threads(min(torch.get_num_threads(), MOST_THREADS))
        loop(*arguments)

    return cast(Function, on_torchs_threads)


@_compiled
def cut_frames(
    waveform: NDArray[np.float32],
    window: NDArray[np.float32],
    hop: int,
    emphasis: np.float32,
    frames: NDArray[np.float32],
) -> None:
    """Kaldi's frames: without their mean, emphasised, windowed.

    Args:
        waveform: (R, T).
        window: (W - 1,) of a frame's W samples all but the first, which has none before it and is
            left out: there the window is 0.
        frames: (R, F, at least W - 1), written to.
    """
    size = len(window) + 1
    count = frames.shape[1]
    for row in numba.prange(frames.shape[0] * count):
        clip, number = row // count, row % count
        heard = waveform[clip, number * hop : number * hop + size]
        total = np.float32(0)
        for i in range(size):
            total += heard[i]
        mean = total / np.float32(size) * (np.float32(1) - emphasis)
        frame = frames[clip, number]
        for i in range(size - 1):
            frame[i] = (heard[i + 1] - emphasis * heard[i] - mean) * window[i]


@_compiled
def square(spectrum: NDArray[np.float32], power: NDArray[np.float32]) -> None:
    """Squared magnitudes.

    Args:
        spectrum: (N, 2 * bins), real and imaginary parts in turn.
        power: (N, bins).
    """
    for row in numba.prange(power.shape[0]):
        values, squared = spectrum[row], power[row]
        for i in range(len(squared)):
            squared[i] = values[2 * i] * values[2 * i] + values[2 * i + 1] * values[2 * i + 1]
