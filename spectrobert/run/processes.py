"""The processes of one run.

A run on several devices is one process per device (DistributedDataParallel); each takes its rows of
every batch. `trainer.batch_size` is the whole batch, so the number of processes changes no loss.
"""

import time

import torch.distributed as dist
from pytorch_lightning.utilities.rank_zero import rank_zero_only

SETTLE_S = 0.1


def is_first() -> bool:
    """True in the process that prints and writes, and before processes have been started."""
    return getattr(rank_zero_only, "rank", 0) == 0


def end() -> None:
    """Leave the group: what follows is done by each process for itself."""
    if dist.is_initialized():
        dist.barrier()
        # gloo's thread needs the interpreter to let go of the last tensors it has summed, and the
        # group's destructor waits for that thread with the interpreter locked (torch 2.7)
        time.sleep(SETTLE_S)
        dist.destroy_process_group()
