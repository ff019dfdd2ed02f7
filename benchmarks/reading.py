"""Clips of 48 kHz WAV: decoded, resampled and batched by two workers during training."""

import tempfile
from pathlib import Path

import numpy as np
import soundfile
from torch.utils.data import DataLoader

from benchmarks import builds
from benchmarks.timing import Bench, Row, in_turn, seconds
from spectrobert import compose
from spectrobert.audio.segment import Segment
from spectrobert.config import AugmentConfig, DatasetConfig
from spectrobert.corpora.example import Example
from spectrobert.data import vocabulary
from spectrobert.data.augmentation import Augmentation
from spectrobert.data.batches import LengthBatches, collate
from spectrobert.data.clips import ClipDataset, ReadOptions, to_arrow

NATIVE_RATE = 48_000
WORKERS = 2
AUGMENTED_BATCH = 16
TEXT = "kids are talking by the door"


def write_clip(folder: Path) -> str:
    """The path of a file of noise of RAVDESS' length, 16-bit mono WAV at 48 kHz."""
    path = folder / "clip.wav"
    noise = 0.1 * np.random.default_rng(0).standard_normal(round(builds.CLIP_SECONDS * NATIVE_RATE))
    soundfile.write(path, noise.clip(-1, 1), NATIVE_RATE, subtype="PCM_16")
    return str(path)


def write_clips(folder: Path, number: int) -> list[Example]:
    """Examples of one file."""
    clip = (Segment(write_clip(folder)),)
    return [Example(str(i), clip, text=TEXT, label="calm") for i in range(number)]


def loader(
    examples: list[Example], batch_size: int, workers: int, augment: AugmentConfig | None = None
) -> DataLoader:
    """The loader of a run (spectrobert/run/loaders.py)."""
    seconds = [builds.CLIP_SECONDS] * len(examples)
    words = vocabulary.train([TEXT], 100)
    augmentation = Augmentation(augment) if augment else None
    reading = ReadOptions(words, DatasetConfig(), {"calm": 0}, seed=0, augmentation=augmentation)
    batches = LengthBatches(seconds, batch_size, seed=0, shuffle=True)
    return DataLoader(
        ClipDataset(to_arrow(examples, seconds), reading, is_training=True),
        batch_sampler=batches,
        collate_fn=collate,
        num_workers=workers,
    )


def wait_share(bench: Bench) -> Row:
    """The share of an epoch in which the training step waits for data: full step, batch 2."""
    work = builds.our_step(bench.sizes, 2)
    work()
    with tempfile.TemporaryDirectory() as folder:
        examples = write_clips(Path(folder), 2 * (bench.repeats + 1))
        batches = iter(loader(examples, 2, WORKERS))
        next(batches)  # the workers' start is paid once a run
        pairs = in_turn(lambda: next(batches), work, bench.repeats)
    waited, worked = map(sum, zip(*pairs))
    return Row(
        what=f"wait for data, {WORKERS} workers, 48 kHz WAV, full step of batch 2",
        unit="%",
        ours=100 * waited / (waited + worked),
        bar=5.0,
    )


def augmented_wait_share(bench: Bench) -> Row:
    """The same of the tiny model under `augment=strong`, with batches of 16 FLAC-sized clips."""
    config = compose(task="ser", dataset="demo", model="tiny", augment="strong")
    work = builds.step_of(builds.composed_model(config.model), AUGMENTED_BATCH)
    work()
    with tempfile.TemporaryDirectory() as folder:
        examples = write_clips(Path(folder), AUGMENTED_BATCH * (bench.repeats + WORKERS + 1))
        batches = iter(loader(examples, AUGMENTED_BATCH, WORKERS, config.augment))
        next(batches)
        pairs = in_turn(lambda: next(batches), work, bench.repeats)
    waited, worked = map(sum, zip(*pairs))
    clips = AUGMENTED_BATCH * bench.repeats / (waited + worked)
    return Row(
        what=f"wait for data, {WORKERS} workers, `augment=strong`, `tiny`, batch {AUGMENTED_BATCH}",
        unit="%",
        ours=100 * waited / (waited + worked),
        bar=5.0,
        note=f"{clips:.0f} clips/s together",
    )


def clips_read(bench: Bench) -> Row:
    """Reading alone, in one process, against a training step of the same clips."""
    work = builds.our_step(bench.sizes, 2)
    work()
    number = 16
    with tempfile.TemporaryDirectory() as folder:
        examples = write_clips(Path(folder), number)
        reading = seconds(lambda: list(loader(examples, 2, 0))) / number
    training = seconds(work) / 2
    return Row(
        what="decode and resample a clip, as a share of training on it",
        unit="%",
        ours=100 * reading / training,
        bar=100.0 * WORKERS,
        note=f"{1 / reading:.0f} clips/s per worker",
    )
