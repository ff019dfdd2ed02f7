"""Rules of a run's segments: the thresholds that are stored with it, if none is given."""

from pathlib import Path

from .. import chosen_thresholds
from ..folder import RunFolder
from .settings import Rules


def of_run(
    run: str | Path, threshold: float | None = None, gap: float = 0.5, shortest: float = 0.0
) -> Rules:
    """Rules with the run's own thresholds, or with one for all labels. Raises UserError."""
    if threshold is not None:
        return Rules(threshold, gap, shortest)
    own = chosen_thresholds.of_labels(RunFolder(run))
    return Rules(gap=gap, shortest=shortest, own=own)
