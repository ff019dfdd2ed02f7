"""Clips of a split under a test condition: another sound, or other words, in place of their own."""

from collections.abc import Callable
from typing import Any

from torch.utils.data import Dataset

from ..audio.io import AudioError
from .checks import Skipped
from .clips import ClipDataset, RowKey

# (clips, row, its item) -> fields of the item that are other than they were
Perturbation = Callable[[ClipDataset, int, dict[str, Any]], dict[str, Any]]


class PerturbedClips(Dataset):
    """Scored clips whose items are changed; as `ClipDataset` otherwise."""

    def __init__(self, clips: ClipDataset, perturbation: Perturbation):
        self.clips = clips
        self.perturbation = perturbation

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, key: RowKey) -> dict[str, Any] | Skipped:
        item = self.clips[key]
        if isinstance(item, Skipped):
            return item
        try:
            return item | self.perturbation(self.clips, key.row, item)
        except AudioError as error:  # of another row's file
            reason = f"{error.fault}: {error.detail}"
            return Skipped(self.clips.rows[key.row]["id"], error.recording, reason)
