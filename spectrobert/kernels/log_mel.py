"""Two steps of the log-mel by the loops of loops.py, on a CPU; elsewhere by the plain methods."""

import os
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor

HAS_NUMBA = find_spec("numba") is not None
PROCESS = os.getpid()


def _is_looped(device: torch.device) -> bool:
    """Not in a forked child: the threads of the loops do not live there."""
    return device.type == "cpu" and HAS_NUMBA and os.getpid() == PROCESS


def cut_frames(
    front_end: Any, waveform: Tensor, window: Tensor, hop: int, emphasis: float, out: Tensor
) -> None:
    """`LogMel.cut_frames`."""
    if not _is_looped(waveform.device):
        return type(front_end).cut_frames(front_end, waveform, window, hop, emphasis, out)
    from . import loops  # numba takes a moment

    loops.cut_frames(waveform.numpy(), window.numpy(), hop, np.float32(emphasis), out.numpy())


def square(front_end: Any, spectrum: Tensor, out: Tensor) -> None:
    """`LogMel.square`."""
    if not _is_looped(spectrum.device):
        return type(front_end).square(front_end, spectrum, out)
    from . import loops

    loops.square(torch.view_as_real(spectrum).flatten(1).numpy(), out.numpy())
