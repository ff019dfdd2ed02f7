"""Timelines of two hours and of ten minutes: real time, processor time, peak memory.

    python -m benchmarks.timeline runs/NAME/seed0 SOUND.wav [activity]

SOUND.wav is repeated up to the length. The two bars: memory within 200 MB of each other, and 50
times real time on two cores. On a machine that others use, processor time counts: seconds of sound
per processor second, times two cores.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from spectrobert.audio import io

MINUTES = (10, 120)
CORES = 2


def main() -> None:
    """Print a line per length."""
    run, sound, activity = (*sys.argv[1:], "all")[:3]
    with tempfile.TemporaryDirectory() as folder:
        for minutes in MINUTES:
            path = Path(folder) / f"{minutes}.wav"
            _write(path, io.read(sound), minutes)
            print(_measured(run, path, activity), flush=True)


def _write(path: Path, wave: np.ndarray, minutes: int) -> None:
    left = minutes * 60 * io.SAMPLE_RATE
    with soundfile.SoundFile(path, "w", io.SAMPLE_RATE, 1) as file:
        while left:
            file.write(wave[:left])
            left -= min(left, len(wave))


def _measured(run: str, path: Path, activity: str) -> str:
    """One call of the verb in a process of its own."""
    words = ["timeline", run, "--audio", str(path), "--activity", activity]
    command = [sys.executable, "-m", "spectrobert", *words, "--output", f"{path}.out"]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=_environment()) as process:
        _, code, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(code)
    took, seconds = time.perf_counter() - began, int(path.stem) * 60
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode}: {' '.join(command)}")
    processor = used.ru_utime + used.ru_stime
    return (
        f"{path.stem} minutes, {activity}: {took:.0f} s, {seconds / took:.0f} times real time;"
        f" processor {processor:.0f} s, {CORES * seconds / processor:.0f} times on {CORES} cores;"
        f" peak {used.ru_maxrss / 1024:.0f} MB"
    )


def _environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": str(CORES)}


if __name__ == "__main__":
    main()
