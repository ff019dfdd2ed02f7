"""Leaks: a checkpoint trained on a run's corpus, or a run that is scored on rows it has heard."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import datasets

from .. import corpora
from ..config import Config, DatasetConfig
from ..data import mixtures, rows, split_record
from ..data.clips import columns
from ..data.preparation import Prepared, prepare
from ..errors import UserError
from .folder import RunFolder
from .private_paths import UNNAMED

HEARD = ("train", "val")  # splits that decide the weights


def caution(config: Config) -> str:
    """One line if a pre-training corpus holds recordings of this run's corpus; "" if none does.

    Follows `init.checkpoint` from run to run; a folder of weights without config.yaml ends it.
    """
    shared = (
        line
        for checkpoint, earlier in _chain(config.init.checkpoint)
        for line in _overlaps(checkpoint, earlier, list(config.dataset.parts))
    )
    return next(shared, "")


def heard_before(folder: str, names: Sequence[str]) -> str:
    """One line if a run, or one that it starts from, may have heard these corpora; "" if none has.

    The run's own rows are compared by `refuse_known_rows`.
    """
    for checkpoint, earlier in _chain(folder):
        for line in _overlaps(checkpoint, earlier, names):
            return line
        same = [name for name in earlier.dataset.parts if name in names]
        if same and checkpoint != folder:
            return f"{folder} starts from {checkpoint}, which was trained on {same[0]}"
    return ""


def heard_rows(config: Config, prepared: Prepared, split: str) -> str:
    """One line if a run that this one starts from was trained on speakers, or rows, of a split.

    Of runs on the same corpus alone: continued pre-training (TAPT), or fine-tuning on other folds.
    "" if none was, or if its results cannot be read.
    """
    for checkpoint, earlier in _chain(config.init.checkpoint):
        if not earlier.dataset.parts.keys() & config.dataset.parts.keys():
            continue
        speakers = set(prepared.summary.speakers.get(split, ()))
        known = _trained_speakers(checkpoint)
        if any(name.startswith(UNNAMED) for name in known):
            return f"{checkpoint} was trained on {earlier.dataset.name}: on whom is not in it"
        heard = _under_corpus(speakers, config.dataset) & _under_corpus(known, earlier.dataset)
        what, number = "speakers", len(speakers)
        if not (speakers and known):
            ids = _under_corpus(_ids(prepared.splits[split]), config.dataset)
            heard = _under_corpus(_trained_ids(checkpoint), earlier.dataset) & ids
            what, number = "rows", len(ids)
        if heard:
            labels = ", without labels," if earlier.task.name == "pre" else ""
            return f"{checkpoint} was trained{labels} on {len(heard)} of {number} {split} {what}"
    return ""


def _trained_speakers(checkpoint: str) -> set[str]:
    """Speakers of a run's training split; none if they are not known."""
    try:
        return set(RunFolder(checkpoint).read_results()["split"]["speakers"].get("train", ()))
    except UserError:
        return set()


def _trained_ids(checkpoint: str) -> set[str]:
    """Ids of a run's training rows; none if they are not recorded."""
    record = split_record.read(RunFolder(checkpoint).split)
    if record is None:
        return set()
    rows_of = zip(record.table["id"].to_pylist(), record.table["split"].to_pylist())
    return {name for name, split in rows_of if split == "train"}


def _ids(split: datasets.Dataset) -> set[str]:
    return set(columns(split, "id")["id"].to_pylist())


def _chain(checkpoint: str) -> Iterator[tuple[str, Config]]:
    """A run and those that it starts from, with their configurations."""
    followed = set()
    while checkpoint and checkpoint not in followed:
        followed.add(checkpoint)
        try:
            config = RunFolder(checkpoint).read_config()
        except UserError:
            return
        yield checkpoint, config
        checkpoint = config.init.checkpoint


def _overlaps(checkpoint: str, earlier: Config, names: Sequence[str]) -> Iterator[str]:
    for part in mixtures.parts(earlier.dataset, earlier.data_dir):
        overlaps = corpora.corpus(part.name).overlaps
        why = overlaps(**part.options) if overlaps else {}
        for name in names:
            if name in why:
                yield f"{checkpoint} was trained on {part.name} {why[name]}"


def refuse_known_rows(
    folder: Path, config: Config, other: DatasetConfig, scored: datasets.Dataset
) -> str:
    """Raise UserError if a run has trained on, or chosen its epoch by, what is to be scored.

    That is a recording, or a speaker of the same name in the corpus of the same name.

    Args:
        config: of the run.
        other: options of the corpus of the scored rows.

    Returns a caution if recordings cannot be compared although they may be the same, else "".
    """
    known = RunFolder(folder).read_results()["split"]["speakers"]
    heard = {name for split in HEARD for name in known.get(split, ())}
    speakers = set(filter(None, columns(scored, "speaker")["speaker"].to_pylist()))
    shared = _under_corpus(heard, config.dataset) & _under_corpus(speakers, other)
    if shared:
        raise _known(folder, "speakers", sorted(shared))
    record = split_record.read(RunFolder(folder).split)
    try:
        own = prepare(config.task.reading, config.dataset, config.data_dir, recorded=record)
    except UserError:
        is_named = config.dataset.parts.keys() & other.parts.keys()
        return "not compared with the training rows, whose corpus cannot be read" * bool(is_named)
    heard = {name for split in HEARD for name in _recordings(own.splits[split])}
    if same := sorted(heard & _recordings(scored)):
        raise _known(folder, "recordings", [rows.short_name(name) for name in same])
    return ""


def _known(folder: Path, kind: str, names: Sequence[str]) -> UserError:
    return UserError(
        f"{folder} was trained, or its epoch chosen, on {len(names)} {kind} of these rows (the"
        f" first: {names[0]}): a score would not be of new ones; evaluate {folder} scores its own"
        " test split"
    )


def _under_corpus(names: set[str], options: DatasetConfig) -> set[str]:
    """Speakers, or ids of rows, under the name of their corpus, as those of a mixture are."""
    is_mixture = len(options.parts) > 1
    return names if is_mixture else {f"{options.name}/{name}" for name in names}


def _recordings(split: datasets.Dataset) -> set[str]:
    return set(rows.stretches(rows.light(columns(split, "audio"))).recording.to_pylist())
