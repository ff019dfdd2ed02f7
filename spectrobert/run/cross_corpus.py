"""A finished run scored on another corpus: on the rows and by the logits of common labels alone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from .. import files, terminal
from ..config import Config, DatasetConfig, LabelsConfig
from ..data.clips import columns
from ..data.preparation import Prepared, prepare
from ..data.splits import SPLITS, SplitSummary
from ..errors import UserError
from ..models import freezing
from ..models.answers import label_names
from ..models.model import Model
from ..settings import composition
from ..settings.literals import written
from ..tasks import TASKS
from . import build, card, leaks, scoring
from .common_labels import CommonLabels, match
from .folder import ALL, RunFolder
from .prefix_cache.open import open_prefix
from .saved_run import load_run
from .scores import Scores

# Options of the run by which it reads the other corpus too
READ_AS_RUN = ("max_seconds", "crop", "max_text_length", "silence_audio", "omit_text", "word_times")
GIVEN = ("dataset.", "labels.")  # beginnings of the options that are taken
SCORED = "test"  # the split that a DataModule scores, whatever its rows


@dataclass(frozen=True)
class CrossScores:
    """Scores of a run on another corpus, and what results.json and card.md hold of them."""

    scores: Scores
    results: dict[str, Any]

    def write(self, folder: RunFolder) -> None:
        """The card, predictions.csv and, last, results.json."""
        with files.writing(folder.path):
            folder.write_predictions(self.scores.header, self.scores.rows)
            files.write_whole(folder.card, card.markdown(self.results, self.scores, None))
            folder.write_results(self.results)


def evaluate_on(
    folder: str | Path,
    dataset: str,
    options: Mapping[str, Any] | Sequence[str] = (),
    split: str = "",
    data_dir: str = "",
    silence_audio: bool = False,
    console: Console | None = None,
) -> CrossScores:
    """Score a finished run on another corpus than it was trained on.

    Args:
        folder: of the run.
        dataset: the other corpus, or several: "tess+savee".
        options: its own, as on the command line: `dataset.fold=2`, `labels.map={fear: fearful}`.
        split: "all" rows (the default) | "train" | "val" | "test".
        console: for the progress of caches; silent if None.

    Raises UserError if labels are not common, or the run was trained on the rows.
    """
    split = split or ALL
    if split not in (ALL, *SPLITS):
        raise UserError(f"--split {split!r}: allowed are {', '.join((ALL, *SPLITS))}")
    config, model, tokenizer = load_run(folder)
    if config.task.truth in ("", "caption"):
        raise UserError(f"a {config.task.name} run has no labels that another corpus could share")
    words = _words(options)
    other = _composed(config, dataset, words, data_dir, silence_audio)
    rows = prepare(config.task.name, other.dataset, other.data_dir, is_whole=split == ALL)
    labels = label_names(model)
    common = _common(config, labels, other.dataset, rows)
    chosen = _chosen(rows, SCORED if split == ALL else split, split, common, config)
    doubt = leaks.refuse_known_rows(Path(folder), config, other.dataset, chosen.splits[SCORED])
    voted = build.scored_votes(config, chosen)
    task = TASKS[config.task.name](model, config.task, config.optim, labels, **voted)
    numbers = [rows.labels.index(name) for name in common.names]
    task.restrict(common.names, [labels.index(name) for name in common.names], numbers)
    data = build.datamodule(other, chosen, tokenizer, model.config)
    if RunFolder(folder).read_results().get("prefix_cache", {}).get("used"):
        _open_cache(config, model, data, console)
    scores = scoring.score(other, task, data, SCORED)
    earlier = leaks.heard_before(str(folder), list(other.dataset.parts))
    cautions = dict.fromkeys(filter(None, (scores.caution, earlier, doubt)))
    scores = replace(scores, split=split, common=common, caution="; ".join(cautions))
    results = RunFolder(folder).read_results()
    return CrossScores(scores, results | _facts(other, data, scores, chosen, words))


def _words(options: Mapping[str, Any] | Sequence[str]) -> list[str]:
    """Options of the other corpus as words. Raises UserError for those of anything else."""
    if isinstance(options, Mapping):
        options = [f"{key}={written(value)}" for key, value in options.items()]
    for word in options:
        if not word.startswith(GIVEN):
            raise UserError(
                f"{word!r}: with --dataset, options of that corpus alone are taken: dataset.fold=2,"
                " dataset.root=..., 'labels.map={theirs: ours}', labels.keep=[...]"
            )
    return list(options)


def _composed(
    config: Config, dataset: str, words: Sequence[str], data_dir: str, silence_audio: bool
) -> Config:
    """The run's configuration with the other corpus in place of its own."""
    words = [f"dataset.{word}" if word.startswith("labels.") else word for word in words]
    own = [f"dataset.{name}={written(getattr(config.dataset, name))}" for name in READ_AS_RUN]
    named = {word.partition("=")[0] for word in words}
    own = [word for word in own if word.partition("=")[0] not in named]
    start = ["--task", config.task.name, "--dataset", dataset]
    options = composition.compose([*start, *own, *words]).dataset
    options.silence_audio = options.silence_audio or silence_audio
    return replace(config, dataset=options, data_dir=data_dir or config.data_dir)


