"""An exported run in onnxruntime against the same run in eager torch."""

import subprocess
import sys
from pathlib import Path

import soundfile

from benchmarks.machine import ROOT
from benchmarks.prediction import finished_run
from benchmarks.timing import Bench, Row, compare, in_turn, median_seconds
from spectrobert.errors import require_extra
from spectrobert.run.load import load

CALLS = 10  # in a turn: one is over in milliseconds


def _exported(run: Path) -> Path:
    from spectrobert.run.export import export

    require_extra("onnx", "this measurement")
    return export(run, run / "model.onnx").path


def one_clip(bench: Bench) -> Row:
    """One answer at a time, decoding included, in one process."""
    with finished_run(1) as (run, (path,)):
        ours, theirs = load(_exported(run)), load(run)
        for _ in range(3):  # kernels are made on first calls
            ours.predict(path), theirs.predict(path)
        pairs = in_turn(
            lambda: ours.predict(path), lambda: theirs.predict(path), bench.repeats, (CALLS, CALLS)
        )
        seconds = soundfile.info(path).duration
    what = f"one clip of {seconds:.1f} s, `tiny`: onnxruntime against eager"
    return compare(what, 1, "clips/s", 2.0, pairs)


def first_answer(bench: Bench) -> Row:
    """`python -m spectrobert predict` of one file, from pressing return: the file and the run."""
    with finished_run(1) as (run, (path,)):
        times = [_answer(model, path) for model in (_exported(run), run)]
    ours, rival = times
    what = "start to first answer, `tiny`: onnxruntime against eager"
    return Row(what, "s", ours, bar=rival, rival=rival)


def _answer(model: Path, path: str) -> float:
    command = [sys.executable, "-m", "spectrobert", "predict", str(model), "--audio", path]
    return median_seconds(
        lambda: subprocess.run(command, cwd=ROOT, capture_output=True, check=True), 3
    )
