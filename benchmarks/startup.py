"""Seconds from pressing return to an answer, or to the first training step."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import ROOT
from benchmarks.timing import Bench, Row, median_seconds
from spectrobert.errors import UserError

FIRST_STEP_S, ANSWER_S = 12.0, 1.5  # the bars
DEADLINE_S = 120.0
ARGUMENTS = (
    *("--task", "pre", "--dataset", "demo", "model=tiny", "dataset.size=0.05"),
    *("trainer.max_steps=1", "trainer.log_every_n_steps=1", "trainer.num_workers=0"),
)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "train.py"), *arguments]


def _answer(*arguments: str) -> float:
    """Median seconds of a call that only prints."""
    command = _command(*arguments)
    return median_seconds(lambda: subprocess.run(command, capture_output=True, check=False), 5)


def help_text(bench: Bench) -> Row:
    """`train.py --help`."""
    return Row("train.py --help", "s", _answer("--help"), ANSWER_S)


def wrong_flag(bench: Bench) -> Row:
    """A flag that does not exist."""
    return Row("train.py with a wrong flag", "s", _answer("--tsak", "ser"), ANSWER_S)


def first_step(bench: Bench) -> Row:
    """Import, config, model, data from cache, one step of `tiny`: until metrics.csv is begun."""
    with tempfile.TemporaryDirectory() as folder:
        where = [f"data_dir={folder}/data", f"runs_dir={folder}/runs"]
        environment = os.environ | {"SPECTROBERT_CACHE": f"{folder}/cache"}
        times = []
        for name in ("first", "second", "third"):  # the first writes the corpus and the cache
            curves = Path(folder) / "runs" / name / "seed0" / "metrics.csv"
            command = _command(*ARGUMENTS, "--experiment_name", name, *where)
            times.append(_until(curves, command, environment))
    return Row("start to first step, tiny", "s", min(times[1:]), FIRST_STEP_S)


def _until(file: Path, command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        while not file.exists():
            if process.poll() is not None or time.perf_counter() - began > DEADLINE_S:
                process.kill()
                last = (process.communicate()[0].strip().splitlines() or ["nothing"])[-1]
                raise UserError(f"train.py made no step; it printed: {last}")
            time.sleep(0.02)
        took = time.perf_counter() - began
        process.kill()
    return took
