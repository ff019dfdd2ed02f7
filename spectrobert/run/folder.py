"""The run directory: every path in it by name, and its files written and read back.

runs/<experiment_name>/seed<k>[/fold<f>][/inner<i>]/
    config.yaml  split.csv  skipped.csv  tokenizer/  checkpoints/{best,last,previous}.ckpt
    metrics.csv  model/  predictions.csv  card.md  results.json        (when finished)
    thresholds.json                                  (what `thresholds` has chosen)
    spoken.json                                      (its answers to a synthetic voice)
    calibration.json                                 (what `calibrate` has fitted)
    audit/<split>.json  audit/<split>_conflicts.csv  (what it needs of sound and words)
    slices/<split>.json                              (its score by sex, speaker, length, ...)
    stress/<split>.json  stress/<split>_answers/     (its score under distortions)
    cross/<corpus>[_<split>]/{results.json,predictions.csv,card.md}    (scored on another corpus)
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ..config import Config, to_dict
from ..errors import UserError
from ..files import read_json, read_table, read_yaml, write_table, write_whole
from ..settings.options import from_dict

CONFIG = "config.yaml"
RESULTS = "results.json"
CROSS = "cross"  # folder inside a run: its scores on other corpora
ALL = "all"  # in place of a split: all rows of another corpus
NEEDED = ("split", "monitor", "epochs_run")  # in results.json, by tables, reports and searches


class RunFolder:
    """The paths and files of one run.

    Args:
        path: the directory, which need not exist yet.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.config = self.path / CONFIG
        self.split = self.path / "split.csv"
        self.skipped = self.path / "skipped.csv"
        self.tokenizer = self.path / "tokenizer"
        self.checkpoints = self.path / "checkpoints"
        self.metrics = self.path / "metrics.csv"
        self.tensorboard = self.path / "tensorboard"
        self.comet = self.path / "comet"
        self.model = self.path / "model"
        self.predictions = self.path / "predictions.csv"
        self.thresholds = self.path / "thresholds.json"
        self.spoken = self.path / "spoken.json"
        self.calibration = self.path / "calibration.json"
        self.card = self.path / "card.md"
        self.results = self.path / RESULTS

    @classmethod
    def of(cls, config: Config) -> RunFolder:
        """`runs/<experiment>/seed<k>`, with `/fold<f>` if the corpus has folds.

        With `/inner<i>` for one part of an inner cross-validation.
        """
        path = Path(config.runs_dir) / config.experiment_name / f"seed{config.seed}"
        fold = getattr(config.dataset, "fold", None)
        if fold is not None:
            path /= f"fold{fold}"
        dataset = config.dataset
        return cls(path / f"inner{dataset.inner_fold}" if dataset.inner_folds else path)

    def cross(self, corpus: str, split: str = ALL, is_silenced: bool = False) -> RunFolder:
        """The folder of its scores on another corpus, by the names of this one's files."""
        parts = [corpus, *([] if split == ALL else [split]), *(["silenced"] if is_silenced else [])]
        return RunFolder(self.path / CROSS / "_".join(parts))

    def audit(self, split: str) -> Path:
        """Findings of the audit of a split."""
        return self.path / "audit" / f"{split}.json"

    def audit_conflicts(self, split: str) -> Path:
        """Clips of a split whose sound and words are answered otherwise."""
        return self.path / "audit" / f"{split}_conflicts.csv"

    def slices(self, split: str) -> Path:
        """The scores of a split by sex, speaker, length and the like."""
        return self.path / "slices" / f"{split}.json"

    def stress(self, split: str) -> Path:
        """The scores of a split under distortions."""
        return self.path / "stress" / f"{split}.json"

    def __str__(self) -> str:
        return str(self.path)

    @property
    def is_begun(self) -> bool:
        return self.config.exists()

    @property
    def is_finished(self) -> bool:
        return self.results.exists()

    def write_config(self, config: Config) -> None:
        values = to_dict(config) | {"resume": False, "recorded": False}
        text = yaml.safe_dump(json.loads(json.dumps(values)), sort_keys=False)
        write_whole(self.config, text)

    def read_config(self) -> Config:
        """The configuration. Raises UserError if there is none, or it is damaged."""
        if not os.path.isfile(self.config):
            raise UserError(f"{self} is not a run directory: it has no {self.config.name}")
        try:
            return from_dict(read_yaml(self.config))
        except UserError as error:
            is_named = str(self.config) in str(error)
            raise error if is_named else UserError(f"{self.config}: {error}") from error

    def write_skipped(self, rows: Iterable[Sequence[str]]) -> None:
        """(id, recording, fault) of every row that is left out or cut."""
        write_table(self.skipped, ("id", "recording", "fault"), rows)

    def add_skipped(self, rows: Iterable[Sequence[str]]) -> None:
        """More rows of skipped.csv, each once."""
        written = [tuple(row.values()) for row in read_table(self.skipped)]
        self.write_skipped(dict.fromkeys([*written, *map(tuple, rows)]))

    def write_predictions(self, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        write_table(self.predictions, header, rows)

    def read_predictions(self) -> list[dict[str, str]]:
        """The rows of predictions.csv. Raises UserError if there is none."""
        return read_table(self.predictions)

    def write_results(self, results: dict[str, Any]) -> None:
        write_whole(self.results, json.dumps(results, indent=2))

    def read_results(self) -> dict[str, Any]:
        """results.json of a finished run. Raises UserError if there is none, or without scores."""
        if not os.path.isfile(self.results):
            is_run = os.path.isfile(self.config)
            state = "has not finished" if is_run else "is not a run directory"
            raise UserError(f"{self} {state}: no {RESULTS} in it")
        results = read_json(self.results)
        has_scores = "test" in results or "val" in results
        lacking = [
            *(key for key in NEEDED if key not in results),
            *([] if has_scores else ["test"]),
        ]
        if lacking:
            raise UserError(
                f"{self.results} is damaged, or of a version that is not read any more: it lacks"
                f" {', '.join(lacking)}"
            )
        return results

    def read_scores(self) -> dict[str, Any]:
        """The scores in results.json of a finished run. Raises UserError if there is none."""
        return scores_of(self.read_results())


def scores_of(results: Mapping[str, Any]) -> dict[str, Any]:
    """Scores in results.json: of test, or of val without a test split or after a search."""
    return results["test"] if "test" in results else results["val"]
