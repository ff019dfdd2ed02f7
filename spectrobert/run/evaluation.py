"""A finished run scored again: on its own corpus, or on another one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from .cross_corpus import evaluate_on
from .scores import Scores
from .scoring import Rereading
from .scoring import evaluate as evaluate_on_own


def evaluate(
    folder: str | Path,
    split: str = "",
    data_dir: str = "",
    silence_audio: bool = False,
    recorded: bool = False,
    dataset: str = "",
    options: Mapping[str, Any] | None = None,
) -> Scores:
    """Score a finished run again, on the rows that its split.csv names, or on another corpus.

    Args:
        folder: of the run.
        split: "val" | "test" (the default); of another corpus "all" (the default) | "train" too.
        data_dir: where the corpora are now, if not where they were.
        silence_audio: zero every waveform, to see how well the text alone answers.
        recorded: only the recorded rows of this split must be as they were; else all rows of the
            corpus.
        dataset: another corpus than the run was trained on.
        options: of that corpus: `{"labels.map": {"fear": "fearful"}, "dataset.fold": 2}`.

    Raises UserError if the directory is no finished run, its corpus is gone or has changed, or
    another one shares no labels with it, or rows that it was trained on.
    """
    if dataset:
        if recorded:
            raise UserError("recorded rows are those of the run's own corpus: leave out dataset")
        return evaluate_on(folder, dataset, options or {}, split, data_dir, silence_audio).scores
    if options:
        raise UserError("options are of another corpus: name it by dataset")
    how = Rereading(silence_audio, recorded)
    return evaluate_on_own(folder, split or "test", data_dir, how)
