"""Units of clips, one per audio token.

Shapes: B batch, U units of a clip, N audio tokens.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..batch import IGNORED
from ..model import TokenGrid

HALF_UP = 0.5 + 1e-6  # the later of two units that are equally near, whatever is lost in rounding


def aligned(units: Tensor, of: TokenGrid, grid: TokenGrid, tokens: int) -> Tensor:
    """The unit whose middle is nearest to that of each token: (B, U) -> (B, N).

    Of 100 units and 50 frames per second that is every second unit, as in HuBERT. IGNORED behind
    the last unit.

    Args:
        of: times of the units.
        grid: times of the tokens.
        tokens: N.
    """
    padded = F.pad(units, (0, 1), value=IGNORED)  # (B, U + 1)
    steps = torch.arange(tokens, dtype=torch.float64) // grid.rows  # (N,)
    place = (steps * grid.step + grid.first - of.first) / of.step
    return padded[:, (place + HALF_UP).floor().long().clamp(0, units.shape[1])]
