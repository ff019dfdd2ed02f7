"""Runs of the debug world that are served: one with labels of any spelling, one with questions."""

from collections.abc import Sequence
from pathlib import Path

from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder

from .runs import silent, trained
from .sounds import noise_table
from .timelines import ODD as HOSTILE
from .world import configure

ODD = (*HOSTILE[:2], 'a, "b"', *HOSTILE[3:], "{{1}} ${alert(1)} `x`")


def odd_run(place: Path, labels: Sequence[str] = ODD) -> Path:
    """A run whose labels are of any spelling; a clip of each in validation and in test."""
    cells = [
        '"{}",{},{}'.format(label.replace('"', '""'), f"s{take}", split)
        for take, split in enumerate(("train", "train", "val", "test"))
        for label in labels
    ]
    config = configure(place, "classification", "trainer.epochs=1")
    config.dataset = noise_table(place, "label,speaker,split", cells)
    fit(config, silent())
    return RunFolder.of(config).path


def asking_run(place: Path) -> Path:
    """A run that answers questions with yes or no."""
    return trained(place, "aqa_binary", "trainer.epochs=1").path
