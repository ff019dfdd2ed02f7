"""The rows that are embedded: those of a corpus, or sound files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import datasets
import pyarrow as pa

from ...audio import io
from ...audio.segment import Segment
from ...config import Config
from ...corpora.example import Example
from ...data import checks, split_record
from ...data.clips import ClipDataset, ReadOptions, columns, crop, to_arrow
from ...data.preparation import prepare
from ...errors import UserError
from .. import spoken_words
from ..build import stream_options
from ..folder import RunFolder
from .encoder import Encoder

ALL = 1 - 1e-9  # of the files may be unusable: short of all of them
READ = (
    "crop",
    "max_seconds",
    "max_text_length",
    "silence_audio",
    "omit_text",
    "word_times",
)  # options of reading a clip


@dataclass(frozen=True)
class Source:
    """Rows by split, and the clips that cannot be read."""

    name: str  # of the corpus, or "audio"
    splits: Mapping[str, datasets.Dataset]
    skipped: list[checks.Skipped] = field(default_factory=list)

    @property
    def num_rows(self) -> int:
        return sum(map(len, self.splits.values()))

    @property
    def texts(self) -> list[str]:
        """The texts that a vocabulary is trained on."""
        rows = self.splits.get("train")
        return columns(rows, "text")["text"].to_pylist() if rows is not None else []


def of_corpus(config: Config, progress: checks.Progress, run: str = "") -> Source:
    """A whole corpus; unusable files are listed, however many they are.

    Args:
        run: directory of a run on this corpus, whose split is taken.

    Raises UserError if the corpus cannot be used.
    """
    options = replace(config.dataset, max_skipped=ALL)
    record = split_record.read(RunFolder(run).split) if run else None
    prepared = prepare(config.task.reading, options, config.data_dir, progress, record)
    splits = {split: rows for split, rows in prepared.splits.items() if len(rows)}
    return Source(config.dataset.name, splits, list(prepared.skipped))


def of_files(paths: Sequence[str], text: str) -> Source:
    """Sound files; the path is the id. Raises UserError for an empty name."""
    if "" in paths:
        raise UserError("--audio needs a file, and was given an empty name")
    rows, seconds, skipped = [], [], []
    for path in dict.fromkeys(paths):
        example = Example(path, (Segment(path),), text)
        try:
            seconds.append(io.duration(example.audio))
            rows.append(example)
        except io.AudioError as error:
            skipped.append(checks.Skipped(path, path, f"{error.fault}: {error.detail}"))
    return Source("audio", {"": to_arrow(rows, seconds)} if rows else {}, skipped)


def dataset(encoder: Encoder, rows: datasets.Dataset, has_targets: bool) -> ClipDataset:
    """The rows of a split as the encoder reads them; labels are not looked at."""
    model, labels = encoder.model, columns(rows, "label")["label"].unique().to_pylist()
    options = ReadOptions(
        encoder.tokenizer,
        encoder.config.dataset,
        dict.fromkeys(labels, 0),
        encoder.config.seed,
        has_targets=has_targets,
        model_seconds=model.config.max_seconds,
        hears=model.hears,
        has_word_times=bool(spoken_words.option(model.config)),
        streams=stream_options(encoder.config, model.config),
    )
    return ClipDataset(rows, options, is_training=False)


def num_cut(encoder: Encoder, source: Source) -> tuple[int, float]:
    """Clips of which a stretch alone is heard, and its seconds."""
    _, limit = crop(encoder.config.dataset, encoder.model.config.max_seconds, is_training=False)
    lengths = (columns(rows, "seconds")["seconds"].to_numpy() for rows in source.splits.values())
    return sum(int((seconds > limit).sum()) for seconds in lengths), limit


def facts(source: Source, split: str) -> pa.Table:
    """Id, split, label or targets, and speaker of the rows of a split, as far as there are any."""
    rows = source.splits[split]
    names = [name for name in ("label", "targets", "speaker") if has_any(source, name)]
    table = columns(rows, "id", *names)
    if split:
        return table.add_column(1, "split", pa.array([split] * len(table), pa.string()))
    return table.append_column("audio", table["id"])


def has_any(source: Source, name: str) -> bool:
    """True if a row has a value in this column."""
    if name == "targets":  # of all rows, or of none
        return any(len(rows[0]["targets"]) for rows in source.splits.values())
    tables = (columns(rows, name)[name].unique() for rows in source.splits.values())
    return any(value for values in tables for value in values.to_pylist())


def reading_of(run: Config, config: Config) -> Config:
    """A configuration of another corpus that is read as a run read its own."""
    own = {name: getattr(run.dataset, name) for name in READ}
    return replace(
        run, dataset=replace(config.dataset, **own), data_dir=config.data_dir, task=config.task
    )
