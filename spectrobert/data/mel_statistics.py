"""Mean and deviation of log-mels per mel bin: over training clips, or over each speaker's clips.

Shapes: n clips, F frames, M mel bins.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from ..audio import features, io
from ..config import DatasetConfig
from ..errors import UserError
from ..files import write_whole
from ..kernels import adopt
from . import rows, stamps
from .clips import columns, crop, segments
from .store import cache_dir
from .threads import in_threads

if TYPE_CHECKING:
    import datasets

CHUNK = 64  # decoded clips that wait to be measured
ALL = "all"  # the one group of statistics over all clips


@dataclass(frozen=True)
class MelStatistics:
    """Mean and population deviation per bin, (M,) float32 each."""

    mean: np.ndarray
    std: np.ndarray


class _Sums:
    """Counts of frames, sums and sums of squares per bin, in float64."""

    def __init__(self, num_bins: int):
        self.count = 0
        self.total = np.zeros(num_bins)
        self.squares = np.zeros(num_bins)

    def add(self, frames: np.ndarray) -> None:
        """Take in (F, M)."""
        exact = frames.astype(np.float64)
        self.count += len(exact)
        self.total += exact.sum(axis=0)
        self.squares += np.square(exact).sum(axis=0)

    def statistics(self) -> MelStatistics:
        """Statistics of the frames so far, one at least."""
        mean = self.total / self.count
        variance = np.maximum(self.squares / self.count - np.square(mean), 0.0)
        return MelStatistics(mean.astype(np.float32), np.sqrt(variance).astype(np.float32))


def spectrogram(wave: np.ndarray, num_bins: int) -> np.ndarray:
    """Log-mel spectrogram (F, M) of a waveform (T,) at 16 kHz, before normalisation."""
    samples, length = torch.from_numpy(wave)[None], torch.tensor([len(wave)])
    front_end = adopt(features.LogMel(num_bins, mean=0.0, std=0.5))  # (x - 0) / (2 * 0.5)
    mels, _ = front_end(samples, length)
    return mels[0].numpy()


def of_waves(waves: Iterable[np.ndarray], num_bins: int) -> MelStatistics:
    """Statistics over the frames of all these waveforms."""
    sums = _Sums(num_bins)
    for wave in waves:
        sums.add(spectrogram(wave, num_bins))
    return sums.statistics()


def of_training(
    train: datasets.Dataset, options: DatasetConfig, seconds: float, num_bins: int
) -> MelStatistics:
    """Statistics over the training clips.

    Args:
        seconds: the longest clip that the model hears to its end.

    Raises UserError if none of them can be read.
    """
    measured = _measured(train, [ALL] * len(train), options, seconds, num_bins)
    if not measured:
        raise UserError("dataset.normalize=corpus: none of the training clips can be read")
    return measured[ALL]


def by_speaker(
    splits: Iterable[datasets.Dataset], options: DatasetConfig, seconds: float, num_bins: int
) -> dict[str, MelStatistics]:
    """Statistics over all clips of each speaker, whatever their split."""
    import datasets

    used = [split for split in splits if len(split)]
    together = datasets.concatenate_datasets(used) if len(used) > 1 else used[0]
    speakers = columns(together, "speaker")["speaker"].to_pylist()
    return _measured(together, speakers, options, seconds, num_bins)


def _measured(
    clips: datasets.Dataset,
    groups: Sequence[str],
    options: DatasetConfig,
    seconds: float,
    num_bins: int,
) -> dict[str, MelStatistics]:
    """Statistics of each group of clips, from the cache if nothing has changed.

    Clips that cannot be read are left out here; training reports them.
    """
    kept, max_seconds = crop(options, seconds, is_training=False)
    key = _key(columns(clips, "audio"), groups, (kept, max_seconds, num_bins))
    path = cache_dir() / "mel_statistics" / f"{key}.npz"
    if path.exists():
        return _load(path)
    sums: dict[str, _Sums] = {}

    def read(audio: Sequence[Mapping[str, Any]]) -> np.ndarray | None:
        try:
            return io.read_clip(segments(audio), max_seconds, kept)
        except io.AudioError:
            return None

    heard = (clips[row]["audio"] for row in range(len(clips)))
    for group, wave in zip(groups, in_threads(read, heard, CHUNK)):
        if wave is not None:
            sums.setdefault(group, _Sums(num_bins)).add(spectrogram(wave, num_bins))
    measured = {group: some.statistics() for group, some in sums.items()}
    _save(path, measured)
    return measured


def _key(heard: pa.Table, groups: Sequence[str], facts: tuple[Any, ...]) -> str:
    """Hash of the clips, their groups, their files' state and the way they are measured."""
    flat = rows.stretches(heard)
    numbers = np.stack([flat.row, flat.start, flat.end, flat.onset])
    code = [inspect.getsource(module) for module in (features, io)]
    state = stamps.of_audio(pc.unique(flat.recording))
    parts = [flat.recording.to_pylist(), list(groups), facts, code, state]
    digest = hashlib.sha256(json.dumps(parts).encode())
    digest.update(numbers.tobytes())
    return digest.hexdigest()[:32]


def _save(path: Path, measured: Mapping[str, MelStatistics]) -> None:
    each = measured.values()
    file = BytesIO()
    np.savez(
        file,
        names=np.asarray(list(measured), dtype=str),
        mean=np.asarray([one.mean for one in each]),
        std=np.asarray([one.std for one in each]),
    )
    write_whole(path, file.getvalue())


def _load(path: Path) -> dict[str, MelStatistics]:
    with np.load(path, allow_pickle=False) as saved:
        rows = zip(saved["names"].tolist(), saved["mean"], saved["std"])
        return {name: MelStatistics(mean, std) for name, mean, std in rows}
