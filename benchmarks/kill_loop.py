#!/usr/bin/env python
"""Kill a run at random moments, resume it each time, and compare it with one left alone.

    python benchmarks/kill_loop.py [--kills 20] [--seed 0] [words of train.py]

Every loss of metrics.csv, the last checkpoint's weights and optimiser, and the test metrics must be
equal bit by bit. Exit code 1 if they are not.
"""

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

if __name__ == "__main__":  # not this folder: it would hide libraries of the same names
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import script
from benchmarks.machine import ROOT
from spectrobert.run import curves

# dropout, random crops, a worker, checkpoints inside epochs: all that could go differently
WORDS = (
    "--task pre --dataset demo model=tiny dataset.size=0.05 dataset.crop=random"
    " dataset.max_seconds=1.5 optim.lr=1e-3 trainer.epochs=12 trainer.batch_size=16"
    " trainer.num_workers=1 trainer.threads=1 trainer.log_every_n_steps=1"
    " trainer.checkpoint_minutes=0.01"
)


class Runs:
    """Runs of one command in a folder, by name."""

    def __init__(self, folder: Path, words: list[str]):
        self.folder, self.words = folder, words

    def path(self, name: str) -> Path:
        return self.folder / "runs" / name / "seed0"

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """The run `name`, begun or resumed."""
        command = [sys.executable, str(ROOT / "train.py"), *self.words, "--resume"]
        folders = [f"runs_dir={self.folder / 'runs'}", f"data_dir={self.folder / 'data'}"]
        log = (self.folder / f"{name}.log").open("ab")
        return subprocess.Popen(
            [*command, *folders, f"experiment_name={name}"], stdout=log, stderr=log, cwd=ROOT
        )

    def finish(self, name: str) -> None:
        """Run it to its end. Raises RuntimeError if it fails."""
        if self.start(name).wait():
            raise RuntimeError((self.folder / f"{name}.log").read_text()[-2000:])

    def last_step(self, name: str) -> int:
        """The last step that was logged; -1 before the first."""
        path = self.path(name) / "metrics.csv"
        return max((step for step, *_ in curves.read(path)), default=-1) if path.exists() else -1


def timed(runs: Runs, name: str) -> tuple[float, float]:
    """Run to the end; seconds until the first step, and from there to the end."""
    began = time.monotonic()
    process = runs.start(name)
    while runs.last_step(name) < 0 and process.poll() is None:
        time.sleep(0.05)
    first = time.monotonic()
    if process.wait():
        raise RuntimeError((runs.folder / f"{name}.log").read_text()[-2000:])
    return first - began, time.monotonic() - first


def differences(whole: Path, killed: Path) -> list[str]:
    """Metrics and parts of the state that are not equal, bit by bit, of two finished runs."""
    found = []
    for metric in sorted({name for _, _, name, _ in curves.read(whole / "metrics.csv")}):
        if curves.curve(whole / "metrics.csv", metric) != curves.curve(
            killed / "metrics.csv", metric
        ):
            found.append(metric)
    states = [
        torch.load(run / "checkpoints" / "last.ckpt", weights_only=True) for run in (whole, killed)
    ]
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "global_step"):
        if not equal(states[0][part], states[1][part]):
            found.append(part)
    tests = [json.loads((run / "results.json").read_text())["test"] for run in (whole, killed)]
    return found + ([] if tests[0] == tests[1] else ["test metrics"])


def equal(one: object, other: object) -> bool:
    """Equality of nested values whose leaves may be tensors."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def main() -> int:
    """Kill, resume, compare. Returns 0 if killed and whole are equal."""
    parser = script.Parser(__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options, words = parser.parse_known_args()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(Path(folder), words or WORDS.split())
        runs.finish("warm")  # writes the corpus, fills the caches
        startup, training = timed(runs, "whole")
        print(f"left alone: {startup:.1f} s to the first step, {training:.1f} s from there")
        kills = 0
        while kills < options.kills:
            resumed = runs.last_step("killed")
            process = runs.start("killed")
            # a fifth of them while it starts, the others while it trains, validates or writes
            if moments.random() < 0.2:
                time.sleep(moments.uniform(0, startup))
            else:
                while process.poll() is None and runs.last_step("killed") <= resumed:
                    time.sleep(0.01)
                time.sleep(moments.uniform(0, training / options.kills))
            if process.poll() is not None:
                break
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            print(f"kill {kills}: at step {runs.last_step('killed')}", flush=True)
        runs.finish("killed")
        found = differences(runs.path("whole"), runs.path("killed"))
        steps = curves.curve(runs.path("whole") / "metrics.csv", "train/loss")
    print(
        f"{kills} kills, {len(steps)} steps, final loss {steps[-1][1]!r}:"
        f" {'differ in ' + ', '.join(found) if found else 'equal bit by bit'}"
    )
    return 1 if found else 0


if __name__ == "__main__":
    script.run(main)
