"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real corpora, which is never part of the project. Skips where it is absent."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SPECTROBERT_REAL_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}; SPECTROBERT_REAL_DATA names another folder")
    return folder
