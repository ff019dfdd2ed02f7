"""Rows become inputs: audio read, text cut into word pieces, pairs mismatched and words masked.

Everything random is drawn from (seed, epoch, row), so that it depends neither on the worker that
reads a row nor on what was read before it: a resumed run draws what the uninterrupted one would
have drawn.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple, cast

import datasets
import numpy as np
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from ..audio import io
from ..config import DatasetConfig, PretrainingConfig
from .example import Example, Segment
from .masking import IGNORED, mask_words

log = logging.getLogger(__name__)
MAX_DRAWS = 50

SEGMENT = {
    "path": datasets.Value("string"),
    "bytes": datasets.Value("binary"),
    "start": datasets.Value("float64"),
    "end": datasets.Value("float64"),
    "onset": datasets.Value("float64"),
}
FEATURES = datasets.Features(
    {
        "id": datasets.Value("string"),
        "audio": datasets.List(SEGMENT),
        "text": datasets.Value("string"),
        "label": datasets.Value("string"),
        "targets": datasets.List(datasets.Value("float64")),
        "speaker": datasets.Value("string"),
        "group": datasets.Value("string"),
        "seconds": datasets.Value("float64"),
    }
)


class Key(NamedTuple):
    """Names a row and the pass over the data in which it is read."""

    epoch: int
    row: int


def to_arrow(examples: Sequence[Example], seconds: Sequence[float]) -> datasets.Dataset:
    """Examples and their lengths as an Arrow table, which workers share."""

    def row(example: Example, length: float) -> dict[str, Any]:
        return {
            "id": example.id,
            "audio": [_to_struct(segment) for segment in example.audio],
            "text": example.reads,
            "label": example.label,
            "targets": list(example.targets),
            "speaker": example.speaker,
            "group": example.group,
            "seconds": length,
        }

    rows = [row(e, s) for e, s in zip(examples, seconds)]
    return datasets.Dataset.from_list(rows, features=FEATURES)


def _to_struct(segment: Segment) -> dict[str, Any]:
    is_path = isinstance(segment.audio, str)
    return {
        "path": segment.audio if is_path else None,
        "bytes": None if is_path else segment.audio,
        "start": segment.start,
        "end": segment.end,
        "onset": segment.onset,
    }


def segments(structs: Iterable[dict[str, Any]]) -> tuple[Segment, ...]:
    """The inverse of what `to_arrow` stores."""
    return tuple(
        Segment(s["path"] or s["bytes"], s["start"], s["end"], s["onset"]) for s in structs
    )


def crop(options: DatasetConfig, is_training: bool) -> io.Crop:
    """Which stretch of a longer clip is kept: a random one in training only, else the middle."""
    kept = "center" if options.crop == "random" and not is_training else options.crop
    return cast(io.Crop, kept)  # a str, as OmegaConf knows no Literal; DatasetConfig checks it


@dataclass(frozen=True)
class Reading:
    """How rows are read, fixed for a run."""

    tokenizer: PreTrainedTokenizerBase
    dataset: DatasetConfig
    labels: dict[str, int]  # class -> index
    seed: int
    pretraining: PretrainingConfig | None = None


def answer(row: dict[str, Any], reading: Reading) -> dict[str, Any]:
    """What is right for a row, for every task but pre-training; it depends on no audio."""
    return {"label": reading.labels[row["label"]]}


class Clips(Dataset):
    """One split. `clips[Key(epoch, row)]` is a dict of arrays; None where a file has gone bad."""

    def __init__(self, rows: datasets.Dataset, reading: Reading, is_training: bool):
        self.rows = rows
        self.reading = reading
        self.is_training = is_training

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Key) -> dict[str, Any] | None:
        row = self.rows[key.row]
        generator = np.random.default_rng(
            [self.reading.seed, key.epoch, key.row, int(self.is_training)]
        )
        item: dict[str, Any] = {"index": key.row}
        ids = self._word_pieces(row["text"])
        audio = row["audio"]
        task = self.reading.pretraining
        if task is None:
            item |= answer(row, self.reading)
        else:
            matched = generator.random() >= task.mismatch_probability
            if not matched:
                audio = self.rows[self._other(row, generator)]["audio"]
            tokenizer = self.reading.tokenizer
            ids, labels = mask_words(
                ids,
                frozenset(tokenizer.all_special_ids),
                tokenizer.mask_token_id,
                len(tokenizer),
                task.mlm_probability,
                generator,
            )
            # Words are hidden either way, or a [MASK] would betray that the pair matches
            is_asked = matched or task.mlm_on_mismatch
            item["mlm_labels"] = labels if is_asked else np.full_like(labels, IGNORED)
            item["matched"] = int(matched)
        item["input_ids"] = ids
        try:
            item["waveform"] = self._waveform(audio, generator)
        except io.AudioError as error:
            log.warning("skipped %s: %s", row["id"], error)
            return None
        return item

    def _word_pieces(self, text: str) -> np.ndarray:
        limit = self.reading.dataset.max_text_length
        ids = self.reading.tokenizer(text, truncation=True, max_length=limit)["input_ids"]
        return np.asarray(ids, dtype=np.int64)

    def _waveform(self, audio: list[dict[str, Any]], generator: np.random.Generator) -> np.ndarray:
        options = self.reading.dataset
        kept = crop(options, self.is_training)
        wave = io.read_clip(segments(audio), options.max_seconds, kept, generator)
        return np.zeros_like(wave) if options.silence_audio else wave

    def _other(self, row: dict[str, Any], generator: np.random.Generator) -> int:
        """A row of another text and another recording, for a mismatched pair (thesis 2.3.3).

        Of another class too where the corpus has classes: "a dog barks" is true of every dog. Where
        that finds nothing in MAX_DRAWS draws, text and recording decide alone.
        """
        for draw in count():
            other = int(generator.integers(len(self.rows)))
            candidate = self.rows[other]
            is_alike = row["label"] and candidate["label"] == row["label"] and draw < MAX_DRAWS
            is_other = candidate["text"] != row["text"] and candidate["audio"] != row["audio"]
            if is_other and not is_alike:
                return other
        raise AssertionError("unreachable: preparation makes sure that there is another row")
