"""Peak memory of a piece of work, in a process of its own.

Linux' VmHWM, not `ru_maxrss`: the latter outlives exec, so that a child would begin with the peak
of the process that started it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from spectrobert.errors import UserError


def peak_gb() -> float:
    """Largest resident size of this process so far, in GB (10^9 bytes)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e9
    raise AssertionError("VmHWM is in every /proc/self/status")


def available_gb() -> float:
    """What the machine can still give, in GB."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024 / 1e9
    raise AssertionError("MemAvailable is in every /proc/meminfo")


def of_step(side: str, sizes: dict, threads: int, batch_size: int, steps: int = 2) -> float:
    """Peak GB of `steps` training steps of "ours" or "rival", the libraries included.

    The second step holds the optimiser's state too.
    """
    request = json.dumps(
        {
            "side": side,
            "sizes": sizes,
            "threads": threads,
            "batch_size": batch_size,
            "steps": steps,
        }
    )
    command = [sys.executable, "-m", "benchmarks.memory", request]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise UserError(f"bench: measuring the memory of {side} failed: {why}")
    return float(done.stdout.split()[-1])


def main() -> None:
    """Make the steps that argv[1] asks for, and print the peak."""
    import torch

    from benchmarks.builds import Sizes, step

    request = json.loads(sys.argv[1])
    torch.set_num_threads(request["threads"])
    work = step(request["side"], Sizes(**request["sizes"]), request["batch_size"])
    for _ in range(request["steps"]):
        work()
    print(peak_gb())


if __name__ == "__main__":
    main()
