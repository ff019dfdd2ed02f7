"""An exported run in onnxruntime against the same run in eager torch."""

import statistics
import subprocess
import sys
from pathlib import Path
from typing import cast

import torch

from benchmarks import builds
from benchmarks.machine import ROOT
from benchmarks.prediction import finished_run
from benchmarks.timing import Bench, Row, compare, in_turn, median_seconds
from spectrobert.errors import require_extra
from spectrobert.models.batch import Batch
from spectrobert.models.model import Model
from spectrobert.run.load import load
from spectrobert.run.onnx_file import Session

CALLS = 10  # in a turn: one is over in milliseconds
DEMO_S, LONGER_S = 1.5, builds.CLIP_SECONDS


def _exported(run: Path) -> Path:
    from spectrobert.run.export import export

    require_extra("onnx", "this measurement")
    return export(run, run / "model.onnx").path


def one_clip(bench: Bench) -> Row:
    """A clip as long as the demo corpus', as it is decoded: log-mel and network, in one process."""
    with finished_run(1) as (run, _):
        session, model = Session(_exported(run)), load(run).model
        pairs = _timed(session, model, DEMO_S, bench)
        longer = [theirs / ours for ours, theirs in _timed(session, model, LONGER_S, bench)]
    note = f"{LONGER_S} s: {statistics.median(longer):.2f}x"
    what = f"one clip of {DEMO_S} s, `tiny`: onnxruntime against eager"
    return compare(what, 1, "clips/s", 2.0, pairs, note=note)


def _timed(
    session: Session, model: Model, length: float, bench: Bench
) -> list[tuple[float, float]]:
    """Seconds per call of the file and of the model, in turn."""
    given = builds.batch(1, seconds=length, word_pieces=2)
    given["input_ids"] = given["input_ids"] % model.config.vocab_size
    wave, ids = given["waveform"][0].numpy(), given["input_ids"][0].numpy()

    def ours() -> object:
        return session.run(wave, ids)

    def theirs() -> object:
        with torch.inference_mode():
            return model(cast(Batch, given)).logits

    for _ in range(3):  # kernels are made on first calls
        ours(), theirs()
    return in_turn(ours, theirs, bench.repeats, (CALLS, CALLS))


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
