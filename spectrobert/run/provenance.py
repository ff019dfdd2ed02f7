"""Versions and commit of the code behind a result."""

from __future__ import annotations

import importlib.metadata
import subprocess
from pathlib import Path

PACKAGES = (
    "torch",
    "pytorch-lightning",
    "transformers",
    "datasets",
    "torchmetrics",
    "soundfile",
    "soxr",
)


def versions() -> dict[str, str]:
    """Installed versions of what decides the numbers."""
    return {name: importlib.metadata.version(name) for name in PACKAGES}


def git_commit() -> str:
    """Commit of the code, with "+changes" if the tree differs from it; "" outside a checkout."""
    here = Path(__file__).parent

    def ask(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(here), *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        return ask("rev-parse", "HEAD") + ("+changes" if ask("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""
