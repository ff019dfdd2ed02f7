"""Peak memory of training steps, in a process of its own.

Linux' VmHWM, not `ru_maxrss`: the latter outlives exec, so that a child would begin with the peak
of the process that started it.
"""

import json
import subprocess
import sys

from benchmarks.machine import ROOT, memory_gb
from spectrobert.errors import UserError


def of_step(side: str, sizes: dict, threads: int, batch_size: int, steps: int = 2) -> float:
    """Peak GB of `steps` training steps of "ours" or "rival", the libraries included.

    The second step holds the optimiser's state too.
    """
    request = json.dumps([side, sizes, threads, batch_size, steps])
    command = [sys.executable, "-m", "benchmarks.memory", request]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise UserError(f"measuring the memory of {side} failed: {why}")
    return float(done.stdout.split()[-1])


def main() -> None:
    """Make the steps that argv[1] asks for, and print the peak."""
    import torch

    from benchmarks.builds import Sizes, step

    side, sizes, threads, batch_size, steps = json.loads(sys.argv[1])
    torch.set_num_threads(threads)
    work = step(side, Sizes(**sizes), batch_size)
    for _ in range(steps):
        work()
    print(memory_gb("self/status", "VmHWM"))


if __name__ == "__main__":
    main()
