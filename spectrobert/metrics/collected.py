"""Outputs of a model for each row of a set, gathered from all batches and processes."""

import numpy as np
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


class Collected(Metric):
    """Rows of outputs and truth; `compute` returns them as NumPy arrays.

    The order is that of the rows' index, and a row seen twice counts once: the numbers depend
    neither on the batches nor on the number of processes.
    """

    full_state_update = False
    index: list[Tensor]
    outputs: list[Tensor]
    targets: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        for state in ("index", "outputs", "targets"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(self, index: Tensor, outputs: Tensor, targets: Tensor) -> None:
        """(B,) row numbers, (B, ...) outputs, (B, ...) truth."""
        self.index.append(index)
        self.outputs.append(outputs.detach().float())
        self.targets.append(targets)

    def compute(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        index, outputs, targets = (
            dim_zero_cat(state).cpu().numpy() for state in (self.index, self.outputs, self.targets)
        )
        index, order = np.unique(index, return_index=True)
        return index, outputs[order], targets[order]
