"""Talking mouths: ellipses that open and close with a rhythm, next to noise; and their table."""

import csv
from pathlib import Path

import numpy as np
import soundfile

from spectrobert.audio.video import RATE, SIDE

RHYTHMS = {"slow": 1.0, "fast": 6.0}  # openings per second
HEADER = ("id", "audio", "label", "split", "speaker", "video")


def talking(rhythm: float, frames: int, generator: np.random.Generator) -> np.ndarray:
    """uint8 (F, 88, 88): a dark ellipse on a grey face, of any phase, place and brightness."""
    time = np.arange(frames) / RATE
    phase, face, mouth = generator.uniform(0, 2 * np.pi), *generator.uniform([150, 20], [220, 60])
    height = 3 + 9 * (1 + np.sin(2 * np.pi * rhythm * time + phase))  # (F,)
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2 - generator.uniform(-6, 6, (2, 1, 1))
    inside = (x / 24) ** 2 + (y / height[:, None, None]) ** 2 < 1
    frame = np.where(inside, mouth, face) + generator.normal(0, 4, (frames, SIDE, SIDE))
    return frame.clip(0, 255).astype(np.uint8)


def noise(seconds: float, generator: np.random.Generator) -> np.ndarray:
    """Samples (T,) at 16 kHz that know nothing of any label."""
    return generator.normal(0, 0.1, round(16000 * seconds)).astype(np.float32)


def corpus(folder: Path, rows: int = 24, seconds: float = 0.6) -> Path:
    """A table of clips with video: half of them train, a quarter validates, a quarter tests."""
    folder.mkdir(parents=True, exist_ok=True)
    splits, labels = ("train", "train", "val", "test"), list(RHYTHMS)
    with (folder / "mouths.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number in range(rows):
            generator = np.random.default_rng(number)
            label, split = labels[number % 2], splits[number // 2 % 4]
            frames = talking(RHYTHMS[label], round(seconds * RATE), generator)
            np.save(folder / f"{number}.npy", frames)
            soundfile.write(folder / f"{number}.wav", noise(seconds, generator), 16000)
            names = (f"{number}.wav", label, split, f"speaker{number}", f"{number}.npy")
            writer.writerow((number, *names))
    return folder / "mouths.csv"
