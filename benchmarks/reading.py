"""Reading clips from 48 kHz WAV: decoded, resampled and batched by two workers, beside training."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from benchmarks.compute import Bench
from benchmarks.measure import Row
from torch.utils.data import DataLoader

from benchmarks import builds
from spectrobert.audio.segment import Segment
from spectrobert.config import DatasetConfig
from spectrobert.corpora.example import Example
from spectrobert.data import vocabulary
from spectrobert.data.batches import LengthBatches, collate
from spectrobert.data.clips import ClipDataset, ReadOptions, to_arrow

NATIVE_RATE = 48_000
WORKERS = 2
TEXT = "kids are talking by the door"


def write_clips(folder: Path, number: int) -> list[Example]:
    """Noise of RAVDESS' length, 16-bit mono WAV at 48 kHz."""
    rng = np.random.default_rng(0)
    samples = round(builds.CLIP_SECONDS * NATIVE_RATE)
    examples = []
    for i in range(number):
        path = folder / f"{i}.wav"
        noise = 0.1 * rng.standard_normal(samples)
        soundfile.write(path, noise.clip(-1, 1), NATIVE_RATE, subtype="PCM_16")
        examples.append(Example(str(i), (Segment(str(path)),), text=TEXT, label="calm"))
    return examples


def loader(examples: list[Example], batch_size: int, workers: int) -> DataLoader:
    """As a run reads them (data/datamodule.py)."""
    seconds = [builds.CLIP_SECONDS] * len(examples)
    words = vocabulary.train([TEXT], 100)
    reading = ReadOptions(words, DatasetConfig(), {"calm": 0}, seed=0)
    batches = LengthBatches(seconds, batch_size, seed=0, shuffle=True)
    return DataLoader(
        ClipDataset(to_arrow(examples, seconds), reading, is_training=True),
        batch_sampler=batches,
        collate_fn=collate,
        num_workers=workers,
    )


def wait_share(bench: Bench) -> Row:
    """How much of an epoch the training step waits for data: full step, batch 2."""
    work = builds.our_step(bench.sizes, 2)
    work()
    with tempfile.TemporaryDirectory() as folder:
        examples = write_clips(Path(folder), 2 * (bench.repeats + 1))
        batches = iter(loader(examples, 2, WORKERS))
        next(batches)  # the workers' start is paid once a run
        waited = worked = 0.0
        for _ in range(bench.repeats):
            began = time.perf_counter()
            next(batches)
            came = time.perf_counter()
            work()
            waited, worked = waited + came - began, worked + time.perf_counter() - came
    return Row(
        what=f"wait for data, {WORKERS} workers, 48 kHz WAV, full step of batch 2",
        unit="%",
        ours=100 * waited / (waited + worked),
        bar=5.0,
    )


def clips_read(bench: Bench) -> Row:
    """Reading alone, in one process, against a training step of the same clips."""
    work = builds.our_step(bench.sizes, 2)
    work()
    number = 16
    with tempfile.TemporaryDirectory() as folder:
        examples = write_clips(Path(folder), number)
        began = time.perf_counter()
        for _ in loader(examples, 2, 0):
            pass
        reading = (time.perf_counter() - began) / number
    began = time.perf_counter()
    work()
    training = (time.perf_counter() - began) / 2
    return Row(
        what="decode and resample a clip, as a share of training on it",
        unit="%",
        ours=100 * reading / training,
        bar=100.0 * WORKERS,
        note=f"{1 / reading:.0f} clips/s a worker",
    )
