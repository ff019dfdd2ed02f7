"""Rows become inputs: audio read, text cut into word pieces, pairs mismatched and words masked.

Everything random is drawn from (seed, epoch, row), so that it depends neither on the worker that
reads a row nor on what was read before it: a resumed run draws what the uninterrupted one would
have drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import uuid4

import numpy as np
import pyarrow as pa
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from ..audio import io
from ..audio.crop import window
from ..audio.video import VideoError
from ..config import DatasetConfig, PretrainingConfig
from ..config.objectives import masking, need
from ..corpora import word_times
from ..corpora.example import Example
from ..models.batch import IGNORED
from . import letters, mismatches, rows, streams, votes, word_spans
from .augmentation import Augmentation
from .checks import Skipped
from .masking import mask_words
from .mismatches import Mismatches
from .rows import segments
from .stretch import crop
from .waveform_memory import WaveformMemory

if TYPE_CHECKING:
    import datasets  # seconds to import, and needed for the rows of a corpus alone

UNHEARD_SAMPLES = 400  # zeros in place of a clip that no model hears: one frame of 25 ms

__all__ = ("ClipDataset", "ReadOptions", "RowKey", "crop", "segments", "to_arrow")


class Units(Protocol):
    """Units of audio, by row (data/unit_file.py)."""

    def of(self, row_id: str, start: float, end: float) -> np.ndarray:
        """Units (U,) of a stretch, in seconds, of a row's clip."""


class RowKey(NamedTuple):
    """Names a row and the pass over the data in which it is read."""

    epoch: int
    row: int
    repeat: int = 0  # a row that a mixture draws once more in one epoch is cropped and masked again


def to_arrow(examples: Sequence[Example], seconds: Sequence[float]) -> datasets.Dataset:
    """A few examples and their lengths as the table that `ClipDataset` reads."""
    return dataset(with_lengths(rows.to_table(examples), np.asarray(seconds, dtype=float)))


def with_lengths(table: pa.Table, seconds: np.ndarray) -> pa.Table:
    """The columns for training, from rows.SCHEMA; adds the length (n,) and the stretches heard."""
    sound = mismatches.sounds(rows.stretches(table), table.num_rows)
    table = table.drop_columns(list(rows.OWNERS))
    return table.append_column("seconds", pa.array(seconds)).append_column("sound", sound)


def dataset(table: pa.Table) -> datasets.Dataset:
    """A Hugging Face data set over a table, which stays on disk if it is there."""
    import datasets

    # With no fingerprint given, all of the table would be read to make one
    return datasets.Dataset(datasets.table.InMemoryTable(table), fingerprint=uuid4().hex)


def columns(split: datasets.Dataset, *names: str) -> pa.Table:
    """Whole columns (not `audio`) at once: datasets' own way takes seconds for 400,000 rows."""
    whole = split.data.table.select(list(names))
    return whole if split._indices is None else whole.take(split._indices.column(0))


@dataclass(frozen=True)
class ReadOptions:
    """Options of reading rows, fixed for a run."""

    tokenizer: PreTrainedTokenizerBase
    dataset: DatasetConfig
    labels: dict[str, int]  # class -> index
    seed: int
    pretraining: PretrainingConfig | None = None
    has_targets: bool = False  # numbers are learnt, not a label
    caption_length: int = 0  # most word pieces of a caption that is learnt; 0: none is
    soft_classes: int = 0  # classes, if votes of annotators are learnt; 0: the label alone is
    model_seconds: float = math.inf  # the longest clip that the model hears to its end
    augmentation: Augmentation | None = None  # of training
    # Mean and deviation per mel bin, (M,) each, by speaker; empty: spectrograms are not normalised
    # by speaker
    by_speaker: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    # Number of each speaker, if the model normalises pooled vectors by speaker; else empty
    speakers: Mapping[str, int] = field(default_factory=dict)
    units: Units | None = None  # of objectives that predict units
    # False for a model of text alone: no audio is read, `waveform` is UNHEARD_SAMPLES zeros
    hears: bool = True
    has_word_times: bool = False  # the model aligns words with the audio
    streams: streams.StreamOptions | None = None  # besides audio, of models that read some
    memory_gb: float = 0.0  # of decoded clips that each reading process keeps


def answer(row: dict[str, Any], read_options: ReadOptions) -> dict[str, Any]:
    """The answer of a row, for every task but pre-training, and its speaker's number if the model
    needs it; they depend on no audio.
    """
    speakers = read_options.speakers
    speaker = {"speaker": speakers[row["speaker"]]} if speakers else {}
    if read_options.has_targets:
        return {"targets": np.asarray(row["targets"], dtype=np.float32)} | speaker
    if limit := read_options.caption_length:
        return {"caption": pieces(read_options.tokenizer, row["caption"], limit)} | speaker
    own: dict[str, Any] = {"label": read_options.labels[row["label"]]}
    if num := read_options.soft_classes:
        own["votes"] = votes.of_row(row["votes"], read_options.labels, num)
    return own | speaker


