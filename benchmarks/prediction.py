"""Answers of a finished run: many files at once against one call each, and the first answer."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.machine import ROOT
from benchmarks.timing import Bench, Row, compare, in_turn, median_seconds
from spectrobert.audio.io import SAMPLE_RATE
from spectrobert.run.load import predict

FILES, QUICK_FILES = 200, 24
SHORTEST_S, LONGEST_S = 2.9, 5.3  # RAVDESS
ANSWER_S = 6.0  # the bar
TRAINING = (
    *("--task", "ser", "--dataset", "demo", "model=tiny", "dataset.size=0.05"),
    *("trainer.max_steps=1", "trainer.num_workers=0", "--experiment_name", "tiny"),
)


@contextmanager
def finished_run(number: int) -> Iterator[tuple[Path, list[str]]]:
    """A run of `tiny` that has made one step, and files of noise, 16 kHz FLAC."""
    with tempfile.TemporaryDirectory() as folder:
        where = [f"data_dir={folder}/data", f"runs_dir={folder}/runs"]
        command = [sys.executable, str(ROOT / "train.py"), *TRAINING, *where]
        subprocess.run(command, check=True, capture_output=True)
        draw = np.random.default_rng(0)
        files = [f"{folder}/{name}.flac" for name in range(number)]
        for path in files:
            size = round(draw.uniform(SHORTEST_S, LONGEST_S) * SAMPLE_RATE)
            soundfile.write(path, 0.1 * draw.standard_normal(size).clip(-9, 9), SAMPLE_RATE)
        yield Path(folder) / "runs" / "tiny" / "seed0", files


def files_at_once(bench: Bench) -> Row:
    """One call for all files, and a call for each, in one process."""
    number = QUICK_FILES if bench.is_quick else FILES
    with finished_run(number) as (run, files):
        predict(run, files[:2])
        pairs = in_turn(
            lambda: predict(run, files),
            lambda: [predict(run, [path]) for path in files],
            bench.repeats,
        )
    what = f"predict, {number} files, `tiny`: one call against a call each"
    return compare(what, number, "files/s", 5.0, pairs)


def first_answer(bench: Bench) -> Row:
    """`python -m spectrobert predict` of one file, from pressing return."""
    with finished_run(1) as (run, (path,)):
        command = [sys.executable, "-m", "spectrobert", "predict", str(run), "--audio", path]
        took = median_seconds(
            lambda: subprocess.run(command, cwd=ROOT, capture_output=True, check=True), 3
        )
    return Row("start to first answer, tiny", "s", took, ANSWER_S)
