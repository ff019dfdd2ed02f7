"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
import torch

torch.set_num_threads(
    1
)  # toy tensors: a second thread only waits, long where another process has the core


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real corpora, which is never part of the project. Skips where it is absent."""
    neighbour = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SPECTROBERT_REAL_DATA", neighbour))
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}; SPECTROBERT_REAL_DATA names another folder")
    return folder


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Findings about audio files go to a temporary folder, not to the user's cache."""
    os.environ["SPECTROBERT_CACHE"] = str(tmp_path_factory.getbasetemp() / "cache")