def pieces(tokenizer: PreTrainedTokenizerBase, text: str, limit: int) -> np.ndarray:
    """Numbers (L,) of the word pieces of a text, at most `limit` with both ends."""
    ids = tokenizer(text, truncation=True, max_length=limit)["input_ids"]
    return np.asarray(ids, dtype=np.int64)


class ClipDataset(Dataset):
    """One split. `clips[RowKey(epoch, row)]` is a dict of arrays; Skipped if the file is bad."""

    def __init__(self, split: datasets.Dataset, read_options: ReadOptions, is_training: bool):
        self.rows = split
        self.read_options = read_options
        self.is_training = is_training
        self.memory = WaveformMemory(read_options.memory_gb)
        self.is_augmented = (
            is_training and read_options.augmentation is not None and read_options.hears
        )
        self.has_pairs = bool(
            read_options.pretraining and need(read_options.pretraining.objectives, "pairs")
        )
        if self.has_pairs:
            assert read_options.pretraining is not None
            known = columns(split, *mismatches.COLUMNS, *mismatches.LIKENESS)
            self.mismatches = Mismatches(known, read_options.pretraining.negatives)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: RowKey) -> dict[str, Any] | Skipped:
        row, source = self.rows[key.row], key.row
        generator = self._generator(key)
        item: dict[str, Any] = {"index": key.row}
        item["input_ids"] = self.word_pieces(row["text"])
        heard = row
        if self.read_options.pretraining is None:
            item |= answer(row, self.read_options)
        else:
            source = self._heard(key.row, generator)
            heard = row if source == key.row else self.rows[source]
            item |= self._masked(row["text"], item["input_ids"], source == key.row, generator)
        if self.read_options.by_speaker:
            item |= self.speaker_statistics(heard["speaker"])
        options = self.read_options
        is_timed = options.units or options.has_word_times or options.streams
        before = deepcopy(generator) if is_timed else None
        try:
            item["waveform"] = self._waveform(source, heard["audio"], generator)
        except io.AudioError as error:
            return Skipped(row["id"], error.recording, f"{error.fault}: {error.detail}")
        item |= self.word_times(row, heard, before)
        item |= self._augmentation(item, generator)
        try:
            item |= self._streams(heard, before, generator)
        except VideoError as error:
            return Skipped(row["id"], error.recording, error.detail)
        return item | self._units(heard, before) | self._draw(generator)

    def _masked(
        self, text: str, ids: np.ndarray, is_match: bool, generator: np.random.Generator
    ) -> dict[str, Any]:
        """Words and pairs of a row, as objectives of text learn them."""
        task, tokenizer = self.read_options.pretraining, self.read_options.tokenizer
        assert task is not None
        item: dict[str, Any] = {"matched": int(is_match)} if self.has_pairs else {}
        if need(task.objectives, "transcript"):
            item["letters"] = letters.numbers(text)
        if "mlm" not in task.objectives:
            return item
        ids, labels = mask_words(
            ids,
            frozenset(tokenizer.all_special_ids),
            tokenizer.mask_token_id,
            len(tokenizer),
            task.mlm_probability,
            generator,
        )
        # Words are hidden either way, or a [MASK] would betray that the pair matches
        is_asked = is_match or task.mlm_on_mismatch
        item["mlm_labels"] = labels if is_asked else np.full_like(labels, IGNORED)
        return item | {"input_ids": ids}

    def _units(self, heard: dict[str, Any], before: np.random.Generator | None) -> dict[str, Any]:
        """Units (U,) of the stretch that is heard; `before` as of `word_times`."""
        options = self.read_options
        if options.units is None:
            return {}
        _, *stretch = self._stretch(heard, before)
        return {"units": options.units.of(heard["id"], *stretch)}

    def _stretch(
        self, heard: dict[str, Any], before: np.random.Generator | None
    ) -> tuple[float, float, float]:
        """Seconds of a clip, and first and last second of the stretch that is heard.

        Args:
            before: the generator as it was before the stretch was drawn.
        """
        options = self.read_options
        kept, max_seconds = crop(options.dataset, options.model_seconds, self.is_training)
        total = io.duration(segments(heard["audio"]))
        return total, *window(total, max_seconds, kept, deepcopy(before))

    def word_times(
        self,
        row: dict[str, Any],
        heard: dict[str, Any],
        before: np.random.Generator | None = None,
    ) -> dict[str, np.ndarray]:
        """Times of the word pieces of `row` (L, 2), and of the words of the clip that is heard
        (K, 2), in seconds; none if no model reads them. The pieces of a text that is not what is
        heard have no time.

        Args:
            before: the generator as it was before the stretch was drawn.

        Raises AudioError, and UserError for a clip whose words have no times.
        """
        options = self.read_options
        if not options.has_word_times:
            return {}
        total, first, _ = self._stretch(heard, before)
        words = word_spans.of_row(heard, options.dataset.word_times, total)
        found = word_spans.times(heard["text"], words, self._letters(heard["text"]), first)
        if row is not heard:
            found["piece_times"] = word_spans.without_time(len(self._letters(row["text"])))
        return found

    def _letters(self, text: str) -> np.ndarray:
        options = self.read_options
        return word_spans.offsets(options.tokenizer, text, options.dataset.max_text_length)

    def other_words(self, text: str, item: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Fields of an item with another text, whose words share its clip in proportion: nobody
        says them.
        """
        fields = {"input_ids": self.word_pieces(text)}
        if not self.read_options.has_word_times:
            return fields
        words = word_times.proportional(text, len(item["waveform"]) / io.SAMPLE_RATE)
        found = word_spans.times(text, words, self._letters(text), 0.0)
        return fields | {"piece_times": found["piece_times"]}

    def _streams(
        self,
        heard: dict[str, Any],
        before: np.random.Generator | None,
        generator: np.random.Generator,
    ) -> dict[str, Any]:
        """Video and phones of the stretch that is heard, if the model reads them."""
        options = self.read_options.streams
        if options is None or not (heard.get("video") or heard.get("phones")):
            return {}
        _, *stretch = self._stretch(heard, before)
        drawn = generator if self.is_training else None
        return streams.of_clip(
            heard, segments(heard["audio"])[0], (stretch[0], stretch[1]), options, drawn
        )

    def _draw(self, generator: np.random.Generator) -> dict[str, Any]:
        """The number that objectives of audio draw from."""
        task = self.read_options.pretraining
        is_drawn = task is not None and masking(task.objectives)
        return {"draw": int(generator.integers(2**63))} if is_drawn else {}

    def speaker_statistics(self, speaker: str) -> dict[str, Any]:
        """Mean and deviation of the speaker's log-mels; none if no clip of theirs can be read."""
        known = self.read_options.by_speaker.get(speaker)
        return {"mel_mean": known[0], "mel_std": known[1]} if known else {}

    def sound(self, row: int) -> np.ndarray:
        """Waveform (T,) of a row, as scoring hears it. Raises AudioError for a bad file."""
        return self._waveform(row, self.rows[row]["audio"], self._generator(RowKey(0, row)))

    def heard(self, key: RowKey) -> int:
        """The row whose sound `clips[key]` pairs with the text; without reading audio."""
        return self._heard(key.row, self._generator(key))

    def _generator(self, key: RowKey) -> np.random.Generator:
        drawn = [self.read_options.seed, key.epoch, key.row, int(self.is_training)]
        return np.random.default_rng([*drawn, key.repeat] if key.repeat else drawn)

    def _heard(self, row: int, generator: np.random.Generator) -> int:
        if not self.has_pairs:
            return row
        assert self.read_options.pretraining is not None
        if generator.random() >= self.read_options.pretraining.mismatch_probability:
            return row
        return self.mismatches.draw(row, generator)

    def word_pieces(self, text: str) -> np.ndarray:
        """Numbers (L,) of the word pieces of a text, as many as the run reads."""
        limit = self.read_options.dataset.max_text_length
        return pieces(self.read_options.tokenizer, text, limit)

    def _waveform(
        self, row: int, audio: list[dict[str, Any]], generator: np.random.Generator
    ) -> np.ndarray:
        read_options = self.read_options
        if not read_options.hears:
            return np.zeros(UNHEARD_SAMPLES, dtype=np.float32)
        kept, max_seconds = crop(read_options.dataset, read_options.model_seconds, self.is_training)

        def read() -> np.ndarray:
            return io.read_clip(segments(audio), max_seconds, kept, generator)

        # A crop drawn at random is another one in each epoch
        wave = read() if kept == "random" else self.memory.get(row, read)
        if read_options.dataset.silence_audio:
            return np.zeros_like(wave)
        if self.is_augmented:
            assert read_options.augmentation is not None
            most = max(len(wave), math.ceil(max_seconds * io.SAMPLE_RATE))
            wave = read_options.augmentation(wave, generator, most)
        return wave

    def _augmentation(self, item: dict[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """Masks and the share to mix, of a training clip."""
        if not self.is_augmented:
            return {}
        assert self.read_options.augmentation is not None
        seconds = len(item["waveform"]) / io.SAMPLE_RATE
        return self.read_options.augmentation.draw(seconds, generator)
