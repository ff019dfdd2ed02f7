"""Short recordings for the tests, written where they are needed."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from spectrobert.config import DatasetConfig
from spectrobert.settings.schemas import dataset_class


def noise(
    path: Path,
    seed: int = 0,
    seconds: float = 0.3,
    rate: int = 16_000,
    channels: int = 1,
    **written,
) -> str:
    """A recording of its own for each seed; the extension names the container."""
    generator = np.random.default_rng(seed)
    samples = generator.uniform(-0.5, 0.5, (round(seconds * rate), channels))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples.astype(np.float32), rate, **written)
    return str(path)


def noise_table(folder: Path, columns: str, rows: Iterable[str], **options: Any) -> DatasetConfig:
    """Options of a table with a recording of its own per row, audio/0.wav and so on.

    Args:
        columns: names of the others, with commas between them, as the cells in `rows`.
    """
    lines = [f"audio,{columns}"]
    for i, cells in enumerate(rows):
        noise(folder / f"audio/{i}.wav", i)
        lines.append(f"audio/{i}.wav,{cells}")
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return dataset_class("csv")(file=str(path), **options)


def constant(path: Path, value: float, seconds: float = 0.3) -> str:
    """The same value in every sample, which may be NaN: 32-bit float WAV."""
    samples = np.full(round(seconds * 16_000), value, np.float32)
    soundfile.write(path, samples, 16_000, subtype="FLOAT")
    return str(path)


def cut(path: Path, share: float = 0.5) -> str:
    """Keep the first part of a file's bytes."""
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    return str(path)


# what may be wrong with a file -> writes one at a path, and the fault that is reported
BAD_FILES = {
    "missing": (lambda path: str(path), "missing"),
    "empty": (lambda path: path.write_bytes(b"") or str(path), "empty"),
    "truncated": (lambda path: noise(path) and cut(path), "truncated"),
    "silent": (lambda path: constant(path, 0.0), "silent"),
    "nan": (lambda path: constant(path, np.nan), "non-finite"),
    "infinite": (lambda path: constant(path, np.inf), "non-finite"),
    "text": (lambda path: path.write_text("not sound\n" * 99) and str(path), "not audio"),
    "short": (lambda path: noise(path, seconds=0.01), "too short"),
}