def _common(
    config: Config, labels: Sequence[str], options: DatasetConfig, rows: Prepared
) -> CommonLabels:
    """Labels of the run that the corpus has too. Raises UserError if they are too few."""
    is_numbers = config.task.truth == "targets"
    counts = Counter(dict.fromkeys(rows.labels, 0)) if is_numbers else _counts(rows)
    chains: list[LabelsConfig] = [part.labels for part in options.parts.values()]
    renamed = {name: meant for chain in chains for name, meant in chain.map.items()}
    least = 1 if is_numbers else 2
    return match(config.dataset.name, labels, options.name, counts, renamed, least)


def _counts(rows: Prepared) -> dict[str, int]:
    """Class -> rows, of all splits."""
    found: Counter[str] = Counter()
    for own in rows.summary.labels.values():
        found.update(own)
    return dict(sorted(found.items()))


def _chosen(
    rows: Prepared, split: str, name: str, common: CommonLabels, config: Config
) -> Prepared:
    """The scored rows as the only split, those of other classes left out; its summary names it.

    Raises UserError if there are none.
    """
    table = rows.splits[split]
    if config.task.truth == "label":
        labels = columns(table, "label")["label"].to_pylist()
        table = table.select(np.flatnonzero([label in common.names for label in labels]))
    if not len(table):
        raise UserError(f"{common.corpus} has no rows of {', '.join(common.names)} in {name}")
    empty = table.select([])
    given = columns(table, "speaker", "label")
    summary = SplitSummary(
        rows.summary.definition,
        {name: len(table)},
        {name: sorted(set(filter(None, given["speaker"].to_pylist())))},
        {name: dict(sorted(Counter(filter(None, given["label"].to_pylist())).items()))},
    )
    labels_of = rows.labels if config.task.truth == "targets" else common.names
    return replace(
        rows,
        splits={"train": empty, "val": empty, SCORED: table},
        labels=labels_of,
        summary=summary,
        quotas=(),
        unseen=(),
    )


def _open_cache(config: Config, model: Model, data: Any, console: Console | None) -> None:
    """Take the outputs of frozen layers from the cache, or put them there, as the run did."""
    frozen = config.freeze
    freezing.freeze(model, frozen.train, frozen.name, frozen.frozen)
    screen = console or terminal.console(quiet=True)
    open_prefix(config, model, data, build.precision(config.trainer), screen)


def _facts(
    other: Config, data: Any, scores: Scores, rows: Prepared, words: Sequence[str]
) -> dict[str, Any]:
    """Entries of results.json that are not those of the run."""
    assert scores.common is not None
    dropped = Counter(row.reason for row in rows.dropped)
    for name, number in scores.common.left_out.items():
        if number:
            dropped[f"class {name}, which the run lacks"] = number
    facts = asdict(card.of_network(other, scores, data, SCORED))
    facts["audio"] = facts["audio"].replace(f"clips of {SCORED}", f"clips of {scores.split}")
    return {
        "trained_on": scores.common.trained_on,
        "dataset": other.dataset.name,
        "test": scores.to_dict(),
        "question_only": None,
        "evaluation": facts,
        "split": rows.summary.to_dict(),
        "skipped_files": len(rows.skipped),
        "dropped_rows": dict(dropped),
        "silence_audio": other.dataset.silence_audio,
        "overrides": list(words),
    }
